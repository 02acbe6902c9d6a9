"""Clients and pods at their worst: whatever they do, nobody else waits for it and the gateway ends when it is told to."""
import os
import signal
import socket
import threading
import time

import harness
import wire
from harness import TXT2IMG, service
from recording_pod import Pod, RecordingPod, sized, static

ONE = {"min-scale": 1, "max-scale": 1}


class RawPod(Pod):
    """A pod that is a function of a connection and the first octets of its request's head."""

    def __init__(self, work):
        self.work, self.heads = work, []
        self.over = threading.Event()  # ends the pods that wait
        super().__init__()

    def close(self):
        self.over.set()
        super().close()

    def serve(self, peer):
        head = peer.take_until(b"\r\n\r\n")
        self.heads.append(head)
        self.work(self, peer, head)


def post(size, target=TXT2IMG):
    return wire.request_text("POST", target, headers={"Content-Length": str(size)})


class HostileCase(harness.TestCase):
    def with_pod(self, pod, own=None, spec=None, **options):
        self.addCleanup(pod.close)
        gateway = self.gateway(service(scale=ONE, own=own, **(spec or {})), driver=static(pod), **options)
        gateway.wait_for_ready(1)
        return gateway

    def assert_others_are_served(self, gateway, seconds=5):
        """A client of the same worker has its answer."""
        began = time.monotonic()
        try:
            answer = gateway.request("GET", "/", host="nobody.example.com", seconds=seconds)
        except wire.Broken as broken:
            self.fail(f"nobody else is served: {broken}")
        self.assertEqual(answer.status, 404)
        self.assertLess(time.monotonic() - began, seconds)


class HostilePods(HostileCase):
    def test_a_pod_that_answers_before_it_has_read_the_body_is_heard_at_once(self):
        def refuse(pod, peer, _):
            peer.send(sized(b"too much", "413 Content Too Large"))
            pod.over.wait(30)  # neither reads nor closes
        gateway = self.with_pod(RawPod(refuse))
        with gateway.connect(seconds=8) as client:
            client.send(post(24 << 20) + bytes(24 << 20))
            answer = client.response()
        self.assert_status(answer, 413, gateway)
        self.assertEqual(answer.body, b"too much")

    def test_a_pod_that_reads_slower_than_its_timeout_allows_is_answered_504(self):
        def sip(pod, peer, _):
            peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            while not pod.over.wait(0.2) and peer.socket.recv(200_000):
                pass
        gateway = self.with_pod(RawPod(sip), spec={"timeoutSeconds": 1})
        began = time.monotonic()
        with gateway.connect(seconds=12) as client:
            client.send(post(24 << 20) + bytes(24 << 20))
            self.assert_status(client.response(), 504, gateway)
        self.assertLess(time.monotonic() - began, 8)

    def test_an_endless_answer_as_fast_as_can_be_starves_nobody(self):
        def flood(pod, peer, _):
            peer.send(b"HTTP/1.1 200 OK\r\n\r\n")
            piece = bytes(8 << 20)
            while not pod.over.is_set():
                peer.send(piece)
        gateway = self.with_pod(RawPod(flood), spec={"timeoutSeconds": 2}, workers=1, limits={"responseBytes": "1Gi"})
        with gateway.connect() as client:
            client.send(wire.request_text("POST", TXT2IMG, body=wire.prompt()))
            client.head()
            worst = 0
            for _ in range(12):
                began = time.monotonic()
                self.assert_others_are_served(gateway)
                worst = max(worst, time.monotonic() - began)
        self.assertLess(worst, 0.2)

    def test_an_answer_that_ended_after_its_timeout_has_no_end_for_a_slow_reader(self):
        def late(pod, peer, _):
            peer.send(b"HTTP/1.1 200 OK\r\n\r\n" + bytes(16 << 20))
            pod.over.wait(1.6)
            peer.send(b"the end")
        gateway = self.with_pod(RawPod(late), spec={"timeoutSeconds": 1})
        with gateway.connect(receive_buffer=8192) as client:
            client.send(wire.request_text("POST", TXT2IMG, body=wire.prompt()))
            time.sleep(2.5)
            answer = client.response()
        self.assertFalse(answer.whole and not answer.body.endswith(b"the end"), f"an end was invented: {len(answer.body)}")

    def test_a_slot_whose_answer_finds_no_room_is_kept_until_the_pod_is_done(self):
        lock, running, most = threading.Lock(), [0], [0]

        def work(pod, peer, _):
            with lock:
                running[0] += 1
                most[0] = max(most[0], running[0])
            try:
                peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 41943048\r\n\r\n" + bytes(40 << 20))
            finally:
                pod.over.wait(1)  # it does not notice who has left
                with lock:
                    running[0] -= 1
            peer.send(b"finished")
        gateway = self.with_pod(RawPod(work), limits={"responseBytes": "1Mi"})

        def one(_):
            with gateway.connect(receive_buffer=8192) as client:
                client.send(wire.request_text("POST", TXT2IMG, body=wire.prompt()))
                time.sleep(2.5)
        harness.concurrently(2, one)
        self.assertEqual(most[0], 1)

    def test_a_request_that_kills_pods_on_used_connections_kills_no_more_of_them_for_that(self):
        def die_of_the_second(pod, peer, _):
            time.sleep(0.3)
            peer.send(sized())
            pod.heads.append(peer.take_until(b"\r\n\r\n"))
            pod.listener.shutdown(socket.SHUT_RDWR)  # nobody is there any more
        pods = [RawPod(die_of_the_second) for _ in range(3)]
        for pod in pods:
            self.addCleanup(pod.close)
        gateway = self.gateway(service(scale={"min-scale": 3, "max-scale": 3}, own={"retry": "1"}), driver=static(*pods),
                               workers=1)
        gateway.wait_for_ready(3)
        answers = harness.concurrently(3, lambda _: gateway.generate())  # leaves a connection to each
        self.assertEqual([a.status for a in answers], [200] * 3)
        for pod in pods:
            pod.work = lambda pod, peer, _: None  # a new connection ends likewise
        self.assert_status(gateway.generate(), 502, gateway)
        self.assertEqual(sum(len(pod.heads) for pod in pods) - 3, 2, "the first, and the one retry")


class HostileClients(HostileCase):
    def test_requests_without_end_on_one_connection_starve_nobody(self):
        gateway = self.with_pod(RecordingPod(), workers=1, log={"level": "info", "format": "json"})
        flood = wire.request_text("GET", "/", host="nobody.example.com") * 4000
        stop = threading.Event()

        def send(client):
            try:
                while not stop.is_set():
                    client.socket.sendall(flood)
            except OSError:
                pass

        def drop(client):
            buffer = bytearray(1 << 20)
            try:
                while not stop.is_set() and client.socket.recv_into(buffer):
                    pass
            except OSError:
                pass
        with gateway.connect() as one:
            for work in (send, drop):
                threading.Thread(target=work, args=(one,), daemon=True).start()
            time.sleep(0.5)
            try:
                self.assert_others_are_served(gateway, 3)
            finally:
                stop.set()
                one.socket.shutdown(socket.SHUT_RDWR)


class HostileReload(HostileCase):
    def reload(self, gateway, manifest):
        gateway.write("service-0", manifest)
        before = gateway.tail(2000).count("Reloaded")
        gateway.process.send_signal(signal.SIGHUP)
        gateway.wait(lambda: gateway.tail(2000).count("Reloaded") > before, "the reload is in force", 10)

    def test_a_connection_that_is_idle_during_a_reload_is_served_after_it(self):
        gateway = self.gateway(service(), workers=1)
        with gateway.connect() as client:
            for number in range(4):
                client.send(wire.request_text("GET", "/internal/ping"))
                self.assertEqual(client.response().status, 503)  # no pod runs
                self.reload(gateway, service(scale={"max-scale": number + 1}))
                time.sleep(0.2)
        self.assertIsNone(gateway.process.poll(), gateway.tail())

    def test_an_upload_that_outlasts_its_revision_is_served(self):
        gateway = self.gateway(service(scale=ONE))
        gateway.wait_for_ready(1)
        old = gateway.pods()[0]
        body = wire.prompt()
        with gateway.connect(seconds=15) as client:
            client.send(post(len(body)) + body[:5])
            time.sleep(0.2)
            self.reload(gateway, service(scale=ONE, container={"image": "test/stable-diffusion:2"}))
            gateway.wait_until_gone(old)
            gateway.wait_for_ready(1)
            time.sleep(1)
            client.send(body[5:])
            self.assert_status(client.response(), 200, gateway)

    def test_an_upload_that_outlasts_its_service_is_answered(self):
        gateway = self.gateway(service(own={"cold-start-timeout": "2s"}))
        body = wire.prompt()
        with gateway.connect(seconds=15) as client:
            client.send(post(len(body)) + body[:5])
            time.sleep(0.2)
            self.reload(gateway, service("other"))
            time.sleep(1)
            client.send(body[5:])
            self.assertIn(client.response().status, (200, 404, 503), gateway.tail())
        gateway.process.send_signal(signal.SIGTERM)
        self.assertEqual(gateway.process.wait(15), 0)


class HostileEnds(HostileCase):
    def test_a_second_sigterm_ends_it_although_a_pod_of_somebody_else_reads_nothing(self):
        gateway = self.with_pod(RawPod(lambda pod, peer, _: pod.over.wait(60)))
        with gateway.connect() as client:
            client.send(post(24 << 20) + bytes(24 << 20))
            time.sleep(0.5)
            gateway.process.send_signal(signal.SIGTERM)
            time.sleep(0.3)
            gateway.process.send_signal(signal.SIGTERM)
            self.assertEqual(gateway.process.wait(10), 0)

    def test_a_second_sigterm_ends_it_although_a_pod_is_still_mounting(self):
        gateway = self.with_pod(RawPod(lambda pod, peer, head: self.mount(pod, peer)))
        with gateway.connect() as client:
            client.send(wire.request_text("POST", TXT2IMG, body=wire.prompt()))
            time.sleep(0.4)
            gateway.process.send_signal(signal.SIGTERM)
            time.sleep(0.1)
            self.mounted = True
            gateway.process.send_signal(signal.SIGTERM)
            self.assertEqual(gateway.process.wait(10), 0)

    def test_pods_that_were_just_being_started_are_stopped_too(self):
        for milliseconds in (2, 4, 6, 8, 10):
            gateway = self.gateway(service(scale={"min-scale": 1, "max-scale": 8}, terminationGracePeriodSeconds=1),
                                   simulator={"PID1": "on", "COLD": "5"})  # the first one takes all its grace
            gateway.wait(gateway.pods, "the first pod")
            clients = [gateway.connect() for _ in range(7)]
            for client in clients:
                client.send(wire.request_text("POST", TXT2IMG, body=wire.prompt()))
            time.sleep(milliseconds / 1000)
            gateway.process.send_signal(signal.SIGTERM)
            self.assertEqual(gateway.process.wait(10), 0)
            self.assertEqual(gateway.pods(), [])
            for client in clients:
                client.close()

    mounted = False

    def mount(self, pod, peer):
        if self.mounted:
            pod.over.wait(60)
            return
        peer.send(sized(b'{"detail":"Not Found"}', "404 Not Found", Connection="close"))

    def test_a_request_whose_spooled_body_is_lost_is_answered_at_once(self):
        started, go = threading.Event(), threading.Event()

        def read_late(pod, peer, _):
            started.set()
            go.wait(20)
            while peer.socket.recv(1 << 20):
                pass
        gateway = self.with_pod(RawPod(read_late))
        with gateway.connect(seconds=10) as client:
            client.send(post(24 << 20) + bytes(24 << 20))
            self.assertTrue(started.wait(10))
            time.sleep(0.3)
            folder = f"/proc/{gateway.process.pid}/fd"
            lost = 0
            for fd in os.listdir(folder):
                try:
                    if "(deleted)" in os.readlink(f"{folder}/{fd}") and os.stat(f"{folder}/{fd}").st_size > 1 << 20:
                        os.truncate(f"{folder}/{fd}", 0)
                        lost += 1
                except OSError:
                    pass
            self.assertEqual(lost, 1)
            go.set()
            self.assert_status(client.response(), 503, gateway)


del HostileCase  # the others inherit from it; it has no tests
