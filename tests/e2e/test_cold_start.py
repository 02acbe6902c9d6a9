"""Requests that come while no pod runs."""
import re

import harness
from harness import concurrently, service


def server_timing(answer):
    return {name: float(ms) for name, ms in re.findall(r"(\w+);dur=([\d.]+)", answer["server-timing"] or "")}


class ColdStart(harness.TestCase):
    def test_the_first_request_is_held_until_its_pod_is_ready_and_server_timing_says_so(self):
        gateway = self.gateway(service(), simulator={"COLD": "0.7"})
        cold = gateway.generate()
        self.assert_status(cold, 200, gateway)
        self.assertIn("x-stub-pod", dict(cold.fields))
        self.assertTrue(cold.json()["images"])
        self.assertGreater(server_timing(cold)["cold"], 0)
        warm = gateway.generate()
        self.assert_status(warm, 200, gateway)
        self.assertEqual(server_timing(warm)["cold"], 0)
        self.assertGreater(server_timing(warm)["pod"], 0)

    def test_of_forty_requests_held_through_a_cold_start_none_is_lost(self):
        gateway = self.gateway(service(scale={"max-scale": 2}), simulator={"COLD": "0.7", "SERVICE": "0.02"})
        with harness.Watcher(gateway) as watcher:
            answers = concurrently(40, lambda n: gateway.generate(f"dog {n}"))
        self.assertEqual([a.status for a in answers], [200] * 40, gateway.tail())
        self.assertEqual(len({a.body for a in answers}), 40, "everybody has a picture of their own")
        self.assertLessEqual(watcher.peak, 2)
        self.assert_one_at_a_time(watcher.last)

    def test_a_pod_whose_port_is_open_before_its_routes_are_mounted_gets_the_request_again(self):
        gateway = self.gateway(service(scale={"max-scale": 1}), simulator={"COLD": "0.1", "MOUNT_DELAY": "1"})
        answer = gateway.generate()
        self.assert_status(answer, 200, gateway)

    def test_a_pod_that_dies_during_its_start_is_replaced_and_the_request_still_served(self):
        gateway = self.gateway(service(scale={"max-scale": 1}), simulator={"COLD": "1"})
        with gateway.connect() as client:
            client.send(harness.wire.request_text("POST", harness.TXT2IMG, body=harness.wire.prompt()))
            gateway.wait(gateway.pods, "a pod starts")[0].kill()
            self.assert_status(client.response(), 200, gateway)

    def test_polls_of_an_idle_tab_wake_no_pod_but_a_page_load_does(self):
        gateway = self.gateway(service(scale={"max-scale": 1}), simulator={"COLD": "0.3"})
        poll = gateway.request("POST", "/internal/progress", body=b'{"id_task": "x"}')
        self.assertEqual(poll.status, 503, poll)
        self.assertEqual(gateway.pods(), [])
        page = gateway.request("GET", "/", headers={"Accept": "text/html"})
        self.assertIn(page.status, (200, 503), page)  # the page itself, or the one that says "starting"
        gateway.wait(gateway.pods, "a pod starts")
