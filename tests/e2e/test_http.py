"""HTTP/1.1 on both sides: framing, persistence, bodies. The pod is one that records what it is sent."""
import os
import threading

import harness
import wire
from harness import TXT2IMG, service
from recording_pod import RecordingPod, sized, static


def echo(seen, _):
    return sized(seen.body, Content_Type="application/octet-stream", X_Target=seen.target)


class Http(harness.TestCase):
    def setUp(self):
        self.pod = RecordingPod(echo)
        self.addCleanup(self.pod.close)
        self.gw = self.gateway(service(container={"readinessProbe": {"tcpSocket": {"port": 7860}}}),
                               driver=static(self.pod))

    def test_a_connection_carries_many_requests_one_after_another(self):
        with self.gw.connect() as client:
            for number in range(20):
                client.send(wire.request_text("POST", TXT2IMG, body=f"picture {number}".encode()))
                answer = client.response()
                self.assert_status(answer, 200, self.gw)
                self.assertEqual(answer.body, f"picture {number}".encode())

    def test_pipelined_requests_in_one_write_are_answered_in_order(self):
        with self.gw.connect() as client:
            bodies = [f"picture {number}".encode() for number in range(5)]
            client.send(b"".join(wire.request_text("POST", TXT2IMG, body=body) for body in bodies))
            self.assertEqual([client.response().body for _ in bodies], bodies)

    def test_a_request_pipelined_behind_a_slow_one_waits_for_its_turn(self):
        go = threading.Event()

        def slow_first(seen, peer):
            if seen.body == b"slow":
                go.wait(20)
            return echo(seen, peer)
        self.pod.answer = slow_first
        with self.gw.connect() as client:
            client.send(wire.request_text("POST", TXT2IMG, body=b"slow") +
                        wire.request_text("GET", "/sdapi/v1/samplers"))
            self.gw.wait(lambda: self.pod.seen, "the first request is at the pod")
            go.set()
            self.assertEqual(client.response().body, b"slow")
            self.assertEqual(client.response()["x-target"], "/sdapi/v1/samplers")

    def test_a_head_request_is_answered_without_a_body_and_the_connection_goes_on(self):
        self.pod.answer = lambda seen, _: sized(b"hello", X_Target=seen.target)
        self.gw.generate()  # a pod is there
        with self.gw.connect() as client:
            client.send(wire.request_text("HEAD", "/sdapi/v1/samplers") + wire.request_text("GET", "/sdapi/v1/loras"))
            head = client.response("HEAD")
            self.assert_status(head, 200, self.gw)
            self.assertEqual(head["content-length"], "5")
            after = client.response()
            self.assertEqual((after.body, after["x-target"]), (b"hello", "/sdapi/v1/loras"))

    def test_a_chunked_upload_reaches_the_pod_whole_and_sized(self):
        with self.gw.connect() as client:
            client.send(wire.request_text("POST", TXT2IMG, headers={"Transfer-Encoding": "chunked"}))
            for part in (b"pretty ", b"dog ", b"in the snow" * 1000):
                client.send(f"{len(part):x};ext=1\r\n".encode() + part + b"\r\n")
            client.send(b"0\r\nX-Trailer: ignored\r\n\r\n")
            answer = client.response()
        whole = b"pretty dog " + b"in the snow" * 1000
        self.assert_status(answer, 200, self.gw)
        self.assertEqual(answer.body, whole)
        self.assertEqual(self.pod.seen[-1]["content-length"], str(len(whole)))
        self.assertIsNone(self.pod.seen[-1]["transfer-encoding"])

    def test_twenty_megabytes_go_through_unchanged_in_both_directions(self):
        body = os.urandom(20 << 20)
        answer = self.gw.request("POST", TXT2IMG, body=body)
        self.assert_status(answer, 200, self.gw)
        self.assertTrue(answer.whole)
        self.assertTrue(answer.body == body, "the octets differ")

    def test_expect_100_continue_is_answered_before_the_body_and_not_passed_on(self):
        with self.gw.connect() as client:
            client.send(wire.request_text("POST", TXT2IMG, headers={"Expect": "100-continue", "Content-Length": "10"}))
            self.assertEqual(client.head().status, 100)
            client.send(b"pretty dog")
            answer = client.response()
        self.assert_status(answer, 200, self.gw)
        self.assertEqual(answer.body, b"pretty dog")
        self.assertIsNone(self.pod.seen[-1]["expect"])

    def test_an_http_1_0_client_gets_a_sized_answer_and_the_close_it_expects(self):
        with self.gw.connect() as client:
            client.send(wire.request_text("POST", TXT2IMG, body=b"old", version="1.0"))
            answer = client.response()
            self.assert_status(answer, 200, self.gw)
            self.assertEqual(answer.body, b"old")
            self.assertIsNone(answer["transfer-encoding"])
            self.assertTrue(client.ended(), "the connection is still open")

    def test_an_http_1_0_client_that_asks_for_keep_alive_gets_it(self):
        with self.gw.connect() as client:
            for body in (b"one", b"two"):
                client.send(wire.request_text("POST", TXT2IMG, body=body, version="1.0",
                                              headers={"Connection": "keep-alive"}))
                self.assertEqual(client.response().body, body)

    def test_a_chunked_answer_ends_with_the_close_for_an_http_1_0_client(self):
        self.pod.answer = lambda *_: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ndog\r\n0\r\n\r\n"
        with self.gw.connect() as client:
            client.send(wire.request_text("POST", TXT2IMG, body=b"x", version="1.0"))
            answer = client.response()
        self.assertIsNone(answer["transfer-encoding"], answer)
        self.assertEqual(answer.body, b"dog")

    def test_a_stream_of_unknown_length_is_passed_on_piece_by_piece_as_it_comes(self):
        go = threading.Event()

        def in_two_pieces(_, peer):
            peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: text/event-stream\r\n\r\n"
                      b"5\r\nfirst\r\n")
            go.wait(20)
            peer.send(b"6\r\nsecond\r\n0\r\n\r\n")
        self.pod.answer = in_two_pieces
        with self.gw.connect(seconds=10) as client:
            client.send(wire.request_text("POST", TXT2IMG, body=b"x"))
            self.assertEqual(client.head().status, 200)
            client.take_until(b"first")  # while the pod still has its second piece
            go.set()
            client.take_until(b"second")

    def test_a_slow_upload_holds_no_slot(self):
        with self.gw.connect() as slow:
            slow.send(wire.request_text("POST", TXT2IMG, headers={"Content-Length": "10"}) + b"prett")
            answers = [self.gw.generate(f"other {n}") for n in range(3)]
            self.assertEqual([a.status for a in answers], [200] * 3, self.gw.tail())
            slow.send(b"y dog")
            self.assertEqual(slow.response().body, b"pretty dog")

    def test_a_slow_download_holds_no_slot(self):
        self.pod.answer = lambda seen, _: sized(b"x" * (6 << 20) if seen.body == b"big" else b"small")
        with self.gw.connect(receive_buffer=4096) as slow:
            slow.send(wire.request_text("POST", TXT2IMG, body=b"big"))
            head = slow.head()
            self.assert_status(head, 200, self.gw)
            other = self.gw.request("POST", TXT2IMG, body=b"other")
            self.assertEqual(other.body, b"small")
            self.assertEqual(len(slow.take(6 << 20)), 6 << 20)


class Malformed(harness.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.pod = RecordingPod(echo)
        cls.gw = harness.Gateway(service(), driver=static(cls.pod))

    @classmethod
    def tearDownClass(cls):
        cls.gw.end()
        cls.pod.close()

    def refused(self, octets, status=400):
        with self.gw.connect(seconds=15) as client:
            client.send(octets)
            answer = client.response()
            self.assertEqual(answer.status, status, answer)
            self.assertTrue(client.ended(), "an ambiguous request must end its connection")
        self.assertEqual(self.pod.seen, [], "it reached the pod")

    def test_a_request_with_length_and_chunked_is_refused(self):
        self.refused(b"POST /sdapi/v1/txt2img HTTP/1.1\r\nHost: sd.default.example.com\r\nContent-Length: 4\r\n"
                     b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n")

    def test_two_different_lengths_are_refused(self):
        self.refused(b"POST /sdapi/v1/txt2img HTTP/1.1\r\nHost: sd.default.example.com\r\nContent-Length: 4\r\n"
                     b"Content-Length: 5\r\n\r\nabcd")

    def test_two_hosts_are_refused(self):
        self.refused(b"POST /sdapi/v1/txt2img HTTP/1.1\r\nHost: sd.default.example.com\r\nHost: other\r\n"
                     b"Content-Length: 0\r\n\r\n")

    def test_no_host_is_refused(self):
        self.refused(wire.request_text("POST", TXT2IMG, host=None, body=b""))

    def test_a_folded_field_is_refused(self):
        self.refused(b"POST /sdapi/v1/txt2img HTTP/1.1\r\nHost: sd.default.example.com\r\nX-A: b\r\n c\r\n"
                     b"Content-Length: 0\r\n\r\n")

    def test_a_space_before_the_colon_is_refused(self):
        self.refused(b"POST /sdapi/v1/txt2img HTTP/1.1\r\nHost: sd.default.example.com\r\nContent-Length : 0\r\n\r\n")

    def test_a_tls_hello_on_the_plain_port_is_refused_or_cut(self):
        with self.gw.connect(seconds=15) as client:
            client.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 40 + b"\r\n\r\n")
            self.assertTrue(client.ended())
