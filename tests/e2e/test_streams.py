"""What is open for long: event streams and WebSockets. They hold no slot and end with whoever ends them."""
import base64
import hashlib
import os
import threading

import harness
import wire
from harness import TXT2IMG, service
from recording_pod import RecordingPod, sized, static

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
UPGRADE = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": KEY}
EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


def accept_of(key):
    return base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()


def switch(seen, extra=b""):
    return (f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {accept_of(seen['sec-websocket-key'])}\r\n\r\n").encode() + extra


def chunk(octets):
    return f"{len(octets):x}\r\n".encode() + octets + b"\r\n"


class Streams(harness.TestCase):
    def setUp(self):
        self.go, self.left = threading.Event(), threading.Event()
        self.addCleanup(self.go.set)
        self.pod = RecordingPod(self.answer)
        self.addCleanup(self.pod.close)
        self.gw = self.gateway(service(scale={"min-scale": 1}), driver=static(self.pod), timeouts={"tunnel": "2s"})
        self.gw.wait_for_ready(1)

    def answer(self, seen, peer):
        if seen.target.startswith("/heartbeat/"):
            peer.send(EVENTS + chunk(b"data: 1\n\n"))
            self.go.wait(20)
            try:
                for _ in range(200):
                    peer.send(chunk(b"data: 2\n\n" * 1000))
            except OSError:
                self.left.set()
                return None
            peer.send(b"0\r\n\r\n")
            return None
        if seen.target.startswith("/hints"):
            peer.send(b"HTTP/1.1 103 Early Hints\r\nLink: </theme.css>; rel=preload\r\n\r\n")
            return sized(b"page")
        if seen.target.startswith("/long"):
            for _ in range(16):
                peer.send(b"HTTP/1.1 102 Processing\r\n\r\n")
            return sized(b"done")
        if seen["upgrade"]:
            peer.send(switch(seen, b"first words"))
            return self.echo(peer)
        return sized(seen.body or b"{}")

    def echo(self, peer):
        while peer.buffer or peer.more():
            octets, peer.buffer = peer.buffer, b""
            if octets.endswith(b"goodbye"):
                peer.send(b"last words")
                return None
            peer.send(octets)
        self.left.set()
        return None

    def open_stream(self, target="/heartbeat/abc"):
        client = self.gw.connect()
        self.addCleanup(client.close)
        client.send(wire.request_text("GET", target, headers={"Accept-Encoding": "gzip, br"}))
        answer = client.head()
        self.assert_status(answer, 200, self.gw)
        self.assertEqual(client.take_until(b"data: 1\n\n\r\n")[-3:], b"9\r\n")
        return client, answer

    def open_socket(self, target="/ws?clientId=1", host=wire.HOST):
        client = self.gw.connect()
        self.addCleanup(client.close)
        client.send(wire.request_text("GET", target, host=host, headers=UPGRADE) + b"early")
        answer = client.head()
        self.assert_status(answer, 101, self.gw)
        return client, answer

    def test_events_come_one_by_one_and_the_pod_is_asked_not_to_compress(self):
        client, answer = self.open_stream()  # the first event is there while the pod holds the next
        self.assertEqual(self.pod.seen[-1]["accept-encoding"], "identity")
        self.assertEqual(answer["x-accel-buffering"], "no")
        self.go.set()
        client.take_until(b"0\r\n\r\n")

    def test_an_open_stream_holds_no_slot_and_lets_the_pod_go_when_its_client_leaves(self):
        client, _ = self.open_stream()
        self.assert_status(self.gw.generate(), 200, self.gw)
        client.close()
        self.gw.wait(lambda: any(line["class"] == "S" for line in self.gw.access()), "the departure is noticed")
        self.go.set()
        self.gw.wait(self.left.is_set, "the pod's side of the stream has ended")

    def test_a_websocket_is_a_tunnel_in_both_directions(self):
        client, answer = self.open_socket()
        self.assertEqual(answer["sec-websocket-accept"], accept_of(KEY))
        self.assertEqual(answer["upgrade"], "websocket")
        self.assertEqual(client.take(16), b"first wordsearly")
        body = os.urandom(8 << 20)  # more than all buffers on the way: each side waits for the other
        sender = threading.Thread(target=client.send, args=(body,))
        sender.start()
        self.assertEqual(client.take(len(body)), body)
        sender.join(20)
        self.assert_status(self.gw.generate(), 200, self.gw)  # and it holds no slot
        client.send(b"goodbye")
        self.assertEqual(client.take(10), b"last words")
        self.assertTrue(client.ended())

    def test_a_client_that_leaves_its_websocket_ends_the_pods_side(self):
        client, _ = self.open_socket()
        client.reset()
        self.gw.wait(self.left.is_set, "the pod's side of the tunnel has ended")

    def test_a_tunnel_without_an_octet_ends_after_its_limit_and_a_ping_keeps_it(self):
        client, _ = self.open_socket()
        client.take(16)
        for _ in range(3):
            threading.Event().wait(1.2)
            client.send(b"ping")
            self.assertEqual(client.take(4), b"ping")
        self.assertTrue(client.ended())

    def test_a_side_that_does_not_answer_the_others_goodbye_is_not_waited_for(self):
        silent = RecordingPod(lambda seen, peer: (peer.send(switch(seen)), self.go.wait(30), None)[2])
        self.addCleanup(silent.close)
        gw = self.gateway(service(scale={"min-scale": 1}), driver=static(silent))
        gw.wait_for_ready(1)
        with gw.connect() as client:
            client.send(wire.request_text("GET", "/ws", headers=UPGRADE))
            self.assert_status(client.head(), 101, gw)
        gw.wait(gw.access, "the tunnel has ended: it is in the access log", 10)

    def test_a_pod_that_refuses_the_handshake_is_passed_on(self):
        self.pod.answer = lambda seen, _: sized(b"no", status="403 Forbidden")
        with self.gw.connect() as client:
            client.send(wire.request_text("GET", "/ws", headers=UPGRADE))
            self.assertEqual(client.response().status, 403)

    def test_a_pod_that_switches_unasked_is_refused(self):
        self.pod.answer = lambda seen, _: b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n"
        self.assert_status(self.gw.request("GET", "/sdapi/v1/samplers"), 502, self.gw)

    def test_half_a_handshake_is_a_bad_request(self):
        for broken in ({"Sec-WebSocket-Key": None}, {"Sec-WebSocket-Key": "short"}):
            headers = {k: v for k, v in {**UPGRADE, **broken}.items() if v is not None}
            with self.gw.connect() as client:
                client.send(wire.request_text("GET", "/ws", headers=headers))
                self.assertEqual(client.response().status, 400)

    def test_early_hints_go_on_to_a_client_of_http_1_1(self):
        with self.gw.connect() as client:
            client.send(wire.request_text("GET", "/hints"))
            hints = client.head()
            self.assertEqual((hints.status, hints["link"]), (103, "</theme.css>; rel=preload"))
            self.assertEqual(client.response().body, b"page")

    def test_a_pod_may_say_that_it_still_works(self):
        answer = self.gw.request("POST", "/long", body=b"{}")
        self.assertEqual((answer.status, answer.body), (200, b"done"), self.gw.tail())

    def test_open_streams_do_not_hold_up_a_shutdown(self):
        stream, _ = self.open_stream()
        socket, _ = self.open_socket()
        self.gw.process.terminate()
        self.gw.process.wait(10)
        self.assertEqual(self.gw.process.returncode, 0)
        self.assertTrue(stream.ended() and socket.ended())


class Strict(harness.TestCase):
    def test_in_the_strict_profile_a_socket_holds_its_slot_until_it_ends(self):
        pod = RecordingPod(lambda seen, peer: (peer.send(switch(seen)), peer.more(), None)[2] if seen["upgrade"]
                           else sized(b"{}"))
        self.addCleanup(pod.close)
        gw = self.gateway(service(scale={"min-scale": 1}, own={"profile": "strict", "queue-timeout": "1s"}), driver=static(pod))
        gw.wait_for_ready(1)
        with gw.connect() as client:
            client.send(wire.request_text("GET", "/ws", headers=UPGRADE))
            self.assert_status(client.head(), 101, gw)
            self.assert_status(gw.request("GET", TXT2IMG), 504, gw)
        self.assert_status(gw.request("GET", TXT2IMG), 200, gw)
