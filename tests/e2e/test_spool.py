"""Whatever the gateway has to hold for somebody slow has a bound, and one request without room is alone with it."""
import re
import resource

import harness
import wire
from harness import TXT2IMG, service

LARGE = b'{"prompt": "' + b"x" * (4 << 20) + b'"}'


def spooled(gateway, where):
    return int(re.search(rf"^pilotlight_spool_{where}_bytes (\d+)$", gateway.metrics(), re.M).group(1))


class Spool(harness.TestCase):
    def one_pod(self, **options):
        gateway = self.gateway(service(scale={"min-scale": 1, "max-scale": 1}), **options)
        gateway.wait_for_ready(1)
        return gateway

    def post_large(self, gateway):
        with gateway.connect() as client:
            try:
                client.send(wire.request_text("POST", TXT2IMG, headers={"Content-Type": "application/json"}, body=LARGE))
            except ConnectionError:
                pass  # it is answered in its middle, and the rest is not taken
            return client.response()

    def assert_it_alone_has_no_room(self, gateway):
        with gateway.connect() as other:
            body = wire.prompt("under way")
            text = wire.request_text("POST", TXT2IMG, body=body)
            other.send(text[:-5])
            refused = self.post_large(gateway)
            self.assert_status(refused, 503, gateway)
            self.assertIn("proxy_internal_error", refused["proxy-status"])
            other.send(text[-5:])
            self.assert_status(other.response(), 200, gateway)
        self.assert_status(gateway.generate(), 200, gateway)
        gateway.wait(lambda: "disk_full" in [line.get("reason") for line in gateway.access()], "the log names the reason")

    def test_a_request_beyond_the_budget_of_the_disk_is_answered_503_and_the_others_go_on(self):
        gateway = self.one_pod(limits={"spoolDisk": "1Mi"})
        self.assert_it_alone_has_no_room(gateway)
        gateway.wait(lambda: spooled(gateway, "disk") == 0, "its file is gone")

    def test_a_request_that_meets_a_full_disk_is_answered_503_and_the_others_go_on(self):
        gateway = self.one_pod()
        hard = resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE)[1]
        resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE, (2 << 20, hard))
        self.assert_it_alone_has_no_room(gateway)

    def test_without_memory_in_the_budget_bodies_go_to_the_disk_early_and_the_metrics_say_so(self):
        gateway = self.one_pod(limits={"spoolMemory": "64Ki"})
        with gateway.connect() as client:
            text = wire.request_text("POST", TXT2IMG, headers={"Content-Type": "application/json"}, body=LARGE)
            client.send(text[:600_000])  # less than the 1Mi that one body may take of memory
            gateway.wait(lambda: spooled(gateway, "disk") > 400_000, "the body is on the disk")
            self.assertLessEqual(spooled(gateway, "memory"), 64 << 10)
            client.send(text[600_000:])
            self.assert_status(client.response(), 200, gateway)
        gateway.wait(lambda: spooled(gateway, "disk") + spooled(gateway, "memory") == 0, "nothing is held")
