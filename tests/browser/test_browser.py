"""Two users in headless Chromium, in front of simulated pods: every check of tests/browser/two_users.mjs."""
import os
import re
import shutil
import subprocess

import harness
from harness import AFFINITY, service

SCRIPT = os.path.join(harness.ROOT, "tests", "browser", "two_users.mjs")
PICTURES = os.environ.get("PILOTLIGHT_PICTURES")  # a folder: where to leave screenshots


class SlowBrowser(harness.TestCase):
    def test_two_users_work_as_if_each_were_alone(self):
        self.assertIsNotNone(shutil.which("node"), "./dev setup installs what this test needs")
        gateway = self.gateway(service("warm", scale={"min-scale": 2, "max-scale": 2}, annotations=AFFINITY),
                               service("sd-studio", scale={"min-scale": 0, "max-scale": 1}, annotations=AFFINITY),
                               simulator={"COLD": "3", "SERVICE": "3", "STEPS": "20", "PNG_BYTES": "auto"})
        gateway.wait_for_ready(2)
        command = ["node", SCRIPT, "--warm", f"http://warm.default.localhost:{gateway.port}/",
                   "--cold", f"http://sd-studio.default.localhost:{gateway.port}/"]
        run = subprocess.run(command + (["--pictures", PICTURES] if PICTURES else []), capture_output=True, text=True,
                             timeout=240, check=False)
        print(run.stdout)
        failed = re.findall(r"^FAIL (.*)$", run.stdout, re.M)
        self.assertEqual((run.returncode, failed), (0, []), f"{run.stdout}\n{run.stderr}\n{gateway.tail()}")
        self.assert_one_at_a_time(gateway.stats())
