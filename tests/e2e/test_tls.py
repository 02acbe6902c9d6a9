"""TLS at the door: certificates by name, their reload, tickets, client certificates, the PROXY protocol."""
import contextlib
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time

import harness
import tls
import wire
import ws
from harness import AFFINITY, TXT2IMG, service
from recording_pod import RecordingPod, sized, static

V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
BIG = os.urandom(1 << 20) * 12


def answer(seen, peer):
    if seen["upgrade"]:
        peer.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                  b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
        while peer.more():
            peer.send(peer.buffer)
            peer.buffer = b""
        return None
    if seen.target.startswith("/big"):
        return sized(BIG)
    lines = "\n".join(f"{name}: {value}" for name, value in seen.fields)
    return sized(seen.body if seen.body else lines.encode())


class Base(harness.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.ca = tls.Authority()
        cls.addClassCleanup(cls.ca.folder.cleanup)
        cls.main = cls.ca.issue("main", ["DNS:*.default.example.com", "IP:127.0.0.1"])
        cls.other = cls.ca.issue("other", ["DNS:pictures.example.org"])

    @staticmethod
    def files(*pairs):
        return [{"certificate": certificate, "key": key} for certificate, key in pairs]

    @classmethod
    def start(cls, gateway, listeners):
        gateway.gateway["spec"]["listeners"] = [{"address": "127.0.0.1", **listener} for listener in listeners]
        gateway.write("gateway", gateway.gateway)
        return gateway.start()


class Tls(Base):
    """One gateway for all: what they ask changes nothing."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.stranger = tls.Authority("Somebody else")
        cls.addClassCleanup(cls.stranger.folder.cleanup)
        cls.client = cls.ca.issue("client", subject="/O=Pictures \\\"and\\\" more/CN=alice")
        cls.pod = RecordingPod(answer)
        cls.addClassCleanup(cls.pod.close)
        mapping = {"apiVersion": "serving.knative.dev/v1beta1", "kind": "DomainMapping",
                   "metadata": {"name": "pictures.example.org"},
                   "spec": {"ref": {"name": "sd", "kind": "Service", "apiVersion": "serving.knative.dev/v1"}}}
        cls.gw = harness.Gateway(service(scale={"min-scale": 1}, annotations=AFFINITY), mapping, driver=static(cls.pod), start=False,
                                 trustedProxies=["127.0.0.1"], timeouts={"handshake": "1s"})
        cls.addClassCleanup(cls.gw.end)
        ports = cls.gw.ports
        cls.port, (cls.strict, cls.balanced, cls.balanced_tls, cls.modern) = ports.spare, ports.more[:4]
        both = {"certificates": cls.files(cls.main, cls.other)}
        cls.start(cls.gw, [
            {"port": ports.http, "redirectToHttps": True},
            {"port": cls.port, "tls": both, "strictTransportSecurity": {"maxAge": "1h", "includeSubDomains": True}},
            {"port": cls.strict, "tls": {**both, "unknownServerName": "reject",
                                         "clientCertificates": {"ca": cls.ca.certificate, "forward": True}}},
            {"port": cls.balanced, "proxyProtocol": True},
            {"port": cls.balanced_tls, "proxyProtocol": True, "tls": both},
            {"port": cls.modern, "tls": {**both, "minimumVersion": "1.3", "clientCertificates": {
                "ca": cls.ca.certificate, "mode": "request"}}}])
        with tls.Connection(cls.port, cls.ca.context()) as connection:  # a pod is there from now on
            connection.send(wire.request_text("POST", TXT2IMG, body=b"x"))
            assert connection.response().status == 200, cls.gw.tail()

    def connect(self, port=None, context=None, **options):
        connection = tls.Connection(port or self.port, context or self.ca.context(), **options)
        self.addCleanup(connection.close)
        return connection

    def ask(self, connection, method="GET", target="/sdapi/v1/samplers", **options):
        connection.send(wire.request_text(method, target, **options))
        return connection.response(method)

    def metric(self, name):
        return float(re.search(rf"^{re.escape(name)} (\S+)$", self.gw.metrics(), re.M)[1])

    # --- certificates and names

    def test_the_certificate_is_chosen_by_server_name_and_the_first_is_for_all_other_names(self):
        self.assertEqual(self.connect().names, ["*.default.example.com", "127.0.0.1"])
        self.assertEqual(self.connect(name="pictures.example.org").names, ["pictures.example.org"])
        self.assertEqual(self.connect(name="PICTURES.example.org").names, ["pictures.example.org"])
        context = self.ca.context()
        context.check_hostname = False
        self.assertEqual(self.connect(context=context, name="who.knows").names, ["*.default.example.com", "127.0.0.1"])
        self.assertEqual(self.connect(context=context, name=None).names, ["*.default.example.com", "127.0.0.1"])

    def test_an_unknown_server_name_is_rejected_where_that_is_asked_for(self):
        with self.assertRaisesRegex(ssl.SSLError, "unrecognized.name"):
            self.connect(self.strict, self.ca.context(client=self.client), name="who.knows")

    def test_a_request_for_a_host_that_the_certificate_is_not_for_is_misdirected(self):
        connection = self.connect()
        refused = self.ask(connection, host="pictures.example.org")
        self.assert_status(refused, 421, self.gw)
        self.assertIn("*.default.example.com", refused.json()["detail"])
        self.assertEqual(refused["content-type"], "application/problem+json")
        self.assert_status(self.ask(connection), 200, self.gw)  # the connection is good for what it was made for
        self.assert_status(self.ask(self.connect(name="pictures.example.org"), host="pictures.example.org"), 200)

    def test_the_scheme_of_an_absolute_target_must_be_the_connections(self):
        url = "://sd.default.example.com/sdapi/v1/samplers"
        self.assert_status(self.ask(self.connect(), target="http" + url), 421, self.gw)
        self.assert_status(self.ask(self.connect(), target="https" + url), 200, self.gw)

    def test_versions_below_the_minimum_are_refused(self):
        for port, version in ((self.port, ssl.TLSVersion.TLSv1_1), (self.modern, V12)):
            context = self.ca.context(version)
            context.set_ciphers("ALL:@SECLEVEL=0")
            with self.assertRaises((ssl.SSLError, ConnectionError)):
                self.connect(port, context)
        self.assertEqual(self.connect(self.modern).socket.version(), "TLSv1.3")
        self.assertEqual(self.connect(context=self.ca.context(V12)).socket.version(), "TLSv1.2")

    def test_http_1_1_is_chosen_and_nothing_in_common_is_fatal(self):
        self.assertEqual(self.connect(context=self.ca.context(alpn=["spdy/3", "http/1.1"])).socket.selected_alpn_protocol(),
                         "http/1.1")
        self.assertIsNone(self.connect().socket.selected_alpn_protocol())
        with self.assertRaises(ssl.SSLError):
            self.connect(context=self.ca.context(alpn=["spdy/3"]))

    # --- what answers and pods see of it

    def test_a_plain_request_is_sent_to_https_if_its_host_is_ours(self):
        answer = self.gw.request("POST", "/a/b?c=d", host="sd.default.example.com:80", body=b"x")
        self.assert_status(answer, 308, self.gw)
        self.assertEqual(answer["location"], f"https://sd.default.example.com:{self.port}/a/b?c=d")
        self.assertIsNone(answer["strict-transport-security"])
        self.assert_status(self.gw.request("GET", "/", host="who.knows"), 404, self.gw)
        through = self.gw.request("GET", "/sdapi/v1/samplers", headers={"X-Forwarded-Proto": "https"})
        self.assert_status(through, 200, self.gw)  # a trusted proxy has had TLS already

    def test_answers_over_tls_ask_browsers_to_stay_and_keep_the_cookie_to_tls(self):
        answer = self.ask(self.connect(), "POST", TXT2IMG, body=b"picture")
        self.assert_status(answer, 200, self.gw)
        self.assertEqual(answer["strict-transport-security"], "max-age=3600; includeSubDomains")
        self.assertIn("; Secure", answer["set-cookie"])
        refused = self.ask(self.connect(), host="none.default.example.com")
        self.assert_status(refused, 404, self.gw)
        self.assertEqual(refused["strict-transport-security"], "max-age=3600; includeSubDomains")

    def test_the_first_certificate_to_expire_is_in_the_metrics(self):
        left = self.metric("pilotlight_tls_certificate_expiry_seconds") - time.time()
        self.assertAlmostEqual(left / 86400, 90, delta=1)

    def test_the_pod_is_told_the_scheme(self):
        self.assertIn(b"x-forwarded-proto: https", self.ask(self.connect()).body)

    def test_curl_is_content(self):
        done = subprocess.run(
            ["curl", "-sS", "--cacert", self.ca.certificate, "--connect-to", f"::127.0.0.1:{self.port}", "-d", "picture",
             "https://sd.default.example.com" + TXT2IMG], capture_output=True, timeout=30, check=False)
        self.assertEqual((done.returncode, done.stdout), (0, b"picture"), done.stderr)

    # --- client certificates

    def test_a_client_certificate_is_demanded_verified_and_shown_to_the_pod(self):
        forged = {"X-Forwarded-Client-Cert": "Subject=\"CN=root\""}
        seen = self.ask(self.connect(self.strict, self.ca.context(client=self.client)), headers=forged).body.decode()
        shown = [line for line in seen.split("\n") if line.startswith("x-forwarded-client-cert:")]
        self.assertEqual(len(shown), 1)
        self.assertRegex(shown[0], r'Hash=[0-9a-f]{64};Subject="CN=alice,')
        for client in (None, self.stranger.issue("mallory", subject="/CN=alice")):
            with self.assertRaises((ssl.SSLError, ConnectionError, wire.Broken)):
                self.ask(self.connect(self.strict, self.ca.context(client=client)))

    def test_where_a_client_certificate_is_requested_none_is_fine_and_a_wrong_one_is_not(self):
        for client in (None, self.client):
            answer = self.ask(self.connect(self.modern, self.ca.context(client=client)))
            self.assert_status(answer, 200, self.gw)
            self.assertNotIn(b"x-forwarded-client-cert", answer.body)  # not asked for
        with self.assertRaises((ssl.SSLError, ConnectionError, wire.Broken)):
            self.ask(self.connect(self.modern, self.ca.context(client=self.stranger.issue("eve"))))

    def test_a_ticket_of_a_listener_that_lets_anybody_in_lets_nobody_in_elsewhere(self):
        for version in (V12, V13):
            context = self.ca.context(version)
            first = self.connect(context=context)
            self.ask(first)
            with self.assertRaises((ssl.SSLError, ConnectionError, wire.Broken)):
                self.ask(self.connect(self.strict, context, session=first.socket.session))

    # --- sessions

    def test_a_session_is_resumed_by_its_ticket(self):
        for version in (V12, V13):
            context = self.ca.context(version)
            first = self.connect(context=context)
            self.assert_status(self.ask(first), 200, self.gw)
            self.assertFalse(first.socket.session_reused)
            again = self.connect(context=context, session=first.socket.session)
            self.assert_status(self.ask(again), 200, self.gw)
            self.assertTrue(again.socket.session_reused, version)

    def test_early_data_is_not_taken(self):
        with tempfile.NamedTemporaryFile() as session:
            common = ["s_client", "-connect", f"127.0.0.1:{self.port}", "-servername", wire.HOST, "-tls1_3"]
            text = wire.request_text("GET", "/sdapi/v1/samplers", headers={"Connection": "close"})
            first = tls.openssl(*common, "-ign_eof", "-sess_out", session.name, input=text).stdout
            self.assertIn(b"200 OK", first)
            self.assertIn(b"Max Early Data: 0", first)

    # --- misbehaviour

    def test_renegotiation_is_refused(self):
        done = subprocess.run(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{self.port}", "-servername", wire.HOST, "-tls1_2"],
            input=b"R\n", capture_output=True, timeout=20, check=False)
        self.assertIn(b"no renegotiation", done.stderr)

    def test_keys_that_are_changed_without_end_end_the_connection(self):
        client = subprocess.Popen(["openssl", "s_client", "-connect", f"127.0.0.1:{self.port}", "-servername", wire.HOST],
                                  stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 20
        try:
            while client.poll() is None and time.monotonic() < end:
                client.stdin.write(b"K\n")  # a change of keys that asks for one of ours
                client.stdin.flush()
                time.sleep(0.005)
        except BrokenPipeError:
            pass
        finally:
            client.terminate()
            with contextlib.suppress(BrokenPipeError):
                client.stdin.close()
        self.assertNotEqual(client.wait(), -signal.SIGTERM, "it was still heard")
        self.assert_status(self.ask(self.connect()), 200, self.gw)

    def test_garbage_in_place_of_a_handshake_ends_the_connection_and_is_counted(self):
        before = self.metric("pilotlight_tls_handshake_failures_total")
        for octets in (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"\x16\x03\x01\xff\xff" + b"\x01" * 400, b"\0" * 300):
            with wire.Connection(self.port) as client:
                client.send(octets)
                self.assertTrue(client.ended())
        self.gw.wait(lambda: self.metric("pilotlight_tls_handshake_failures_total") >= before + 3, "they are counted")

    def test_a_handshake_that_takes_too_long_is_ended(self):
        for octets in (b"", b"\x16\x03\x01\x02\x00\x01"):
            with wire.Connection(self.port) as client:
                client.send(octets)
                began = time.monotonic()
                self.assertTrue(client.ended())
                self.assertGreater(time.monotonic() - began, 0.5)

    def test_handshakes_in_single_octets_succeed(self):
        near, far = socket.socketpair()
        self.addCleanup(far.close)
        with wire.Connection(self.port) as client:
            def drip():
                while octets := far.recv(1):
                    client.send(octets)
            threading.Thread(target=drip, daemon=True).start()

            def back():
                try:
                    while octets := client.socket.recv(1 << 16):
                        far.sendall(octets)
                except OSError:
                    pass  # the test is over
            threading.Thread(target=back, daemon=True).start()
            near.settimeout(20)
            with self.ca.context().wrap_socket(near, server_hostname=wire.HOST) as secure:
                secure.sendall(wire.request_text("GET", "/sdapi/v1/samplers"))
                self.assertIn(b"200 OK", secure.recv(4096))

    def test_a_connection_that_is_cut_in_a_request_reaches_no_pod(self):
        count = len(self.pod.seen)
        connection = self.connect()
        connection.send(wire.request_text("POST", TXT2IMG, headers={"Content-Length": "100"}) + b"half")
        raw = socket.socket(fileno=connection.socket.detach())
        raw.shutdown(socket.SHUT_WR)  # without close_notify
        raw.settimeout(10)
        while raw.recv(4096):
            pass
        raw.close()
        self.assertEqual(len(self.pod.seen), count)

    def test_an_answer_that_breaks_off_shows_as_broken(self):
        def break_off(seen, peer):
            peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")
            peer.close()
        usual, self.pod.answer = self.pod.answer, break_off
        self.addCleanup(setattr, self.pod, "answer", usual)
        connection = self.connect()
        connection.socket.suppress_ragged_eofs = False
        connection.send(wire.request_text("GET", "/sdapi/v1/samplers", version="1.0"))
        with self.assertRaises((ssl.SSLError, ConnectionError)):
            while connection.socket.recv(1000):
                pass

    def test_the_end_of_a_connection_is_said(self):
        context = self.ca.context()
        connection = self.connect(context=context)
        connection.send(wire.request_text("GET", "/sdapi/v1/samplers", headers={"Connection": "close"}))
        connection.response()
        connection.socket.suppress_ragged_eofs = False
        self.assertEqual(connection.socket.recv(100), b"")  # else SSLEOFError

    # --- octets

    def test_a_large_upload_comes_whole(self):
        answer = self.ask(self.connect(), "POST", TXT2IMG, body=BIG)
        self.assert_status(answer, 200, self.gw)
        self.assertTrue(answer.body == BIG)

    def test_a_large_download_to_a_slow_reader_comes_whole(self):
        connection = self.connect(receive_buffer=8 << 10)
        connection.send(wire.request_text("GET", "/big.png"))
        for _ in range(10):
            time.sleep(0.02)
            connection.buffer += connection.socket.recv(1000)
        answer = connection.response()
        self.assertTrue(answer.body == BIG)
        self.assert_status(self.ask(connection), 200, self.gw)

    def test_pipelined_requests_in_one_record_are_answered_in_order(self):
        connection = self.connect()
        connection.send(b"".join(wire.request_text("POST", TXT2IMG, body=b"%d" % n) for n in range(5)))
        self.assertEqual([connection.response().body for _ in range(5)], [b"%d" % n for n in range(5)])

    def test_a_client_that_leaves_while_it_waits_is_noticed(self):
        release = threading.Event()
        self.addCleanup(release.set)
        usual, self.pod.answer = self.pod.answer, lambda seen, peer: release.wait(20) and sized(b"late")
        self.addCleanup(setattr, self.pod, "answer", usual)
        running, waiting = self.connect(), self.connect()
        running.send(wire.request_text("POST", TXT2IMG, body=b"runs"))
        self.gw.wait(lambda: self.pod.seen[-1].body == b"runs", "the pod works")
        waiting.send(wire.request_text("POST", TXT2IMG + "?leaver", body=b"waits") + b"GET /next")  # one record
        time.sleep(0.2)
        waiting.close()
        self.gw.wait(lambda: any("?leaver" in line["target"] and line["status"] == 499 for line in self.gw.access()),
                     "the departure is noticed", 5)
        self.pod.answer = usual
        release.set()
        self.assertEqual(running.response().body, b"late")

    def test_a_websocket_is_a_tunnel_over_tls(self):
        connection = self.connect()
        connection.send(wire.request_text("GET", "/comfy/ws", headers={
            "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": KEY})
            + b"early")
        self.assert_status(connection.head(), 101, self.gw)
        self.assertEqual(connection.take(5), b"early")
        body = BIG[:2 << 20]
        self.assertTrue(connection.exchange(body, len(body)) == body)

    # --- the PROXY protocol, and whose request it is

    def for_pod(self, connection, headers=None, target="/who"):
        seen = self.ask(connection, target=target, headers=headers).body.decode()
        return re.search(r"x-forwarded-for: (.*)", seen)[1]

    def logged(self, target):
        return self.gw.wait(lambda: next((x["client"] for x in self.gw.access() if x["target"] == target), None), "it")

    def test_the_client_comes_from_the_proxy_header(self):
        for before in (tls.proxy_1("203.0.113.7"), tls.proxy_2("203.0.113.7"),
                       tls.proxy_2("203.0.113.7", tlv=b"\x04\0\x40" + b"x" * 0x40)):
            with wire.Connection(self.balanced) as plain:
                plain.send(before)
                self.assertEqual(self.for_pod(plain, target="/balanced"), "203.0.113.7")
            self.assertEqual(self.for_pod(self.connect(self.balanced_tls, before=before)), "203.0.113.7")
        self.assertEqual(self.logged("/balanced"), "203.0.113.7")

    def test_a_balancer_that_speaks_for_itself_is_the_client(self):
        for before in (b"PROXY UNKNOWN\r\n", tls.proxy_2(command=0x20, family=0), tls.proxy_2(family=0)):
            with wire.Connection(self.balanced) as plain:
                plain.send(before)
                self.assertEqual(self.for_pod(plain), "127.0.0.1")

    def test_a_proxy_header_in_single_octets_is_taken(self):
        with wire.Connection(self.balanced) as plain:
            for octet in tls.proxy_1("203.0.113.7"):
                plain.send(bytes([octet]))
                time.sleep(0.001)
            self.assertEqual(self.for_pod(plain), "203.0.113.7")

    def test_a_missing_malformed_or_late_proxy_header_ends_the_connection(self):
        before = self.metric("pilotlight_proxy_headers_refused_total")
        for octets in (wire.request_text("GET", "/"), b"PROXY TCP4 1.2.3.4\r\n", tls.proxy_2(family=0x51), b"PROXY"):
            with wire.Connection(self.balanced) as client:
                client.send(octets)
                self.assertTrue(client.ended())
                self.assertEqual(client.buffer, b"")
        self.gw.wait(lambda: self.metric("pilotlight_proxy_headers_refused_total") == before + 4, "they are counted")

    def test_whom_a_trusted_proxy_names_is_the_client_and_nobody_else_names_one(self):
        claimed = {"X-Forwarded-For": "198.51.100.1, 203.0.113.9"}
        self.assertEqual(self.for_pod(self.connect(), claimed, "/claimed"), "198.51.100.1, 203.0.113.9, 127.0.0.1")
        with wire.Connection(self.balanced) as plain:  # the balancer's client is nobody that we trust
            plain.send(tls.proxy_1("203.0.113.7"))
            self.assertEqual(self.for_pod(plain, claimed, "/forged"), "203.0.113.7")
        self.assertEqual(self.logged("/claimed"), "203.0.113.9")
        self.assertEqual(self.logged("/forged"), "203.0.113.7")

    # --- looked at by others

    def test_sslscan_finds_nothing_but_tls_1_2_and_1_3_with_sound_ciphers(self):
        if not shutil.which("sslscan"):
            self.skipTest("sslscan is not installed")
        done = subprocess.run(["sslscan", "--no-colour", f"--sni-name={wire.HOST}", f"127.0.0.1:{self.port}"],
                              capture_output=True, text=True, timeout=120, check=False)
        enabled = set(re.findall(r"^((?:SSL|TLS)v[\d.]+) +enabled", done.stdout, re.M))
        self.assertEqual(enabled, {"TLSv1.2", "TLSv1.3"}, done.stdout)
        ciphers = re.findall(r"^(?:Preferred|Accepted) +\S+ +\d+ bits +(\S+)", done.stdout, re.M)
        self.assertGreater(len(ciphers), 4, done.stdout)
        for cipher in ciphers:
            self.assertRegex(cipher, r"^(TLS_|ECDHE-).*(GCM|CHACHA20)", done.stdout)
        self.assertIn("Session renegotiation not supported", done.stdout)
        self.assertNotRegex(done.stdout, r"(?<!not )vulnerable to heartbleed")


class Reload(Base):
    def gateway_with(self, *pairs, **options):
        gateway = harness.Gateway(service(), start=False, **options)
        self.addCleanup(gateway.end)
        return self.start(gateway, [{"port": gateway.ports.http, "redirectToHttps": True},
                                    {"port": gateway.ports.spare, "tls": {"certificates": self.files(*pairs)}}])

    def served(self, gateway):
        with tls.Connection(gateway.ports.spare, self.ca.context()) as connection:
            return connection.socket.getpeercert()["serialNumber"]

    @staticmethod
    def replace(old, new):
        for there, come in zip(old, new):
            shutil.copy(come, there + ".new")
            os.replace(there + ".new", there)

    def test_a_generation_from_zero_over_tls(self):
        gateway = self.gateway_with(self.main)
        self.assertEqual(gateway.pods(), [])
        with tls.Connection(gateway.ports.spare, self.ca.context()) as connection:
            connection.send(wire.request_text("POST", TXT2IMG, body=wire.prompt()))
            self.assert_status(connection.response(), 200, gateway)

    def test_a_gradio_event_over_tls(self):
        gateway = self.gateway_with(self.main)
        connection = tls.Connection(gateway.ports.spare, self.ca.context())
        with ws.Event(None, ["task(abc)", "a cat"], connection=connection) as event:
            event.submit()
            message, code = event.result()
            self.assertTrue(message["success"], message)
            self.assertEqual(code, 1000)

    def test_certificates_change_under_load_without_a_failed_handshake(self):
        live = self.ca.issue("live", ["DNS:*.default.example.com"])
        spare = self.ca.issue("spare", ["DNS:*.default.example.com"])
        gateway = self.gateway_with(live)
        first, over, serials = self.served(gateway), threading.Event(), set()
        with tls.Connection(gateway.ports.spare, self.ca.context()) as old:
            def client(_):
                while not over.is_set():
                    serials.add(self.served(gateway))
                return True
            threads = [threading.Thread(target=lambda: results.append(client(0))) for _ in range(4)]
            results = []
            for thread in threads:
                thread.start()
            self.replace(live, spare)
            try:
                gateway.wait(lambda: len(serials) == 2, "the new certificate is shown", 10)
            finally:
                over.set()
                for thread in threads:
                    thread.join(20)
            self.assertEqual(results, [True] * 4)  # a handshake that fails ends its thread by an exception
            self.assertNotEqual(self.served(gateway), first)
            old.send(wire.request_text("GET", "/", host="none.default.example.com"))
            self.assert_status(old.response(), 404, gateway)  # who was there stays
            self.assertEqual(old.socket.getpeercert()["serialNumber"], first)

    def test_a_wrong_key_is_refused_with_a_word_and_the_old_one_stays(self):
        live = self.ca.issue("live", ["DNS:*.default.example.com"])
        gateway = self.gateway_with(live)
        first = self.served(gateway)
        shutil.copy(self.main[1], live[1])
        gateway.wait(lambda: "the key is not the one of" in gateway.tail(400), "it is said", 10)
        gateway.process.send_signal(signal.SIGHUP)
        gateway.wait(lambda: gateway.tail(400).count("the key is not the one of") > 1, "it is said again", 10)
        self.assertEqual(self.served(gateway), first)
        shutil.copy(self.main[0], live[0])
        gateway.wait(lambda: self.served(gateway) != first, "a pair that fits is taken", 10)

    def test_whom_the_authority_has_revoked_is_let_in_no_more_not_even_by_a_ticket(self):
        alice, bob = (self.ca.issue(name, subject="/CN=" + name) for name in ("alice", "bob"))
        gateway = harness.Gateway(service(), start=False)
        self.addCleanup(gateway.end)
        self.start(gateway, [{"port": gateway.ports.spare, "tls": {
            "certificates": self.files(self.main),
            "clientCertificates": {"ca": self.ca.certificate, "crl": self.ca.revoke()}}}])

        def ask(context, session=None):
            """The session that it ended with; None: it was not let in."""
            try:
                with tls.Connection(gateway.ports.spare, context, session=session) as connection:
                    connection.send(wire.request_text("GET", "/", host="none.default.example.com"))
                    self.assert_status(connection.response(), 404, gateway)
                    return connection.socket.session
            except (ssl.SSLError, ConnectionError, wire.Broken):
                return None
        alices, bobs = ([self.ca.context(version, client=files) for version in (V12, V13)] for files in (alice, bob))
        sessions = [ask(context) for context in alices]
        self.assertTrue(all(sessions) and all(ask(context) for context in bobs))
        self.ca.revoke(alice[0])
        gateway.wait(lambda: not ask(alices[0]), "she is refused", 10)
        for context, session in zip(alices, sessions):
            self.assertIsNone(ask(context))
            self.assertIsNone(ask(context, session), "her ticket still opens")
        self.assertTrue(all(ask(context) for context in bobs))

    def test_a_ticket_outlives_one_change_of_keys_and_not_two(self):
        gateway = self.gateway_with(self.main, timeouts={"ticketKey": "2s"})
        for version in (V12, V13):
            context = self.ca.context(version)

            def session(old=None):
                with tls.Connection(gateway.ports.spare, context, session=old) as connection:
                    connection.send(wire.request_text("GET", "/", host="none.default.example.com"))
                    connection.response()
                    return connection.socket.session, connection.socket.session_reused
            first, _ = session()
            self.assertTrue(session(first)[1])
            time.sleep(4.1)
            self.assertFalse(session(first)[1])

    def test_check_says_what_is_wrong_with_a_certificate_and_where(self):
        expired = self.ca.issue("expired", ["DNS:a.example.org"], days=-1)
        bare = self.ca.issue("bare")
        os.chmod(bare[1], 0o644)
        gateway = harness.Gateway(service(), start=False)
        self.addCleanup(gateway.end)

        def check(*pairs):
            gateway.write("gateway", {"apiVersion": "pilotlight.dev/v1", "kind": "Gateway", "spec": {
                "listeners": [{"tls": {"certificates": self.files(*pairs)}}],
                "driver": gateway.gateway["spec"]["driver"]}})
            done = subprocess.run([os.path.join(harness.BIN, "pilotlight"), "check", "-f", gateway.manifests],
                                  capture_output=True, text=True, timeout=20, check=False)
            return done.returncode, done.stderr
        status, said = check(expired, bare)
        self.assertEqual(status, 0, said)
        self.assertRegex(said, r"gateway.yaml:\d+:\d+: warning: spec.listeners\[0\].tls.certificates\[0\]: .*: expired on")
        self.assertRegex(said, r"certificates\[1\]: .*has no subjectAltName")
        self.assertRegex(said, r"certificates\[1\]: .*everybody on this machine can read the key; chmod o-rwx")
        for pair, words in (((expired[0], bare[1]), "the key is not the one of"), (("/none", bare[1]), "No such file"),
                            ((bare[1], bare[1]), "there is no certificate in PEM"), ((bare[0], "/dev/zero"), "no regular")):
            status, said = check(pair)
            self.assertEqual(status, 1, said)
            self.assertRegex(said, r"gateway.yaml:\d+:\d+: spec.listeners\[0\].tls.certificates\[0\]: .*" + words)
