"""Every bound has an answer: the table of docs, row by row."""
import harness
import wire
from harness import TXT2IMG, service, stats


class Limits(harness.TestCase):
    def one_pod(self, own=None, simulator=None, spec=None, **options):
        gateway = self.gateway(service(scale={"min-scale": 1, "max-scale": 1}, own=own, **(spec or {})),
                               simulator=simulator, **options)
        gateway.wait_for_ready(1)
        return gateway, gateway.pods()[0]

    def occupy(self, gateway, pod):
        client = gateway.connect()
        self.addCleanup(client.close)
        client.send(wire.request_text("POST", TXT2IMG, body=wire.prompt("occupies")))
        gateway.wait(lambda: stats(pod.port)["gpu"] == 1, "the pod works")
        return client

    def test_a_full_queue_is_answered_503_with_retry_after(self):
        gateway, pod = self.one_pod(own={"queue-depth": "2"}, simulator={"SERVICE": "1.5"})
        first = self.occupy(gateway, pod)
        answers = harness.concurrently(5, lambda _: gateway.generate())
        self.assertEqual(sorted(a.status for a in answers), [200, 200, 503, 503, 503], gateway.tail())
        refused = next(a for a in answers if a.status == 503)
        self.assertIn("error=connection_limit_reached", refused["proxy-status"])
        self.assertGreater(int(refused["retry-after"]), 0)
        self.assertEqual(refused["content-type"], "application/problem+json")
        self.assertEqual(refused.json()["status"], 503)
        self.assert_status(first.response(), 200, gateway)

    def test_a_request_that_waits_too_long_is_answered_504(self):
        gateway, pod = self.one_pod(own={"queue-timeout": "300ms"}, simulator={"SERVICE": "2"})
        self.occupy(gateway, pod)
        answer = gateway.generate()
        self.assert_status(answer, 504, gateway)
        self.assertIn("error=connection_timeout", answer["proxy-status"])

    def test_no_pod_within_the_cold_start_budget_is_answered_503(self):
        gateway = self.gateway(service(own={"cold-start-timeout": "400ms"}), simulator={"COLD": "60"})
        answer = gateway.generate()
        self.assert_status(answer, 503, gateway)
        self.assertIn("error=destination_unavailable", answer["proxy-status"])
        self.assertTrue(answer["retry-after"])

    def test_a_pod_that_works_longer_than_timeout_seconds_is_answered_504(self):
        gateway, _ = self.one_pod(spec={"timeoutSeconds": 1}, simulator={"SERVICE": "4"})
        answer = gateway.generate()
        self.assert_status(answer, 504, gateway)
        self.assertIn("error=http_response_timeout", answer["proxy-status"])

    def test_waiting_does_not_count_towards_timeout_seconds(self):
        gateway, pod = self.one_pod(spec={"timeoutSeconds": 2}, simulator={"SERVICE": "1.2"})
        self.occupy(gateway, pod)
        answers = harness.concurrently(2, lambda _: gateway.generate())  # the second waits for more than two seconds
        self.assertEqual([a.status for a in answers], [200, 200], gateway.tail())

    def test_a_body_that_is_too_large_is_answered_413_sized_or_chunked(self):
        gateway, pod = self.one_pod(limits={"bodyBytes": "64Ki"})
        self.assert_status(gateway.request("POST", TXT2IMG, body=b"x" * (64 << 10)), 422, gateway)  # the pod's own view
        with gateway.connect() as client:
            client.send(wire.request_text("POST", TXT2IMG, headers={"Content-Length": str((64 << 10) + 1)}))
            self.assert_status(client.response(), 413, gateway)
        with gateway.connect() as client:
            client.send(wire.request_text("POST", TXT2IMG, headers={"Transfer-Encoding": "chunked"}))
            chunk = b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
            try:
                for _ in range(8):
                    client.send(chunk)
            except ConnectionError:
                pass
            self.assert_status(client.response(), 413, gateway)
        self.assertEqual(stats(pod.port)["byPath"].get(TXT2IMG), 1)

    def test_a_client_that_expects_100_is_told_413_before_it_sends_too_much(self):
        gateway, _ = self.one_pod(limits={"bodyBytes": "64Ki"})
        with gateway.connect() as client:
            client.send(wire.request_text("POST", TXT2IMG,
                                          headers={"Expect": "100-continue", "Content-Length": "1000000"}))
            self.assertEqual(client.head().status, 413)

    def test_a_head_that_is_too_large_is_answered_431(self):
        gateway, _ = self.one_pod()
        for headers in ({"X-Long": "x" * (40 << 10)}, {f"X-{n}": "y" for n in range(150)}):
            with gateway.connect() as client:
                try:
                    client.send(wire.request_text("GET", "/", headers=headers))
                except ConnectionError:
                    pass
                self.assert_status(client.response(), 431, gateway)

    def test_cookies_of_16_kilobytes_are_no_problem(self):
        gateway, _ = self.one_pod()
        cookies = "; ".join(f"access-token-{n:043}={'t' * 40}" for n in range(160))
        self.assert_status(gateway.request("GET", "/sdapi/v1/samplers", headers={"Cookie": cookies}), 200, gateway)

    def test_a_client_that_is_silent_in_the_middle_of_its_head_is_cut(self):
        gateway, _ = self.one_pod(timeouts={"head": "300ms"})
        with gateway.connect() as client:
            client.send(b"POST /sdapi/v1/txt2img HTTP/1.1\r\nHost: sd.default")
            self.assertTrue(client.ended())

    def test_a_client_that_is_silent_in_the_middle_of_its_body_is_answered_408(self):
        gateway, _ = self.one_pod(timeouts={"body": "300ms"})
        with gateway.connect() as client:
            client.send(wire.request_text("POST", TXT2IMG, headers={"Content-Length": "100"}) + b"half")
            self.assert_status(client.response(), 408, gateway)

    def test_an_idle_connection_is_closed(self):
        gateway, _ = self.one_pod(timeouts={"keepAlive": "300ms"})
        with gateway.connect() as client:
            client.send(wire.request_text("GET", "/sdapi/v1/samplers"))
            self.assert_status(client.response(), 200, gateway)
            self.assertTrue(client.ended())
