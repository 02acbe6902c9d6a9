"""The guide's hey run: fifty pictures for five clients, from zero pods and back to zero."""
import harness
from harness import DEMO, Gateway, Watcher

HOST = "knative-sd-demo.default.example.com"
PODS = {"COLD": "0.8", "MOUNT_DELAY": "0", "MODEL_LOAD": "0.8", "SERVICE": "0.4", "CV": "0.012", "PNG_BYTES": "auto"}


def demo(window=None):
    with open(DEMO, encoding="utf-8") as file:
        text = file.read()
    if window:
        line = "        autoscaling.knative.dev/maxScale: '10'\n"
        assert line in text
        text = text.replace(line, f"{line}        autoscaling.knative.dev/window: {window}\n")
    return text


class HeyTestCase(harness.TestCase):
    def run_hey(self, gateway: Gateway):
        self.assertEqual(gateway.pods(), [])
        with Watcher(gateway) as watcher:
            run = gateway.hey(50, 5, HOST)
        self.assertEqual(run.statuses, [200] * 50, run.output + gateway.tail())
        self.assertEqual(watcher.peak, 5, f"pods at the peak\n{gateway.tail()}")
        self.assert_one_at_a_time(watcher.last)
        self.assertEqual(sum(seen["images"] for seen in watcher.last.values()), 50)
        return watcher


class HeyRun(HeyTestCase):
    def test_fifty_requests_of_five_clients_get_fifty_pictures_from_five_pods_and_none_is_left_after_the_window(self):
        gateway = self.gateway(demo(window="6s"), simulator=PODS)
        watcher = self.run_hey(gateway)
        self.assertTrue(all(seen["served"] for seen in watcher.last.values()), "every pod had work")
        gateway.wait_for_no_pods(60)

    def test_a_second_run_after_scaling_to_zero_is_as_good_as_the_first(self):
        gateway = self.gateway(demo(window="6s"), simulator={**PODS, "SERVICE": "0.1", "COLD": "0.2"})
        self.run_hey(gateway)
        gateway.wait_for_no_pods(60)
        self.run_hey(gateway)


class SlowHeyRun(HeyTestCase):
    def test_the_guides_manifest_byte_for_byte_makes_fifty_pictures_and_returns_to_zero_after_its_60_seconds(self):
        gateway = self.gateway(demo(), simulator=PODS)
        self.run_hey(gateway)
        gateway.wait_for_no_pods(120)
