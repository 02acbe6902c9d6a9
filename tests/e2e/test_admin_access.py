"""Who may do what at the admin address: with curl, kubectl, the command line and what a browser would send."""
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import ssl
import subprocess
import unittest

import harness
import tls

READ, ADMIN = "plk_" + "r" * 60, "plk_" + "a" * 60
KUBECTL = shutil.which("kubectl")
PODS = "/api/v1/pods"
CHANGE = "/apis/serving.knative.dev/v1/namespaces/default/services/sd"


class Admin(harness.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.authority, cls.stranger = tls.Authority(), tls.Authority("Another CA")
        cls.certificate, cls.key = cls.authority.issue("admin", ["DNS:gpu.example.org", "IP:127.0.0.1"])

    def secured(self, secure=True, clients=None, start=True, **more):
        gateway = self.gateway(harness.service("sd"), start=False)
        for name, text in (("read", READ), ("admin", ADMIN)):
            self.put(gateway, name, text)
        self.audit = os.path.join(gateway.folder, "audit.log")
        spec = gateway.gateway["spec"]
        spec["log"]["audit"] = self.audit
        spec["admin"].update({"tokens": [{"name": "ci", "file": self.path(gateway, "read")},
                                         {"name": "boss", "role": "admin", "file": self.path(gateway, "admin")}], **more})
        if secure:
            spec["admin"]["tls"] = {"certificate": self.certificate, "key": self.key,
                                    **({"clientCertificates": clients} if clients else {})}
        gateway.write("gateway", gateway.gateway)
        self.url = f"http{'s' if secure else ''}://127.0.0.1:{gateway.admin}"
        gateway.is_ready = lambda: self.ready(gateway)
        if start:
            gateway.start()
        return gateway

    def ready(self, gateway):
        if gateway.process.poll() is not None:
            raise AssertionError(f"the gateway ended with status {gateway.process.returncode}\n{gateway.tail()}")
        return self.curl("/readyz")[0] == 200

    @staticmethod
    def path(gateway, name):
        return os.path.join(gateway.folder, name + ".token")

    def put(self, gateway, name, text):
        path = self.path(gateway, name)
        with open(path + ".new", "w", encoding="utf-8") as out:
            out.write(text + "\n")
        os.chmod(path + ".new", 0o600)
        os.replace(path + ".new", path)

    def curl(self, path, *more, token=None, base=None):
        """(status, the answer with its head)"""
        command = ["curl", "-s", "-i", "-m", "10", "--cacert", self.authority.certificate, *more]
        if token:
            command += ["-H", f"Authorization: Bearer {token}"]
        done = subprocess.run([*command, (base or self.url) + path], capture_output=True, text=True, timeout=20, check=False)
        found = re.match(r"HTTP/1\.1 (\d+)", done.stdout)
        return (int(found[1]) if found else 0), done.stdout

    def status(self, *arguments, **options):
        return self.curl(*arguments, **options)[0]

    def audited(self):
        with open(self.audit, encoding="utf-8") as file:
            return [json.loads(line) for line in file if line.endswith("\n")]

    def run_cli(self, *words, environment=None):
        clean = {k: v for k, v in os.environ.items() if not k.startswith("PILOTLIGHT_")}
        return subprocess.run([os.path.join(harness.BIN, "pilotlight"), *words], capture_output=True, text=True, timeout=20,
                              check=False, env={**clean, **(environment or {})})

    def test_tokens_decide_what_is_read_and_what_is_changed(self):
        gateway = self.secured(secure=False)
        for path in ("/livez", "/readyz", "/healthz", "/"):
            self.assertEqual(self.status(path), 200, path)
        for path in (PODS, "/metrics", "/apis", "/dashboard/stream", "/dashboard/history?service=default/sd"):
            code, answer = self.curl(path)
            self.assertEqual(code, 401, path)
            self.assertIn('WWW-Authenticate: Bearer realm="pilotlight"', answer)
        self.assertEqual(self.status(PODS, token=READ), 200)
        self.assertEqual(self.status(PODS, "-u", f"ci:{READ}"), 200)
        self.assertEqual(self.status(PODS, token=READ + "x"), 401)
        code, answer = self.curl(CHANGE, "-X", "DELETE", token=READ)
        self.assertEqual(code, 403)
        self.assertIn('token \\"ci\\" may only read', answer)
        self.assertNotIn(self.status(CHANGE, "-X", "PATCH", token=ADMIN), (401, 403, 421))
        lines = gateway.wait(lambda: len(found := self.audited()) >= 3 and found, "audit lines")
        self.assertEqual([(line["audit"], line["by"], line.get("user"), line["code"]) for line in lines[:2]],
                         [("denied", "nobody", None, 401), ("denied", "token", "ci", 403)])
        self.assertEqual((lines[1]["verb"], lines[1]["resource"], lines[1]["namespace"], lines[1]["name"]),
                         ("delete", "services.serving.knative.dev", "default", "sd"))
        self.assertEqual((lines[2]["user"], lines[2]["verb"]), ("boss", "patch"))
        with open(self.audit, encoding="utf-8") as file:
            self.assertNotIn("plk_", file.read())
        with open(gateway.log, encoding="utf-8") as file:
            self.assertNotIn("plk_", file.read())

    def test_pages_of_other_sites_read_nothing_and_change_nothing(self):
        self.secured(secure=False)
        for more in (["-H", "Host: evil.example"], ["-H", "Host: evil.example", "-X", "DELETE"]):
            self.assertEqual(self.status(PODS, *more, token=ADMIN), 421)
        for more in (["-H", "Origin: http://evil.example"], ["-H", "Origin: null"], ["-H", "Sec-Fetch-Site: cross-site"]):
            self.assertEqual(self.status(CHANGE, "-X", "DELETE", *more, token=ADMIN), 403, more)
        _, answer = self.curl(PODS, "-H", "Origin: http://evil.example", token=ADMIN)
        self.assertNotIn("Access-Control", answer)

    def test_a_browser_logs_in_with_a_token_and_may_look(self):
        self.secured(secure=False)
        self.assertEqual(self.status("/dashboard/login", "-X", "POST", token="nonsense"), 401)
        code, answer = self.curl("/dashboard/login", "-X", "POST", "-H", f"Origin: {self.url}", token=ADMIN)
        self.assertEqual(code, 200)
        field = re.search(r"(?i)set-cookie: ([^\r]+)", answer)[1]
        cookie = field.split(";")[0]
        for word in ("HttpOnly", "SameSite=Strict", "Path=/dashboard"):
            self.assertIn(word, field)
        self.assertNotIn(ADMIN, field)
        _, stream = self.curl("/dashboard/stream", "-N", "-m", "2", "-H", f"Cookie: {cookie}")
        self.assertIn("text/event-stream", stream)
        self.assertIn("data: {", stream)
        self.assertEqual(self.status(CHANGE, "-X", "DELETE", "-H", f"Cookie: {cookie}"), 403)
        self.assertEqual(self.status("/dashboard/logout", "-X", "POST", "-H", f"Cookie: {cookie}"), 200)
        self.assertEqual(self.status("/dashboard/timeline", "-H", f"Cookie: {cookie}"), 401)

    def test_over_tls_with_certificates_and_tokens(self):
        gateway = self.secured(clients={"ca": self.authority.certificate, "admins": ["anna"]}, metricsOpen=True)
        anna, carl = self.authority.issue("anna", subject="/CN=anna"), self.authority.issue("carl", subject="/CN=carl")
        eve = self.stranger.issue("eve", subject="/CN=anna")

        def shows(who, path=PODS, *more):
            return self.status(path, "--cert", who[0], "--key", who[1], *more)
        self.assertEqual((shows(anna), shows(carl)), (200, 200))
        self.assertEqual(shows(carl, CHANGE, "-X", "DELETE"), 403)
        self.assertNotIn(shows(anna, CHANGE, "-X", "PATCH"), (0, 401, 403))
        self.assertEqual(shows(eve), 0, "a certificate of nobody that we know ends the handshake")
        self.assertEqual(self.status(PODS), 401)
        self.assertEqual(self.status("/metrics"), 200)
        self.assertEqual(self.status(PODS, token=READ), 200)
        names = ["--resolve", f"gpu.example.org:{gateway.admin}:127.0.0.1"]
        self.assertEqual(self.status(PODS, *names, token=READ, base=f"https://gpu.example.org:{gateway.admin}"), 200)
        self.assertEqual(self.status(PODS, base=f"http://127.0.0.1:{gateway.admin}"), 0, "nothing is said in the clear")
        two = subprocess.run(["curl", "-sS", "-m", "10", "--cacert", self.authority.certificate, "-H", f"Authorization: Bearer {READ}",
                              "-w", "%{num_connects} ", "-o", "/dev/null", self.url + PODS, "-o", "/dev/null", self.url + PODS],
                             capture_output=True, text=True, timeout=20, check=True)
        self.assertEqual(two.stdout.split(), ["1", "0"], "a connection serves several requests")
        line = gateway.wait(lambda: [one for one in self.audited() if one.get("user") == "anna"], "anna's audit line")[0]
        self.assertEqual(line["by"], "certificate")

    def test_changed_tokens_and_certificates_are_in_force_without_a_restart(self):
        gateway = self.secured()
        stream = self.secret_stream(gateway, READ)
        other = "plk_" + "n" * 60
        self.put(gateway, "read", other)
        gateway.wait(lambda: self.status(PODS, token=other) == 200, "the new token is let in")
        self.assertEqual(self.status(PODS, token=READ), 401)
        self.assertTrue(self.ends(stream), "a watch of a token that is no more ends")
        self.put(gateway, "read", "short")
        gateway.wait(lambda: "could be guessed" in gateway.tail(200), "a token that is none is refused")
        self.assertEqual(self.status(PODS, token=other), 200)

        def serial():
            with socket.create_connection(("127.0.0.1", gateway.admin), 5) as plain:
                with self.authority.context().wrap_socket(plain, server_hostname="127.0.0.1") as one:
                    return one.getpeercert()["serialNumber"]
        before, kept = serial(), [pathlib.Path(path).read_bytes() for path in (self.certificate, self.key)]
        new = self.authority.issue("another", ["IP:127.0.0.1"])
        try:
            self.put(gateway, "read", READ)  # or the last change would still be wrong
            for source, path in zip(new, (self.certificate, self.key)):
                shutil.copy(source, path + ".new")
                os.replace(path + ".new", path)
            gateway.wait(lambda: serial() != before, "the new certificate is shown")
        finally:
            for octets, path in zip(kept, (self.certificate, self.key)):
                with open(path, "wb") as out:
                    out.write(octets)

    def secret_stream(self, gateway, token):
        connection = http.client.HTTPSConnection("127.0.0.1", gateway.admin, context=self.authority.context(), timeout=15)
        self.addCleanup(connection.close)
        connection.request("GET", PODS + "?watch=true", headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        self.assertEqual(answer.status, 200)
        return answer

    @staticmethod
    def ends(answer):
        try:
            while answer.read(1):
                pass
            return True
        except (TimeoutError, socket.timeout):
            return False
        except (OSError, http.client.HTTPException):
            return True

    def test_commands_show_their_token_and_believe_who_they_are_told_to(self):
        gateway = self.secured()
        secure = ["--server", self.url, "--ca-file", self.authority.certificate]
        good = self.run_cli("get", "services", *secure, "--token-file", self.path(gateway, "read"))
        self.assertEqual((good.returncode, good.stderr), (0, ""), good)
        self.assertIn("sd", good.stdout)
        self.assertEqual(self.run_cli("get", "services", *secure, environment={"PILOTLIGHT_ADMIN_TOKEN": READ}).returncode, 0)
        none = self.run_cli("get", "services", *secure)
        self.assertEqual((none.returncode, none.stderr.startswith("Error from server (Unauthorized)")), (1, True), none)
        stranger = self.run_cli("get", "services", "--server", self.url, "--ca-file", self.stranger.certificate)
        self.assertIn("is not believed", stranger.stderr)
        wrong_name = self.run_cli("get", "services", "--server", f"https://localhost:{gateway.admin}", "--ca-file",
                                  self.authority.certificate)
        self.assertIn("is not believed", wrong_name.stderr)
        clear = self.run_cli("get", "services", "--server", "http://192.0.2.1:9901", environment={"PILOTLIGHT_ADMIN_TOKEN": READ})
        self.assertEqual(clear.returncode, 2)
        self.assertIn("in the clear", clear.stderr)

    @unittest.skipUnless(KUBECTL, "Debian's kubernetes-client is not installed")
    def test_kubectl_is_let_in_by_the_kubeconfig_that_we_print(self):
        gateway = self.secured(clients={"ca": self.authority.certificate, "role": "read"})
        anna = self.authority.issue("anna", subject="/CN=anna")
        ways = {"token": ["--token-file", self.path(gateway, "read")],
                "certificate": ["--client-certificate", anna[0], "--client-key", anna[1]], "nobody": []}
        for name, flags in ways.items():
            made = self.run_cli("kubeconfig", "--server", self.url, "--ca-file", self.authority.certificate, *flags)
            self.assertEqual((made.returncode, made.stderr), (0, ""))
            path = os.path.join(gateway.folder, name + ".kubeconfig")
            with open(path, "w", encoding="utf-8") as out:
                out.write(made.stdout)
            ran = subprocess.run([KUBECTL, "--kubeconfig", path, "get", "ksvc"], capture_output=True, text=True, timeout=30,
                                 check=False, stdin=subprocess.DEVNULL, env={**os.environ, "HOME": gateway.folder})
            if flags:
                self.assertEqual(ran.returncode, 0, (name, ran, gateway.tail()))
                self.assertIn("sd", ran.stdout)
            else:
                self.assertNotEqual(ran.returncode, 0)

    @unittest.skipUnless(KUBECTL, "Debian's kubernetes-client is not installed")
    def test_a_change_by_kubectl_over_tls_has_its_line_with_names_and_no_values(self):
        gateway = self.secured()
        made = self.run_cli("kubeconfig", "--server", self.url, "--ca-file", self.authority.certificate, "--token-file",
                            self.path(gateway, "admin"))
        path = os.path.join(gateway.folder, "kubeconfig")
        with open(path, "w", encoding="utf-8") as out:
            out.write(made.stdout)
        hidden = {"env": [{"name": "KEY", "value": "s3cret"}]}
        manifest = json.dumps(harness.service("made", container=hidden))
        ran = subprocess.run([KUBECTL, "--kubeconfig", path, "create", "--validate=false", "-f", "-"], input=manifest,
                             capture_output=True, text=True, timeout=30, check=False, env={**os.environ, "HOME": gateway.folder})
        self.assertEqual(ran.returncode, 0, (ran, gateway.tail()))
        scaled = self.run_cli("scale", "sd", "--replicas", "0", "--server", self.url, "--ca-file", self.authority.certificate,
                              "--token-file", self.path(gateway, "admin"))
        self.assertEqual(scaled.returncode, 0, (scaled, gateway.tail()))
        lines = gateway.wait(lambda: len(found := self.audited()) >= 2 and found, "audit lines")
        self.assertEqual([(one["verb"], one["name"], one["user"], one["audit"]) for one in lines[:1]],
                         [("create", "made", "boss", "done")])
        self.assertEqual((lines[1]["name"], lines[1]["user"]), ("sd", "boss"))
        with open(self.audit, encoding="utf-8") as file:
            self.assertNotIn("s3cret", file.read())

    def test_off_loopback_it_does_not_start_without_credentials_and_tls(self):
        gateway = self.gateway(start=False)
        for more, words in (({}, "could change everything"),
                            ({"tokens": [{"name": "a", "hash": "sha256:" + "a" * 64}]}, "in the clear")):
            gateway.gateway["spec"]["admin"] = {"address": "0.0.0.0", "port": gateway.admin, **more}
            gateway.write("gateway", gateway.gateway)
            ran = self.run_cli("serve", "-f", gateway.manifests)
            self.assertEqual(ran.returncode, 1)
            self.assertIn(words, ran.stderr)

    def test_a_reload_that_moves_the_address_opens_nothing_where_it_still_is(self):
        gateway = self.secured(secure=False)
        admin = gateway.gateway["spec"]["admin"]
        admin.update({"port": gateway.ports.spare, "tokens": []})
        gateway.write("gateway", gateway.gateway)
        gateway.process.send_signal(signal.SIGHUP)
        gateway.wait(lambda: "change only with a restart" in gateway.tail(200), "the reload is over")
        self.assertEqual((self.status(PODS), self.status(PODS, token=READ)), (401, 200))
        admin.update({"port": gateway.admin})
        gateway.write("gateway", gateway.gateway)
        gateway.process.send_signal(signal.SIGHUP)
        gateway.wait(lambda: self.status(PODS) == 200, "on loopback tokens can be done without")

    def test_whoever_says_nothing_or_nonsense_keeps_nobody_out(self):
        gateway = self.secured()
        stream = self.secret_stream(gateway, READ)
        idle = [socket.create_connection(("127.0.0.1", gateway.admin), 5) for _ in range(200)]
        try:
            self.assertEqual([self.status(PODS, token=READ) for _ in range(3)], [200] * 3)
            descriptors = len(os.listdir(f"/proc/{gateway.process.pid}/fd"))
            self.assertLess(descriptors, 150, "connections of whoever says nothing are bounded")
        finally:
            for one in idle:
                one.close()
        stream.fp.raw._sock.settimeout(0.2)  # whoever was let in before is still there
        self.assertFalse(self.ends(stream))
        for octets in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\xff\xff" + b"\0" * 400, b"\0" * 2000):
            with socket.create_connection(("127.0.0.1", gateway.admin), 5) as bad:
                bad.sendall(octets)
                bad.settimeout(15)
                try:
                    while bad.recv(4096):
                        pass
                except ConnectionResetError:
                    pass
        self.assertEqual(self.status(PODS, token=READ), 200)
        self.assertIsNone(gateway.process.poll())
