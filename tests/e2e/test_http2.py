"""HTTP/2: the same way of a request as HTTP/1.1, and what only HTTP/2 can do to a gateway."""
import os
import signal
import subprocess
import threading
import time

import h2
import harness
import tls
import wire
import ws
from h2 import (CONTINUATION, DATA, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, GOAWAY, HEADERS, INTERNAL_ERROR, PING,
                PROTOCOL_ERROR, Client, Tunnel, block, fields, frame)
from harness import TXT2IMG, service, stats
from recording_pod import RecordingPod, sized, static
from test_gradio_socket import picture
from test_streams import switch

PICTURE = wire.prompt("pretty dog")
JSON = [("content-type", "application/json")]


class Base(harness.TestCase):
    def one_pod(self, seconds=0.05, **options):
        gateway = self.gateway(service(scale={"min-scale": 1, "max-scale": 1}), simulator={"SERVICE": str(seconds)},
                               **options)
        gateway.wait_for_ready(1)
        return gateway, gateway.pods()[0]

    def recorder(self, answer=None, **options):
        pod = RecordingPod(answer)
        self.addCleanup(pod.close)
        gateway = self.gateway(service(scale={"min-scale": 1}), driver=static(pod), **options)
        gateway.wait_for_ready(1)
        return gateway, pod

    def client(self, gateway, **options):
        client = Client(gateway.port, **options)
        self.addCleanup(client.close)
        return client

    def assert_served(self, gateway):
        """A normal client is, and the one slot is free."""
        self.assert_status(gateway.generate(), 200, gateway)
        with Client(gateway.port) as client:
            answer = client.request("POST", TXT2IMG, more=JSON, body=PICTURE)
            self.assertEqual((answer.status, answer.ended), (200, True), gateway.tail())

    def curl(self, gateway, target, *options, version="--http2-prior-knowledge"):
        url = f"http://{wire.HOST}:{gateway.port}{target}"
        done = subprocess.run(["curl", "-sS", "-i", version, "--max-time", "20", "--connect-to", "::127.0.0.1:",
                               *options, url], capture_output=True, check=False, timeout=30)
        self.assertEqual(done.returncode, 0, done.stderr.decode() + gateway.tail())
        head, _, body = done.stdout.partition(b"\r\n\r\n")
        return head.decode(), body


class Http2(Base):
    def test_a_generation_comes_from_zero_and_the_log_says_by_which_protocol(self):
        gateway = self.gateway(service())
        head, body = self.curl(gateway, TXT2IMG, "-H", "Content-Type: application/json", "--data-binary",
                               PICTURE.decode())
        self.assertTrue(head.startswith("HTTP/2 200"), head)
        self.assertIn(b"images", body)
        self.assertIn("server-timing:", head)
        for name in ("connection", "transfer-encoding", "keep-alive"):
            self.assertNotIn(f"\n{name}:", head)
        line = gateway.wait(lambda: gateway.access() and gateway.access()[-1], "the request is logged")
        self.assertEqual((line["protocol"], line["class"], line["status"]), ("HTTP/2", "G", 200))

    def test_heads_refusals_and_pages_are_those_of_http_1_1(self):
        gateway, _ = self.one_pod()
        head, body = self.curl(gateway, "/", "-I")
        self.assertTrue(head.startswith("HTTP/2 200"), head)
        self.assertEqual(body, b"")
        head, body = self.curl(gateway, "/.pilotlight/status")
        self.assertIn(b'"state"', body)
        head, body = self.curl(gateway, "/", "-H", "Host: nobody.example")
        self.assertTrue(head.startswith("HTTP/2 404"), head)
        self.assertIn(b"unknown_host", body)
        self.assert_served(gateway)

    def test_a_body_is_taken_at_its_own_pace_and_an_answer_at_the_clients(self):
        answer = os.urandom(3 << 20)
        gateway, pod = self.recorder(lambda seen, peer: sized(answer))
        body = os.urandom(3 << 20)
        client = self.client(gateway)
        seen = client.request("POST", TXT2IMG, body=body)
        self.assertEqual((seen.status, seen.body == answer), (200, True))
        self.assertEqual(pod.seen[-1].body, body)

    def test_early_hints_and_100_continue_are_passed(self):
        def hints(seen, peer):
            peer.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n")
            return sized(b"page")
        gateway, _ = self.recorder(hints)
        client = self.client(gateway)
        stream = client.open(fields("POST", TXT2IMG, more=[("expect", "100-continue")]), end=False)
        client.until(lambda: client.streams[stream].interim)
        client.data(stream, b"{}", end=True)
        answer = client.answer(stream)
        self.assertEqual((answer.interim, answer.status, answer.body), ([100, 103], 200, b"page"))

    def test_a_broken_answer_has_no_end(self):
        def breaks(seen, peer):
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of it")
        gateway, _ = self.recorder(breaks)
        client = self.client(gateway)
        answer = client.request()
        self.assertEqual((answer.status, answer.ended, answer.reset), (200, False, INTERNAL_ERROR))
        self.assertEqual(answer.body, b"half of it")
        self.assertFalse(client.closed)

    def test_a_hundred_streams_at_once_all_succeed(self):
        gateway, _ = self.one_pod()
        done = subprocess.run(["h2load", "-n", "2000", "-c", "2", "-m", "100", "-H", f":authority: {wire.HOST}",
                               f"http://127.0.0.1:{gateway.port}/internal/ping"], capture_output=True, text=True,
                              check=False, timeout=60)
        self.assertIn("2000 succeeded, 0 failed, 0 errored, 0 timeout", done.stdout, done.stdout + gateway.tail())

    def test_a_waiting_request_that_is_reset_is_forgotten_at_once(self):
        gateway, pod = self.one_pod(1)
        client = self.client(gateway)
        running = client.open(fields("POST", TXT2IMG, more=JSON), PICTURE)
        gateway.wait(lambda: stats(pod.port)["gpu"] == 1, "the pod works")
        waiting = [client.open(fields("POST", TXT2IMG, more=JSON), PICTURE) for _ in range(3)]
        gateway.wait(lambda: gateway.request("GET", "/.pilotlight/status").json()["waiting"] == 3, "three wait")
        for stream in waiting:
            client.reset(stream)
        gateway.wait(lambda: gateway.request("GET", "/.pilotlight/status").json()["waiting"] == 0, "nobody waits")
        self.assertEqual(client.answer(running).status, 200)
        gateway.wait(lambda: [line["status"] for line in gateway.access()].count(499) == 3, "three departures")
        self.assertEqual(stats(pod.port)["byPath"][TXT2IMG], 1)
        self.assert_served(gateway)

    def test_a_draining_gateway_says_goaway_and_finishes_what_is_under_way(self):
        gateway, pod = self.one_pod(1)
        client = self.client(gateway)
        running = client.open(fields("POST", TXT2IMG, more=JSON), PICTURE)
        gateway.wait(lambda: stats(pod.port)["gpu"] == 1, "the pod works")
        gateway.process.send_signal(signal.SIGTERM)
        client.until(lambda: client.goaway is not None)
        self.assertEqual(client.goaway, 0)
        client.until(lambda: client.streams[running].over)
        self.assertEqual((client.streams[running].status, client.streams[running].ended), (200, True))
        self.assertTrue(client.until_closed())
        self.assertEqual(gateway.process.wait(10), 0)

    def test_a_client_that_says_goaway_gets_what_is_under_way_and_then_the_end(self):
        gateway, pod = self.one_pod(0.5)
        client = self.client(gateway)
        running = client.open(fields("POST", TXT2IMG, more=JSON), PICTURE)
        gateway.wait(lambda: stats(pod.port)["gpu"] == 1, "the pod works")
        client.send(frame(GOAWAY, payload=bytes(8)))
        self.assertEqual(client.answer(running).status, 200)
        self.assertTrue(client.until_closed(), "it is kept as if more could come")

    def test_over_tls_it_is_chosen_in_the_handshake(self):
        authority = tls.Authority()
        self.addCleanup(authority.folder.cleanup)
        certificate, key = authority.issue("server", [f"DNS:{wire.HOST}"])
        gateway = self.gateway(service(scale={"min-scale": 1}), start=False)
        listeners = gateway.gateway["spec"]["listeners"]
        listeners[0]["tls"] = {"certificates": [{"certificate": certificate, "key": key}]}
        gateway.write("gateway", gateway.gateway)
        gateway.start()
        gateway.wait_for_ready(1)
        chosen = tls.Connection(gateway.port, authority.context(alpn=["h2", "http/1.1"])).socket
        self.assertEqual(chosen.selected_alpn_protocol(), "h2")
        with Client(gateway.port, connection=chosen) as client:
            answer = client.request("POST", TXT2IMG, more=JSON, body=PICTURE, scheme="https")
            self.assertEqual((answer.status, answer.ended), (200, True))
            self.assertEqual(client.request(scheme="http").status, 421, "a URL that is not of this connection")
            self.assertEqual(client.request(scheme="https", host="other.example.com").status, 421)
        unsaid = tls.Connection(gateway.port, authority.context(alpn=["http/1.1"])).socket
        with Client(gateway.port, connection=unsaid) as client:
            client.until_closed()
            self.assertEqual(client.streams, {}, "it is not HTTP/2 that was chosen")

class Hostile(Base):
    def test_a_malformed_head_is_a_400_and_the_connection_goes_on(self):
        gateway, pod = self.recorder()
        client = self.client(gateway)
        good = fields()
        bad = [
            good[1:], good + [(":path", "/x")], good + [(":status", "200")], [("accept", "x")] + good,
            good + [("X-Upper", "1")], good + [("x", "a\r\nTransfer-Encoding: chunked")], good + [("x", b"a\0b")],
            good + [("x\r\ny", "a")], good + [("x", " a")], good + [("connection", "close")],
            good + [("transfer-encoding", "chunked")], good + [("upgrade", "websocket")], good + [("te", "gzip")],
            good + [("host", "other.example")], fields(path="x"), fields(path="*"), fields(path="/a b"),
            fields(path="/ HTTP/1.1\r\nHost: other\r\n\r\nGET /"), fields(method="GET / HTTP/1.1\r\nx:"),
            fields(host="user@" + wire.HOST), fields(scheme="ftp"), good + [("content-length", "5")],
        ]
        for number, head in enumerate(bad):
            answer = client.answer(client.open(head))
            self.assertEqual((number, answer.status, answer.ended), (number, 400, True))
        half = client.open(good[1:], end=False)
        client.until(lambda: client.streams[half].reset is not None)
        self.assertEqual((client.streams[half].status, client.streams[half].reset), (400, PROTOCOL_ERROR))
        self.assertEqual(pod.seen, [])
        self.assertEqual(client.request().status, 200)
        self.assertIsNone(client.goaway)

    def test_content_that_is_not_as_long_as_announced_reaches_no_pod(self):
        gateway, pod = self.recorder()
        client = self.client(gateway)
        for length, body in (("5", b"too long for it"), ("50", b"short"), ("0", b"GET /evil HTTP/1.1\r\n\r\n")):
            answer = client.request("POST", TXT2IMG, more=[("content-length", length)], body=body)
            self.assertEqual((length, answer.status, answer.ended), (length, 400, True))
        trailers = client.open(fields("POST", TXT2IMG), end=False)
        client.data(trailers, b"{}")
        client.send(frame(HEADERS, END_HEADERS | END_STREAM, trailers, block([("content-length", "9"), ("host", "x")])))
        self.assertEqual(client.answer(trailers).status, 200)
        self.assertEqual([(seen.body, seen["content-length"], seen["host"]) for seen in pod.seen],
                         [(b"{}", "2", wire.HOST)])

    def test_trailers_that_are_none_make_a_request_malformed_however_they_come(self):
        gateway, pod = self.recorder()
        client = self.client(gateway)
        for flags, trailers in ((END_STREAM, [(":path", "/evil")]), (END_STREAM, [("X-Upper", "y")]),
                                (END_STREAM, [("connection", "close")]), (END_STREAM, [("x", b"a\0b")]), (0, [("x", "y")])):
            for at_once in (True, False):
                stream, client.next_id = client.next_id, client.next_id + 2
                head = frame(HEADERS, END_HEADERS, stream, block(fields("POST", TXT2IMG)))
                rest = frame(DATA, 0, stream, b"{}") + frame(HEADERS, END_HEADERS | flags, stream, block(trailers))
                client.streams[stream] = h2.Stream()
                for octets in ([head + rest] if at_once else [head, rest]):
                    client.send(octets)
                    time.sleep(0 if at_once else 0.01)
                answer = client.answer(stream)
                client.until(lambda: answer.reset is not None or answer.ended)
                self.assertEqual((trailers, at_once, answer.status), (trailers, at_once, 400))
        self.assertEqual(pod.seen, [])
        self.assertEqual(client.request().status, 200)

    def test_rapid_resets_end_the_connection_and_cost_no_slot(self):
        gateway, pod = self.one_pod(0.2, limits={"http2Resets": 50})
        client = self.client(gateway)
        for _ in range(300):
            stream = client.open(fields("POST", TXT2IMG, more=JSON), PICTURE)
            client.reset(stream)
        client.until_closed()
        self.assertEqual(client.goaway, ENHANCE_YOUR_CALM)
        gateway.wait(lambda: gateway.request("GET", "/.pilotlight/status").json()["waiting"] == 0, "nobody waits")
        self.assert_served(gateway)

    def test_floods_end_the_connection(self):
        gateway, _ = self.one_pod(limits={"http2ControlFrames": 100})
        pings = b"".join(frame(PING, 0, 0, b"12345678") for _ in range(300))
        empty = frame(HEADERS, END_HEADERS, 1, block(fields("POST", TXT2IMG))) + frame(DATA, 0, 1) * 300
        endless = frame(HEADERS, 0, 1, block(fields())) + frame(CONTINUATION, 0, 1, block([("x", "y")])) * 300
        padded = frame(HEADERS, END_HEADERS, 1, block(fields("POST", TXT2IMG))) + frame(DATA, 8, 1, b"\0") * 300
        over = frame(HEADERS, END_HEADERS | END_STREAM, 1, block(fields())) + frame(h2.RST_STREAM, 0, 1, b"\0\0\0\x08")
        floods = {"PING": pings, "DATA": empty, "padded DATA": padded, "CONTINUATION": endless,
                  "WINDOW_UPDATE": frame(h2.WINDOW_UPDATE, 0, 0, b"\0\0\0\1") * 300,
                  "PRIORITY": frame(h2.PRIORITY, 0, 1, b"\0\0\0\0\1") * 300,
                  "PRIORITY_UPDATE": frame(16, 0, 0, b"\0\0\0\1u=1") * 300, "unknown": frame(0xfe, 0, 0, b"") * 300,
                  "HEADERS too late": over + frame(HEADERS, END_HEADERS | END_STREAM, 1, block(fields())) * 2000,
                  "RST_STREAM too late": over + frame(h2.RST_STREAM, 0, 1, b"\0\0\0\x08") * 4000}
        for name, octets in floods.items():
            client = self.client(gateway)
            client.send(octets)
            client.until_closed()
            self.assertEqual((name, client.goaway), (name, ENHANCE_YOUR_CALM))
        counted = f'pilotlight_connections_closed_total{{reason="http2_flood"}} {len(floods)}'
        gateway.wait(lambda: counted in gateway.metrics(), "they are counted")
        self.assert_served(gateway)

    def test_who_takes_much_in_small_steps_is_no_flood(self):
        answer = os.urandom(1 << 20)
        gateway, _ = self.recorder(lambda seen, peer: sized(answer), limits={"http2ControlFrames": 50})
        client = self.client(gateway, window=False)
        stream = client.open(fields())
        taken = 0
        while client.pump() and not client.streams[stream].over:
            there = len(client.streams[stream].body)
            for _ in range((there - taken) // 2048):
                client.open_window(0, 2048)
                client.open_window(stream, 2048)
                taken += 2048
        self.assertEqual((client.streams[stream].body == answer, client.goaway), (True, None))

    def test_a_head_that_is_too_large_or_too_slow_is_refused(self):
        gateway, _ = self.one_pod(timeouts={"head": "500ms", "keepAlive": "1s"}, limits={"headBytes": "8Ki"})
        client = self.client(gateway)
        self.assertEqual(client.answer(client.open(fields(more=[("x", "y" * 3000)] * 4))).status, 431)
        self.assertEqual(client.answer(client.open(fields(more=[("x", "y")] * 200))).status, 431)
        self.assertEqual(client.request().status, 200)
        client.send(frame(HEADERS, 0, client.next_id, block(fields())))
        self.assertTrue(client.until_closed(5), "a head whose end never comes")
        silent = self.client(gateway)
        self.assertTrue(silent.until_closed(5), "no head at all")
        idle = self.client(gateway)
        self.assertEqual(idle.request().status, 200)
        self.assertTrue(idle.until_closed(5), "no further head")

    def test_a_stream_that_takes_nothing_holds_no_slot_and_nobody_up(self):
        answer = os.urandom(1 << 20)
        gateway, _ = self.recorder(lambda seen, peer: sized(answer), timeouts={"write": "1s"})
        client = self.client(gateway, window=False)
        stalled = client.open(fields("POST", TXT2IMG, more=JSON), b"{}")
        client.until(lambda: len(client.streams[stalled].body) == 65535)
        client.open_window(0, 8 << 20)  # the connection's; the stream's stays shut
        for _ in range(3):
            other = client.open(fields("POST", TXT2IMG, more=JSON), b"{}")
            client.open_window(other, 1 << 20)
            self.assertEqual(client.answer(other).body, answer)
        self.assert_status(gateway.generate(), 200, gateway)
        client.until(lambda: client.streams[stalled].over)
        self.assertIsNotNone(client.streams[stalled].reset)
        self.assertFalse(client.closed)

    def test_a_preface_that_is_none_is_refused(self):
        gateway, _ = self.one_pod()
        for octets in (b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", b"PRI * HTTP/2.0\r\nHost: a\r\n\r\n", b"PRI / HTTP/2.0\r\n\r\n"):
            with gateway.connect() as client:
                client.send(octets + bytes(100))
                client.take(1 << 20)
        with gateway.connect() as slow:
            for octet in h2.PREFACE:
                slow.send(bytes([octet]))
                time.sleep(0.002)
            slow.send(frame(h2.SETTINGS))
            self.assertEqual(slow.take(9)[3], h2.SETTINGS)
        self.assert_served(gateway)


class WebSockets(Base):
    def test_a_websocket_is_a_tunnel_in_both_directions(self):
        def echo(seen, peer):
            peer.send(switch(seen, b"first words"))
            while peer.buffer or peer.more():
                octets, peer.buffer = peer.buffer, b""
                peer.send(octets)
        gateway, pod = self.recorder(echo)
        client = self.client(gateway)
        tunnel = Tunnel(client, "/queue/other")
        self.assertEqual(tunnel.opened(), 200)
        self.assertEqual(tunnel.take(11), b"first words")
        self.assertEqual(pod.seen[-1]["upgrade"], "websocket")
        body = os.urandom(2 << 20)
        for at in range(0, len(body), 1 << 16):
            tunnel.send(body[at:at + (1 << 16)])
        self.assertTrue(tunnel.take(len(body)) == body)
        tunnel.end()
        client.until(lambda: tunnel.state.over)
        self.assertTrue(tunnel.state.over)

    def test_a_socket_behind_which_trailers_come_is_over_and_holds_nobody_up(self):
        def quiet(seen, peer):
            if "upgrade" not in seen.names():
                return sized(b"page")
            peer.send(switch(seen))
            while peer.more():
                pass
        gateway, _ = self.recorder(quiet)
        for flags, trailers in ((0, [("x", "y")]), (END_STREAM, [(":path", "/")]), (0, [(":path", "/")])):
            client = self.client(gateway)
            tunnel = Tunnel(client, "/queue/other")
            self.assertEqual(tunnel.opened(), 200)
            client.send(frame(HEADERS, END_HEADERS | flags, tunnel.stream, block(trailers)))
            client.until(lambda: tunnel.state.over)
            self.assertTrue(tunnel.state.over)
            self.assertEqual(client.request().status, 200)

    def test_a_pod_that_answers_another_key_is_refused(self):
        wrong = {"sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA=="}
        gateway, _ = self.recorder(lambda seen, peer: peer.send(switch(wrong)))
        client = self.client(gateway)
        self.assertEqual(Tunnel(client, "/ws").opened(), 502)

    def test_an_event_of_gradio_3_waits_for_a_slot_and_is_done(self):
        gateway = self.gateway(service())
        client = self.client(gateway)
        tunnel = Tunnel(client, "/queue/join")
        self.assertEqual(tunnel.opened(), 200)
        event = ws.Event.__new__(ws.Event)
        event.connection, event.pings = tunnel, 0
        event.data, event.fn, event.session, event.messages = picture("over http/2"), 1, "abcdefgh", []
        message, code = event.result()
        self.assertTrue(message["success"], gateway.tail())
        self.assertEqual(code, 1000)
        line = gateway.wait(lambda: gateway.access() and gateway.access()[-1], "it is logged")
        self.assertEqual((line["class"], line["protocol"]), ("W", "HTTP/2"))
        self.assert_served(gateway)

    def test_a_client_that_resets_a_socket_leaves_it(self):
        ended = threading.Event()
        def waits(seen, peer):
            peer.send(switch(seen))
            peer.take(1 << 20)
            ended.set()
        gateway, _ = self.recorder(waits)
        client = self.client(gateway)
        tunnel = Tunnel(client, "/ws")
        self.assertEqual(tunnel.opened(), 200)
        client.reset(tunnel.stream)
        gateway.wait(ended.is_set, "the pod's side has ended")
        self.assertFalse(client.closed)
