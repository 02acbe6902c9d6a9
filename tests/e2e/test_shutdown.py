"""How a gateway ends, asked or not."""
import os
import signal
import socket

import harness
from harness import TXT2IMG, service, stats, wait_until
from wire import prompt, request_text


def parent(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        return int(file.read().rsplit(")", 1)[1].split()[1])


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


class Shutdown(harness.TestCase):
    def busy(self, pods, seconds):
        """A gateway whose pods all work, and the clients that wait for them."""
        gateway = self.gateway(service(scale={"min-scale": pods, "max-scale": pods}), simulator={"SERVICE": str(seconds)})
        gateway.wait_for_ready(pods)
        clients = []
        for _ in range(pods):
            client = gateway.connect()
            self.addCleanup(client.close)
            client.send(request_text("POST", TXT2IMG, body=prompt()))
            clients.append(client)
        gateway.wait(lambda: all(stats(p.port)["gpu"] == 1 for p in gateway.pods()), "all pods work")
        return gateway, clients

    def status(self, gateway, seconds=30):
        gateway.process.wait(seconds)
        return gateway.process.returncode

    def test_sigterm_lets_running_requests_finish_and_ends_with_0_and_no_pod(self):
        gateway, clients = self.busy(2, 1.5)
        gateway.process.send_signal(signal.SIGTERM)
        for client in clients:
            answer = client.response()
            self.assert_status(answer, 200, gateway)
            self.assertTrue(answer.json()["images"])
        self.assertEqual(self.status(gateway), 0, gateway.tail())
        self.assertEqual(gateway.pods(), [])

    def test_while_it_drains_new_connections_are_refused(self):
        gateway, clients = self.busy(1, 2)
        gateway.process.send_signal(signal.SIGTERM)

        def refused():
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", gateway.port)) != 0
        gateway.wait(refused, "the port is closed", 5)
        self.assertIsNone(gateway.process.poll(), "it did not wait for the running request")
        self.assert_status(clients[0].response(), 200, gateway)

    def test_whoever_waits_in_the_queue_at_sigterm_is_answered_503(self):
        gateway, clients = self.busy(1, 2)
        with gateway.connect() as waiting:
            waiting.send(request_text("POST", TXT2IMG, body=prompt("waits")))
            with gateway.connect() as behind:  # its answer proves that the one before was read
                behind.send(request_text("GET", "/internal/ping"))
                behind.response()
            gateway.process.send_signal(signal.SIGTERM)
            answer = waiting.response()
        self.assert_status(answer, 503, gateway)
        self.assertTrue(answer["retry-after"])
        self.assert_status(clients[0].response(), 200, gateway)
        self.assertEqual(self.status(gateway), 0)

    def test_an_idle_gateway_ends_at_once_although_clients_are_connected(self):
        gateway = self.gateway(service(scale={"min-scale": 1, "max-scale": 1}))
        gateway.wait_for_ready(1)
        with gateway.connect() as client:
            client.send(request_text("GET", "/internal/ping"))
            client.response()
            gateway.process.send_signal(signal.SIGTERM)
            self.assertEqual(self.status(gateway), 0, gateway.tail())
        self.assertEqual(gateway.pods(), [])

    def test_a_second_sigterm_ends_it_without_waiting_for_anybody(self):
        gateway, _ = self.busy(1, 60)
        gateway.process.send_signal(signal.SIGTERM)
        gateway.wait(lambda: harness.port_closed(gateway.port), "it drains", 5)
        gateway.process.send_signal(signal.SIGTERM)
        self.status(gateway, 20)
        wait_until(lambda: not gateway.pods(), "no pod is left", 10)

    def test_sigint_is_taken_as_sigterm(self):
        gateway, clients = self.busy(1, 0.5)
        gateway.process.send_signal(signal.SIGINT)
        self.assert_status(clients[0].response(), 200, gateway)
        self.assertEqual(self.status(gateway), 0)

    def test_a_gateway_killed_with_sigkill_leaves_no_process_behind(self):
        gateway, _ = self.busy(3, 60)
        family = [pod.pid for pod in gateway.pods()]
        family += [parent(pid) for pid in family if parent(pid) != gateway.process.pid]
        gateway.process.kill()
        gateway.process.wait(10)
        wait_until(lambda: not any(map(alive, family)), "pods and their keepers are gone", 10,
                   context=lambda: f"{[pid for pid in family if alive(pid)]}")

    def test_pods_that_ignore_sigterm_do_not_outlive_their_grace_period(self):
        gateway = self.gateway(service(scale={"min-scale": 1, "max-scale": 1}, terminationGracePeriodSeconds=1),
                               simulator={"PID1": "on"})
        gateway.wait_for_ready(1)
        gateway.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.status(gateway), 0, gateway.tail())
        self.assertEqual(gateway.pods(), [])

    def test_no_zombie_is_left_by_pods_that_end(self):
        gateway = self.gateway(service(scale={"min-scale": 2, "max-scale": 2}))
        gateway.wait_for_ready(2)
        for pod in gateway.pods():
            pod.kill()
        gateway.wait_for_ready(2)

        def zombies():
            found = []
            for pid in filter(str.isdigit, os.listdir("/proc")):
                try:
                    if parent(pid) == gateway.process.pid and not alive(pid):
                        found.append(pid)
                except OSError:
                    pass
            return found
        gateway.wait(lambda: not zombies(), "no zombie", 5)
