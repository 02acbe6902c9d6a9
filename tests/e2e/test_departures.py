"""Clients that leave before their answer."""
import threading
import time

import harness
import wire
from harness import TXT2IMG, service, stats
from recording_pod import RecordingPod, sized, static
from wire import prompt, request_text


class Departures(harness.TestCase):
    def one_pod(self, seconds, **own):
        gateway = self.gateway(service(scale={"min-scale": 1, "max-scale": 1}, own=own),
                               simulator={"SERVICE": str(seconds)})
        gateway.wait_for_ready(1)
        return gateway, gateway.pods()[0]

    def send(self, gateway, text):
        client = gateway.connect()
        self.addCleanup(client.close)
        client.send(request_text("POST", TXT2IMG, body=prompt(text)))
        return client

    def working(self, gateway, pod):
        gateway.wait(lambda: stats(pod.port)["gpu"] == 1, "the pod works")

    def test_a_client_that_leaves_while_it_waits_never_reaches_a_pod(self):
        gateway, pod = self.one_pod(1.2)
        running = self.send(gateway, "runs")
        self.working(gateway, pod)
        leavers = [self.send(gateway, f"leaves {n}") for n in range(6)]
        time.sleep(0.2)  # they are in the queue
        for number, client in enumerate(leavers):
            client.reset() if number % 2 else client.close()
        stays = self.send(gateway, "stays")
        self.assert_status(running.response(), 200, gateway)
        self.assert_status(stays.response(), 200, gateway)
        seen = stats(pod.port)
        self.assertEqual(seen["byPath"].get(TXT2IMG), 2, seen)
        self.assert_one_at_a_time({"pod": seen})
        gateway.wait(lambda: [line["status"] for line in gateway.access()].count(499) == 6, "six departures in the log")

    def test_a_client_that_leaves_while_its_pod_works_keeps_the_slot_until_the_pod_is_done(self):
        gateway, pod = self.one_pod(0.8)
        leaver = self.send(gateway, "leaves")
        self.working(gateway, pod)
        leaver.reset()
        stays = self.send(gateway, "stays")
        self.assert_status(stays.response(), 200, gateway)
        seen = stats(pod.port)
        self.assert_one_at_a_time({"pod": seen})
        self.assertEqual([run["interrupted"] for run in seen["runs"]], [False, False])
        self.assertEqual([run["client_gone"] for run in seen["runs"]], [False, False], "the pod was left alone")
        self.assertGreaterEqual(seen["runs"][1]["start"], seen["runs"][0]["end"])

    def test_a_hundred_clients_that_leave_at_random_moments_leave_nothing_behind(self):
        gateway, pod = self.one_pod(0.02)

        def visit(number):
            with gateway.connect() as client:
                client.send(request_text("POST", TXT2IMG, body=prompt(f"{number}")))
                time.sleep((number * 37 % 100) / 250)
                client.reset()
        harness.concurrently(20, lambda worker: [visit(worker * 5 + n) for n in range(5)])
        answers = harness.concurrently(5, lambda n: gateway.generate(f"after {n}"))
        self.assertEqual([a.status for a in answers], [200] * 5, gateway.tail())
        self.assert_one_at_a_time({"pod": stats(pod.port)})

    def test_a_client_that_leaves_in_the_middle_of_its_upload_is_forgotten(self):
        gateway, pod = self.one_pod(0.05)
        for _ in range(5):
            with gateway.connect() as client:
                client.send(request_text("POST", TXT2IMG, headers={"Content-Length": "1000"}) + b"half")
                client.reset()
        self.assert_status(gateway.generate(), 200, gateway)
        self.assertEqual(stats(pod.port)["byPath"].get(TXT2IMG), 1)

    def test_a_client_that_leaves_takes_its_work_along_if_the_service_says_so(self):
        gateway, pod = self.one_pod(8, **{"on-disconnect": "interrupt"})
        leaver = self.send(gateway, "leaves")
        self.working(gateway, pod)
        stays = self.send(gateway, "stays")
        leaver.reset()
        gateway.wait(lambda: stats(pod.port)["interrupts"], "the pod is told to stop")
        gateway.wait(lambda: len(stats(pod.port)["runs"]) == 1, "the pod has stopped", seconds=4)
        self.working(gateway, pod)  # the next one: whoever came after is not hit
        seen = stats(pod.port)
        self.assertEqual([run["interrupted"] for run in seen["runs"]], [True], seen)
        self.assert_one_at_a_time({"pod": seen})
        interrupts = seen["interrupts"]
        wire.request(pod.port, "POST", "/sdapi/v1/interrupt", host="127.0.0.1")  # ours, so that the test is short
        self.assert_status(stays.response(), 200, gateway)
        self.assertEqual(stats(pod.port)["interrupts"], interrupts + 1, "nobody was told to stop but the one who left")


class AtThePod(harness.TestCase):
    """What a pod is sent for clients who have left."""

    def leave(self, answer, **options):
        """A client sends a generation and leaves when the pod has it."""
        pod = RecordingPod(answer)
        self.addCleanup(pod.close)
        gateway = self.gateway(service(scale={"min-scale": 1}, **options), driver=static(pod))
        gateway.wait_for_ready(1)
        with gateway.connect() as client:
            client.send(request_text("POST", TXT2IMG, body=prompt("leaves")))
            gateway.wait(lambda: pod.seen, "the pod has the request")
            client.reset()
        gateway.wait(gateway.access, "the departure is noticed")
        time.sleep(1)
        return [seen.target for seen in pod.seen]

    def work(self, seen, _):
        if seen.target == TXT2IMG:
            self.done.wait(20)
        return sized(b"{}")

    def setUp(self):
        self.done = threading.Event()
        self.addCleanup(self.done.set)

    def test_where_several_work_at_once_nobody_is_interrupted(self):
        sent = self.leave(self.work, own={"on-disconnect": "interrupt"}, concurrency=2)
        self.assertEqual(sent, [TXT2IMG])
