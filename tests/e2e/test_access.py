"""Services that ask for a key: who has none comes no further than the door, and keys take turns."""
import base64
import hashlib
import os
import signal
import subprocess
import threading

import harness
import wire
from harness import TXT2IMG, service
from recording_pod import RecordingPod, sized, static

PILOTLIGHT = os.path.join(harness.BIN, "pilotlight")
ANNA, BOB = "plk_" + "a" * 64, "plk_" + "b" * 64


def hashed(key):
    return "sha256:" + hashlib.sha256(key.encode()).hexdigest()


def lists(**anna):
    return [{"name": "artists", "keys": [{"name": "anna", "hash": hashed(ANNA), **anna},
                                         {"name": "bob", "hash": hashed(BOB)}]}]


def bearer(key):
    return {"Authorization": "Bearer " + key}


def under_way(gateway):
    for line in gateway.metrics().splitlines():
        if line.startswith("pilotlight_requests "):
            return float(line.split()[-1])
    return 0


class Access(harness.TestCase):
    def closed(self, access=None, own=None, **options):
        gateway = self.gateway(service(scale={"max-scale": 1, **options.pop("scale", {})},
                                       own={"access": "artists", **(own or {})}),
                               access=access or lists(), **options)
        return gateway

    def test_without_a_key_no_body_is_read_and_no_pod_is_woken(self):
        gateway = self.closed()
        for headers in ({}, bearer("wrong"), {"X-API-Key": BOB, **bearer(ANNA)}, {"Cookie": "key=" + ANNA}):
            with gateway.connect() as client:  # its body never comes
                client.send(wire.request_text("POST", TXT2IMG, headers={"Content-Length": "1000", **headers}))
                answer = client.response()
                self.assert_status(answer, 401, gateway)
                self.assertEqual(answer.json()["error"], "unauthorized")
                self.assertEqual([v.split(" ")[0] for v in answer.all("www-authenticate")], ["Basic", "Bearer"])
        for path in ("/", "/pilotlight/status", "/queue/data?session_hash=x", f"/?key={ANNA}", f"/?token={ANNA}"):
            self.assert_status(gateway.request("GET", path), 401, gateway)
        page = gateway.request("GET", "/", headers={"Accept": "text/html"})  # where else the waiting page would be
        self.assert_status(page, 401, gateway)
        self.assertEqual(page["content-type"], "text/html; charset=utf-8")
        with gateway.connect() as client:
            client.send(wire.request_text("GET", "/queue/join", headers={
                "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
                "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}))
            self.assert_status(client.response(), 401, gateway)
        self.assertEqual(gateway.pods(), [])

    def test_a_key_opens_the_service_and_reaches_neither_pod_nor_log(self):
        gateway = self.closed()
        basic = base64.b64encode(f"anna:{ANNA}".encode()).decode()
        for headers in (bearer(ANNA), {"X-API-Key": ANNA}, {"Authorization": "Basic " + basic}):
            self.assert_status(gateway.generate(headers=headers), 200, gateway)
        gateway.wait(lambda: [line.get("key") for line in gateway.access()] == ["anna"] * 3, "the log names the key")
        gateway.wait(lambda: 'pilotlight_key_requests_total{list="artists",key="anna"} 3' in gateway.metrics(),
                     "and so do the metrics")
        for text in (gateway.tail(1000), gateway.metrics()):
            self.assertNotIn(ANNA, text)
            self.assertNotIn(basic, text)

    def test_a_pod_is_given_the_key_only_where_that_is_asked_for(self):
        for forward in (False, True):
            access = lists()
            access[0]["forwardKey"] = forward
            pod = RecordingPod()
            self.addCleanup(pod.close)
            gateway = self.closed(access, scale={"min-scale": 1}, driver={"static": {"pods": [pod.address]}})
            gateway.wait_for_ready(1)
            self.assert_status(gateway.request("GET", "/x", headers=bearer(ANNA)), 200, gateway)
            heads = [seen.head for seen in pod.seen if "/x " in seen.head]
            self.assertEqual([ANNA in head for head in heads], [forward], heads)

    def test_a_password_is_asked_for_once_and_kept_as_a_slow_hash(self):
        made = subprocess.run([PILOTLIGHT, "hash-key", "--password"], input="open sesame\n", text=True,
                              capture_output=True, timeout=20, check=True).stdout.strip()
        self.assertTrue(made.startswith("scrypt:"), made)
        gateway = self.closed([{"name": "artists", "keys": [{"name": "carl", "hash": made}]}])

        def ask(pair, path="/sdapi/v1/samplers"):
            basic = base64.b64encode(pair.encode()).decode()
            return gateway.request("GET", path, headers={"Authorization": "Basic " + basic}).status
        self.assertEqual(ask("carl:open"), 401)
        self.assertEqual(ask("dora:open sesame"), 401)
        self.assertIn(ask("carl:open sesame"), (200, 503))  # 503: no pod runs, and this starts none
        self.assertEqual(gateway.request("GET", "/sdapi/v1/samplers", headers=bearer("open sesame")).status, 401)

    def test_hash_key_makes_a_key_that_opens(self):
        made = subprocess.run([PILOTLIGHT, "hash-key"], capture_output=True, text=True, timeout=20, check=True).stdout
        key, hash_of_it = (line.split()[1] for line in made.splitlines())
        gateway = self.closed([{"name": "artists", "keys": [{"name": "new", "hash": hash_of_it}]}])
        self.assert_status(gateway.generate(headers=bearer(key)), 200, gateway)

    def test_one_users_many_prompts_do_not_starve_anothers_one(self):
        gateway = self.closed(simulator={"SERVICE": "0.25"}, scale={"min-scale": 1})
        gateway.wait_for_ready(1)
        order, before = [], []

        def send(number):
            key = BOB if number == 0 else ANNA
            if number == 0:  # what is under way is published every second: enough of them wait for longer
                gateway.wait(lambda: under_way(gateway) >= 8, "anna's prompts wait")
                before.append(len(order))
            self.assert_status(gateway.generate(headers=bearer(key)), 200, gateway)
            order.append(key)
        harness.concurrently(20, send)
        self.assertLess(order.index(BOB) - before[0], 5, "bob was next but one, at a time when eight of anna's waited")

    def test_a_key_has_its_bound_of_waiting_requests(self):
        gateway = self.closed(lists(waiting=2, running=1), simulator={"SERVICE": "0.5"}, scale={"min-scale": 1})
        gateway.wait_for_ready(1)
        answers = harness.concurrently(6, lambda _: gateway.generate(headers=bearer(ANNA)))
        self.assertEqual(sorted(a.status for a in answers), [200, 200, 200, 429, 429, 429], gateway.tail())
        refused = next(a for a in answers if a.status == 429)
        self.assertTrue(refused["retry-after"])
        self.assertEqual(refused.json()["error"], "key_limit")
        self.assert_status(gateway.generate(headers=bearer(BOB)), 200, gateway)

    def test_a_key_has_its_bound_of_requests_that_take_no_slot(self):
        over = threading.Event()
        self.addCleanup(over.set)

        def slow(_seen, _peer):
            over.wait(20)
            return sized(b"[]")
        pod = RecordingPod(slow)
        self.addCleanup(pod.close)
        gateway = self.closed(lists(withoutSlot=2), driver=static(pod), scale={"min-scale": 1})
        gateway.wait_for_ready(1)
        refused = 0

        def ask(number):
            nonlocal refused
            answer = gateway.request("GET", "/sdapi/v1/samplers", headers=bearer(ANNA if number else BOB))
            refused += answer.status == 429
            if refused == 3 and len(pod.seen) == 3:
                over.set()
            return answer.status
        answers = harness.concurrently(6, ask)
        self.assertEqual((answers[0], sorted(answers[1:])), (200, [200, 200, 429, 429, 429]), gateway.tail())
        self.assertEqual(gateway.request("GET", "/sdapi/v1/samplers", headers=bearer(ANNA)).status, 200)

    def test_a_list_that_is_not_there_and_a_key_that_is_no_hash_are_errors(self):
        gateway = self.closed()
        gateway.gateway["spec"]["access"][0]["keys"][0]["hash"] = ANNA
        gateway.write("gateway", gateway.gateway)
        done = subprocess.run([PILOTLIGHT, "check", "-f", gateway.manifests], capture_output=True, text=True,
                              timeout=20, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("hash-key", done.stdout + done.stderr)
        self.assertNotIn(ANNA, done.stdout + done.stderr)
        gateway.gateway["spec"]["access"] = []
        gateway.write("gateway", gateway.gateway)
        done = subprocess.run([PILOTLIGHT, "check", "-f", gateway.manifests], capture_output=True, text=True,
                              timeout=20, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("there is no list", done.stdout + done.stderr)

    def test_a_reload_takes_a_key_away(self):
        gateway = self.closed(scale={"min-scale": 1})
        gateway.wait_for_ready(1)
        self.assert_status(gateway.generate(headers=bearer(ANNA)), 200, gateway)
        del gateway.gateway["spec"]["access"][0]["keys"][0]
        gateway.write("gateway", gateway.gateway)
        gateway.process.send_signal(signal.SIGHUP)
        gateway.wait(lambda: gateway.generate(headers=bearer(ANNA)).status == 401, "the key is of no more use")
        self.assert_status(gateway.generate(headers=bearer(BOB)), 200, gateway)

