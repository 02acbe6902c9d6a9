"""Break-even scaling through the real gateway: from nothing to a pod and back, in the time that was computed."""
import os
import signal
import time

import harness
from harness import concurrently, service

CLASS = {"class": "break-even.pilotlight.dev", "max-scale": "3"}


def break_even(own=None, scale=None, **more):
    made = service(scale={**CLASS, **(scale or {})}, own={"cold-start-worth": "2s", **(own or {})}, **more)
    notes = made["spec"]["template"]["metadata"]["annotations"]
    for name in ("window", "target-utilization-percentage"):  # they mean nothing here
        del notes["autoscaling.knative.dev/" + name]
    return made


def reason(gateway):
    revision, = gateway.api("/apis/serving.knative.dev/v1/revisions")["items"]
    return revision["metadata"].get("annotations", {}).get("pilotlight.dev/reason", "")


class BreakEven(harness.TestCase):
    def test_a_pod_comes_for_a_request_stays_for_what_a_restart_is_worth_and_goes(self):
        gateway = self.gateway(break_even({"cold-start-worth": "3s"}), simulator={"COLD": "0.5"})
        self.assert_status(gateway.generate(), 200, gateway)
        answered = time.monotonic()
        pod, = gateway.pods()
        gateway.wait(lambda: "keeping pod 1 for" in reason(gateway), "the reason for keeping it is told", 2.5)
        time.sleep(max(0, answered + 2.5 - time.monotonic()))
        self.assertEqual([p.pid for p in gateway.pods()], [pod.pid], "3 s and a cold start are not over yet")
        gateway.wait_until_gone(pod)
        kept = time.monotonic() - answered
        self.assertGreater(kept, 3.4, "a cold start took 0.5 s and is worth 3 s more")
        self.assertLess(kept, 9)
        reasons = [event["message"] for event in gateway.api("/api/v1/events")["items"] if event["reason"] == "Scaled"]
        self.assertTrue(any("pod 1 started: 1 waits" in reason for reason in reasons), reasons)
        self.assertTrue(any("pod 1 ends: idle 3." in reason for reason in reasons), reasons)

    def test_a_starting_pod_that_nobody_waits_for_any_more_is_cancelled(self):
        gateway = self.gateway(break_even(), simulator={"COLD": "1.5", "SERVICE": "0.05"})

        def ask(number):  # two of them when the first one's pod is on its way already
            time.sleep(0.7 if number else 0)
            return gateway.generate(f"dog {number}")
        with harness.Watcher(gateway) as watcher:
            answers = concurrently(3, ask)
            gateway.wait(lambda: len(gateway.pods()) == 1, "only the pod that served all three is left", 5)
        self.assertEqual([a.status for a in answers], [200] * 3, gateway.tail())
        self.assertEqual(watcher.peak, 3)
        self.assertEqual(len({dict(a.fields)["x-stub-pod"] for a in answers}), 1, "one pod served them all")

    def test_what_was_learnt_outlives_the_gateway(self):
        gateway = self.gateway(break_even(), simulator={"COLD": "0.3"})
        self.assert_status(gateway.generate(), 200, gateway)
        gateway.process.send_signal(signal.SIGTERM)
        self.assertEqual(gateway.process.wait(10), 0, gateway.tail())
        learnt = os.path.join(gateway.folder, "state", "learnt", "default.sd")
        with open(learnt, encoding="ascii") as file:
            text = file.read()
        self.assertRegex(text, r"\Abreak-even 1\ncold [0-9.]+\nheld [0-9.]+\ngaps")
        gateway.start()
        self.assert_status(gateway.generate(), 200, gateway)

    def test_the_class_changes_live_and_no_pod_is_lost(self):
        gateway = self.gateway(break_even(own={"cold-start-worth": "60s"}), simulator={"COLD": "0.3"})
        self.assert_status(gateway.generate(), 200, gateway)
        pod, = gateway.pods()
        gateway.write("service-0", service(scale={"class": "kpa.autoscaling.knative.dev", "max-scale": "3"}))
        gateway.process.send_signal(signal.SIGHUP)
        gateway.wait(lambda: "keeping pod" not in reason(gateway), "the new class decides")
        self.assert_status(gateway.generate(), 200, gateway)
        self.assertIn(pod.pid, [p.pid for p in gateway.pods()], gateway.tail())
        gateway.wait_until_gone(pod, 30)  # a window of 6 s after the last request
