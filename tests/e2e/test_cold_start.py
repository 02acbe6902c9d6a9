"""Requests that come while no pod runs."""
import re
import time

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

    def test_a_pod_that_an_early_request_would_end_is_left_alone_until_it_is_complete(self):
        gateway = self.gateway(service(scale={"max-scale": 1}, own={"startup-silence": "1100ms"}),
                               simulator={"COLD": "0.2", "MOUNT_DELAY": "1", "CRASH_WINDOW": "0.9"})
        with gateway.connect() as client:
            client.send(harness.wire.request_text("POST", harness.TXT2IMG, body=harness.wire.prompt()))
            pod = gateway.wait(gateway.pods, "a pod starts")[0]
            for _ in range(10):  # polls and page assets of an open tab, all the while
                self.assertNotEqual(gateway.request("GET", "/sdapi/v1/progress").status, 404)
                self.assertNotEqual(gateway.request("GET", "/theme.css").status, 404)
                time.sleep(0.05)
            self.assert_status(client.response(), 200, gateway)
        self.assertEqual([p.pid for p in gateway.pods()], [pod.pid], "the first pod lives")
        self.assertNotIn("Exited", [event["reason"] for event in gateway.api("/api/v1/events")["items"]])
        lines = gateway.wait(lambda: len(log := gateway.access()) >= 21 and log, "all are in the access log")
        self.assertNotIn(404, [line["status"] for line in lines])

    def test_a_pod_is_sent_its_first_request_when_its_api_is_mounted_however_long_that_takes(self):
        gateway = self.gateway(service(scale={"max-scale": 1}, own={"startup-silence": "100ms"}),
                               simulator={"COLD": "0.1", "MOUNT_DELAY": "1.5"})
        self.assert_status(gateway.generate(), 200, gateway)
        seen = harness.stats(gateway.pods()[0].port)["byPath"]
        self.assertEqual(seen[harness.TXT2IMG], 1, seen)
        self.assertGreaterEqual(seen["/sdapi/v1/progress"], 2, seen)

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
