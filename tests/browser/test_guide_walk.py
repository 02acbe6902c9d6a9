"""The guide's walk in the README is what a reader gets: the same commands, against a real gateway, print the same."""
import os
import re
import sys

import harness

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import guide_walk  # noqa: E402


class SlowGuideWalk(harness.TestCase):
    def test_the_readmes_commands_print_what_stands_there_and_the_browser_sees_what_it_says(self):
        gateway = guide_walk.gateway()
        self.addCleanup(gateway.end)
        text = guide_walk.section()
        walk = guide_walk.Walk(gateway, guide_walk.commands_of(text))
        found = guide_walk.differences(text, guide_walk.filled(text, walk.printed))
        self.assertEqual(found, [], "\n".join([*found, "tests/browser/guide_walk.py --write walks anew", gateway.tail()]))
        waiting, became = walk.seen["open"]["waiting"], walk.seen["open"]["became"]
        self.assertEqual((waiting["status"], became["host"]), (503, "knative-sd-demo.default.localhost"))
        done = walk.seen["done"]
        answered, pages = (sum(float(n) for n in re.findall(rf"^{name}\{{.*\}} (\S+)$", walk.metrics, re.M))
                           for name in ("revision_request_count", "pilotlight_waiting_pages_total"))
        self.assertEqual(pages, 1)
        self.assertEqual(done, {"requests": answered + pages, "success": 100, "4": 0, "5": 0,  # the waiting page is no failure
                                "bars": 50, "coldStarts": 5, "beyond": 0, "errors": []})
        self.assertRegex(walk.seen["busy"]["headline"], r"^5 pods ready, all busy")
