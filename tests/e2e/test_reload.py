"""SIGHUP: a new configuration, whole or not at all, and no pod restarts for a number."""
import signal

import harness
import wire
from harness import TXT2IMG, service, stats


class Reload(harness.TestCase):
    def reload(self, gateway, manifest):
        gateway.write("service-0", manifest)
        gateway.process.send_signal(signal.SIGHUP)

    def test_scaling_bounds_change_without_a_pod_restarting(self):
        gateway = self.gateway(service(scale={"min-scale": 1, "max-scale": 1}))
        gateway.wait_for_ready(1)
        first = gateway.pods()[0]
        self.reload(gateway, service(scale={"min-scale": 3, "max-scale": 3}))
        gateway.wait_for_ready(3)
        self.assertIn(first.pid, [pod.pid for pod in gateway.pods()])
        self.reload(gateway, service(scale={"min-scale": 1, "max-scale": 1}))
        gateway.wait_for_pods(1)
        self.assertEqual(stats(gateway.pods()[0].port)["id"], gateway.pods()[0].name)

    def test_the_queue_depth_changes_while_requests_wait(self):
        gateway = self.gateway(service(scale={"min-scale": 1, "max-scale": 1}), simulator={"SERVICE": "3"})
        gateway.wait_for_ready(1)
        pod = gateway.pods()[0]
        with gateway.connect() as running, gateway.connect() as waiting:
            running.send(wire.request_text("POST", TXT2IMG, body=wire.prompt("runs")))
            gateway.wait(lambda: stats(pod.port)["gpu"] == 1, "the pod works")
            waiting.send(wire.request_text("POST", TXT2IMG, body=wire.prompt("waits")))
            self.reload(gateway, service(scale={"min-scale": 1, "max-scale": 1}, own={"queue-depth": "1"}))
            gateway.wait(lambda: "Reloaded" in gateway.tail(400), "the log says that it is in force", 10)
            self.assert_status(gateway.generate(), 503, gateway)
            self.assert_status(running.response(), 200, gateway)
            self.assert_status(waiting.response(), 200, gateway)
        self.assertEqual([p.pid for p in gateway.pods()], [pod.pid])

    def test_a_broken_manifest_is_refused_and_the_old_one_stays_in_force(self):
        gateway = self.gateway(service(scale={"min-scale": 1, "max-scale": 1}))
        gateway.wait_for_ready(1)
        pod = gateway.pods()[0]
        self.reload(gateway, service(scale={"min-scale": "many"}))
        gateway.wait(lambda: "service-0.yaml:" in gateway.tail(400), "the log says what is wrong, and where")
        self.assert_status(gateway.generate(), 200, gateway)
        self.assertEqual([p.pid for p in gateway.pods()], [pod.pid])
        self.reload(gateway, service(scale={"min-scale": 2, "max-scale": 2}))
        gateway.wait_for_ready(2)

    def test_a_service_that_is_added_is_served_and_one_that_is_removed_is_not(self):
        gateway = self.gateway(service("old"), simulator={"SERVICE": "0.05"})
        self.assert_status(gateway.generate(host="old.default.example.com"), 200, gateway)
        self.reload(gateway, service("new"))
        gateway.wait(lambda: gateway.generate(host="new.default.example.com").status == 200, "the new service")
        self.assertEqual(gateway.generate(host="old.default.example.com").status, 404)
        gateway.wait(lambda: all("new" in p.name for p in gateway.pods()), "the old service's pods are gone", 40)

    def test_a_request_under_way_is_not_cut_by_a_reload(self):
        gateway = self.gateway(service(scale={"min-scale": 1, "max-scale": 1}), simulator={"SERVICE": "1"})
        gateway.wait_for_ready(1)
        with gateway.connect() as client:
            client.send(wire.request_text("POST", TXT2IMG, body=wire.prompt()))
            gateway.wait(lambda: stats(gateway.pods()[0].port)["gpu"] == 1, "the pod works")
            self.reload(gateway, service(scale={"min-scale": 1, "max-scale": 2}, own={"queue-timeout": "1m"}))
            self.assert_status(client.response(), 200, gateway)

    def test_a_changed_container_makes_a_new_revision_that_takes_over(self):
        gateway = self.gateway(service(scale={"min-scale": 1, "max-scale": 1}), simulator={"SERVICE": "0.05"})
        gateway.wait_for_ready(1)
        old = gateway.pods()[0]
        self.reload(gateway, service(scale={"min-scale": 1, "max-scale": 1}, container={"image": "test/stable-diffusion:2"}))
        gateway.wait(lambda: [p for p in gateway.listening() if p.pid != old.pid] and
                     old.pid not in [p.pid for p in gateway.pods()], "another pod in its place", 40)
        self.assert_status(gateway.generate(), 200, gateway)
