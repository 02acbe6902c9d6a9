"""A browser stays on its pod: the cookie of the guide's manifest."""
import re

import harness
import wire
from harness import AFFINITY, TXT2IMG, concurrently, service


def cookie_of(answer):
    """The value of the sd cookie that an answer sets; None if it sets none."""
    for value in answer.all("set-cookie"):
        if match := re.match(r"sd=([^;]+)", value):
            return match.group(1)
    return None


class Affinity(harness.TestCase):
    def three_pods(self, **simulator):
        gateway = self.gateway(service(scale={"min-scale": 3, "max-scale": 3}, annotations=AFFINITY),
                               simulator={"SERVICE": "0.05", **simulator})
        gateway.wait_for_ready(3)
        return gateway

    def open_session(self, gateway):
        answer = gateway.generate()
        self.assert_status(answer, 200, gateway)
        self.assertIsNotNone(cookie_of(answer), answer)
        return cookie_of(answer), answer["x-stub-pod"]

    def test_the_cookie_is_set_as_the_manifest_says_and_reveals_nothing(self):
        gateway = self.three_pods()
        answer = gateway.generate()
        sd = [value for value in answer.all("set-cookie") if value.startswith("sd=")]
        self.assertEqual(len(sd), 1, answer)
        attributes = {part.strip().lower() for part in sd[0].split(";")[1:]}
        self.assertLessEqual({"max-age=1800", "httponly", "samesite=lax", "path=/"}, attributes)
        self.assertNotIn("secure", attributes)  # it would be lost over plain HTTP
        self.assertNotIn("127.0.0.1", sd[0])
        for pod in gateway.pods():
            self.assertNotIn(str(pod.port), sd[0])

    def test_a_session_stays_on_its_pod_while_others_are_free(self):
        gateway = self.three_pods()
        cookie, pod = self.open_session(gateway)
        answers = [gateway.generate(headers={"Cookie": f"theme=dark; sd={cookie}"}) for _ in range(12)]
        answers.append(gateway.request("GET", "/sdapi/v1/samplers", headers={"Cookie": f"sd={cookie}"}))
        self.assertEqual({a["x-stub-pod"] for a in answers}, {pod})

    def test_a_browser_holds_three_heartbeats_open_and_its_next_one_ends_at_once(self):
        gateway = self.three_pods()
        cookie, pod = self.open_session(gateway)

        def beat(number, headers):
            client = gateway.connect()
            self.addCleanup(client.close)
            client.send(wire.request_text("GET", f"/heartbeat/tab{number}", headers=headers))
            self.assert_status(client.head(), 200, gateway)
            return client

        mine = {"Cookie": f"sd={cookie}", "Accept": "text/event-stream"}
        held = [beat(number, mine) for number in range(3)]
        fourth = gateway.request("GET", "/heartbeat/tab4", headers=mine, seconds=5)
        self.assertEqual((fourth.status, fourth["content-type"]), (200, "text/event-stream"))
        self.assertIn(b"retry: ", fourth.body)
        beat(5, {})  # nobody's browser is limited by another's
        self.assertNotIn("/heartbeat/tab4", gateway.stats()[pod]["byPath"])  # the pod hears nothing of it
        held[0].close()
        gateway.wait(lambda: self.is_held(gateway, mine), "one that is held when another was closed")

    def is_held(self, gateway, headers):
        with gateway.connect() as client:
            client.send(wire.request_text("GET", "/heartbeat/next", headers=headers))
            return client.head()["content-length"] is None

    def test_requests_without_a_cookie_are_spread_over_the_pods(self):
        gateway = self.three_pods(SERVICE="0.3")
        answers = concurrently(3, lambda _: gateway.generate())
        self.assertEqual(len({a["x-stub-pod"] for a in answers}), 3)

    def test_a_session_waits_for_its_own_busy_pod(self):
        gateway = self.three_pods(SERVICE="0.3")
        cookie, pod = self.open_session(gateway)
        answers = concurrently(3, lambda _: gateway.generate(headers={"Cookie": f"sd={cookie}"}))
        self.assertEqual({a["x-stub-pod"] for a in answers}, {pod})
        self.assert_one_at_a_time(gateway.stats())

    def test_a_forged_cookie_is_ignored_and_replaced(self):
        gateway = self.three_pods()
        cookie, _ = self.open_session(gateway)
        middle = len(cookie) // 2
        other = "A" if cookie[middle] != "A" else "B"
        for forged in ("x", "A" * len(cookie), cookie[:middle] + other + cookie[middle + 1:], cookie[:-4], "%00\"\\"):
            answer = gateway.generate(headers={"Cookie": f"sd={forged}"})
            self.assert_status(answer, 200, gateway)
            self.assertIsNotNone(cookie_of(answer), forged)
            self.assertNotEqual(cookie_of(answer), forged)

    def test_the_pod_never_sees_the_cookie_but_sees_all_others(self):
        gateway = self.three_pods()
        cookie, pod = self.open_session(gateway)
        gateway.generate(headers={"Cookie": f"theme=dark; sd={cookie}; lang=en"})
        self.assertEqual(gateway.stats()[pod]["cookies_seen"], {"theme": 1, "lang": 1})

    def test_a_session_whose_pod_was_killed_gets_another_pod_and_a_new_cookie(self):
        gateway = self.three_pods()
        cookie, name = self.open_session(gateway)
        killed = [pod for pod in gateway.pods() if pod.name == name][0]
        killed.kill()
        gateway.wait_until_gone(killed)
        answer = gateway.generate(headers={"Cookie": f"sd={cookie}"})
        self.assert_status(answer, 200, gateway)
        self.assertIsNotNone(cookie_of(answer))
        self.assertNotEqual(cookie_of(answer), cookie)
        again = gateway.generate(headers={"Cookie": f"sd={cookie_of(answer)}"})
        self.assertEqual(again["x-stub-pod"], answer["x-stub-pod"])

    def test_a_session_waiting_for_a_pod_that_dies_is_served_by_another(self):
        gateway = self.three_pods(SERVICE="1")
        cookie, name = self.open_session(gateway)
        pod = [p for p in gateway.pods() if p.name == name][0]
        with gateway.connect() as running, gateway.connect() as waiting:
            for client in (running, waiting):
                client.send(wire.request_text("POST", TXT2IMG, headers={"Cookie": f"sd={cookie}"}, body=wire.prompt()))
            gateway.wait(lambda: harness.stats(pod.port)["gpu"] == 1, "the pod works")
            pod.kill()
            self.assert_status(running.response(), 200, gateway)
            self.assert_status(waiting.response(), 200, gateway)

    def test_a_service_without_affinity_sets_no_cookie(self):
        gateway = self.gateway(service(), simulator={"SERVICE": "0.05"})
        self.assertEqual(gateway.generate().all("set-cookie"), [])

    def test_the_cookie_has_the_name_and_life_that_the_manifest_gives(self):
        notes = {**AFFINITY, "serving.knative.dev.alibabacloud/cookie-name": "where",
                 "serving.knative.dev.alibabacloud/cookie-timeout": "60"}
        gateway = self.gateway(service(annotations=notes))
        value = gateway.generate()["set-cookie"]
        self.assertTrue(value.startswith("where="), value)
        self.assertIn("Max-Age=60", value)
