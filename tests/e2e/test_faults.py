"""Pods that fail. A request that had no answer yet is tried once more; an answer is never invented."""
import threading

import harness
from harness import fault, service


class Faults(harness.TestCase):
    def pods(self, count, spec=None, own=None, **simulator):
        gateway = self.gateway(service(scale={"min-scale": count, "max-scale": count}, own=own, **(spec or {})),
                               simulator={"SERVICE": "0.1", **simulator})
        gateway.wait_for_ready(count)
        return gateway

    def test_pods_killed_under_load_cost_no_request_its_answer(self):
        gateway = self.pods(3)
        runs = []
        load = threading.Thread(target=lambda: runs.append(gateway.hey(150, 6)))
        load.start()
        for _ in range(2):
            pod = gateway.wait(gateway.busy, "a pod works")[0]
            pod.kill()
            gateway.wait_until_gone(pod)
            gateway.wait(lambda: len(gateway.listening()) == 3, "another pod in its place")
        load.join(120)
        self.assertEqual(runs[0].statuses, [200] * 150, runs[0].output + gateway.tail())
        self.assert_one_at_a_time(gateway.stats())

    def test_a_pod_that_crashes_in_the_middle_of_its_work_costs_a_second_try_not_an_error(self):
        gateway = self.pods(2)
        for pod in gateway.pods():
            fault(pod.port, "crash", times=1)
            break
        answers = harness.concurrently(4, lambda _: gateway.generate())
        self.assertEqual([a.status for a in answers], [200] * 4, gateway.tail())
        gateway.wait(lambda: sum(line["retries"] for line in gateway.access()) == 1, "one retry in the access log")

    def test_a_request_that_kills_every_pod_ends_with_502_after_its_one_retry(self):
        gateway = self.pods(2, own={"retry": "1"})
        for pod in gateway.pods():
            fault(pod.port, "crash")
        answer = gateway.generate()
        self.assert_status(answer, 502, gateway)
        self.assertIn("error=connection_terminated", answer["proxy-status"])

    def test_without_retry_a_pods_death_is_answered_502(self):
        gateway = self.pods(1, own={"retry": "0"})
        fault(gateway.pods()[0].port, "crash")
        self.assert_status(gateway.generate(), 502, gateway)

    def test_a_pods_own_500_is_passed_on_as_it_is(self):
        gateway = self.pods(1)
        fault(gateway.pods()[0].port, "error", times=1)
        answer = gateway.generate()
        self.assert_status(answer, 500, gateway)
        self.assertEqual(answer.json()["error"], "OutOfMemoryError")
        self.assertIsNone(answer["proxy-status"])
        self.assert_status(gateway.generate(), 200, gateway)

    def test_a_pod_that_hangs_is_answered_504_and_replaced(self):
        gateway = self.pods(1, spec={"timeoutSeconds": 1})
        hung = gateway.pods()[0]
        fault(hung.port, "hang")
        answer = gateway.generate()
        self.assert_status(answer, 504, gateway)
        self.assertIn("error=http_response_timeout", answer["proxy-status"])
        gateway.wait_until_gone(hung, 60)
        self.assert_status(gateway.generate(), 200, gateway)

    def test_a_body_that_breaks_off_reaches_the_client_as_broken(self):
        gateway = self.pods(1, PNG_BYTES="2000000")
        fault(gateway.pods()[0].port, "truncate", times=1)
        answer = gateway.generate()
        self.assertTrue(answer.status == 502 or not answer.whole, f"an end was invented: {answer.fields}")
        self.assert_status(gateway.generate(), 200, gateway)

    def test_a_pod_that_refuses_connections_is_passed_over(self):
        gateway = self.pods(2)
        fault(gateway.pods()[0].port, "refuse", seconds=2)
        answers = [gateway.generate() for _ in range(6)]
        self.assertEqual([a.status for a in answers], [200] * 6, gateway.tail())

    def test_a_pod_that_resets_a_reused_connection_costs_no_request(self):
        gateway = self.pods(1)
        fault(gateway.pods()[0].port, "close")
        answers = [gateway.generate() for _ in range(6)]
        self.assertEqual([a.status for a in answers], [200] * 6, gateway.tail())

    def test_a_body_that_drips_arrives_whole(self):
        gateway = self.pods(1)
        fault(gateway.pods()[0].port, "drip", times=1, rate=20000)
        answer = gateway.generate()
        self.assert_status(answer, 200, gateway)
        self.assertTrue(answer.whole)
        self.assertTrue(answer.json()["images"])

    def test_a_pod_whose_connections_stay_half_open_is_used_again(self):
        gateway = self.pods(1)
        fault(gateway.pods()[0].port, "half-close")
        answers = [gateway.generate() for _ in range(3)]
        self.assertEqual([a.status for a in answers], [200] * 3, gateway.tail())

    def test_an_image_that_ends_at_every_start_is_answered_503_and_shown_as_crash_looping(self):
        gateway = self.gateway(service(scale={"max-scale": 1}), simulator={"COLD": "0", "START_FAIL": "1"})
        answer = gateway.generate(seconds=60)
        self.assert_status(answer, 503, gateway)
        self.assertIn("error=destination_unavailable", answer["proxy-status"])
        self.assertTrue(answer["retry-after"])
        self.assertEqual(gateway.request("GET", "/internal/ping").status, 503)  # the light kind neither wakes nor waits

    def test_a_pod_in_back_off_is_shown_as_crash_looping(self):
        gateway = self.gateway(service(scale={"min-scale": 1, "max-scale": 1}), simulator={"COLD": "0", "START_FAIL": "1"})
        gateway.wait(lambda: "CrashLoopBackOff" in str(gateway.pod_items()), "CrashLoopBackOff of the pod")

    def test_an_image_that_cannot_be_run_says_why(self):
        gateway = self.gateway(service(scale={"max-scale": 1}),
                               image_rule={"command": ["/no/such/program"]})
        answer = gateway.generate(seconds=60)
        self.assert_status(answer, 503, gateway)
        gateway.wait(lambda: "/no/such/program" in gateway.tail(400), "the log names the program")
