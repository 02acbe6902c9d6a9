"""What those who wait are told: by a resource, by a page, and by A1111's own progress bar."""
import json
import threading

import harness
import wire
from harness import TXT2IMG, service

PAGE = {"Accept": "text/html,*/*;q=0.8", "Sec-Fetch-Mode": "navigate"}


def status(gateway, request_id, **headers):
    return gateway.request("GET", f"/.pilotlight/requests/{request_id}", headers=headers)


class Cold(harness.TestCase):
    def test_a_navigation_gets_a_page_and_the_page_becomes_the_service(self):
        gw = self.gateway(service(), simulator={"COLD": "3"})
        page = gw.request("GET", "/", headers=PAGE)
        self.assert_status(page, 503, gw)
        self.assertEqual(page["content-type"].split(";")[0], "text/html")
        self.assertEqual(page["cache-control"], "no-store")
        self.assertIn(b"/.pilotlight/status?waiting=1", page.body)
        self.assertEqual(gw.counted("pilotlight_waiting_pages_total"), 1)
        self.assertEqual(gw.counted("revision_request_count", '"5xx"'), 0, "the page is no failure")
        seen = gw.request("GET", "/.pilotlight/status?waiting=1").json()
        self.assertEqual(seen["pods"], {"ready": 0, "starting": 1}, seen)
        gw.wait(lambda: gw.request("GET", "/.pilotlight/status?waiting=1").json()["pods"]["ready"] == 1, "the pod is ready")
        ui = gw.request("GET", "/", headers=PAGE)
        self.assert_status(ui, 200, gw)
        self.assertIn(b"data-pod", ui.body)

    def test_a_program_on_the_same_url_is_held_until_the_pod_is_there(self):
        gw = self.gateway(service(), simulator={"COLD": "2"})
        self.assert_status(gw.request("GET", "/", headers={"Accept": "*/*"}), 200, gw)

    def test_a_quick_start_shows_no_page(self):
        gw = self.gateway(service())
        self.assert_status(gw.request("GET", "/", headers=PAGE), 200, gw)

    def test_a_page_that_is_looked_at_keeps_its_pod_coming(self):
        gw = self.gateway(service(), simulator={"COLD": "9"})  # longer than the stable window of 6 s
        self.assert_status(gw.request("GET", "/", headers=PAGE), 503, gw)
        gw.wait(lambda: gw.request("GET", "/.pilotlight/status?waiting=1").json()["pods"]["ready"] == 1, "the pod is ready")
        with open(gw.log, encoding="utf-8") as log:
            self.assertNotIn("Killing", log.read())


class Queue(harness.TestCase):
    def setUp(self):
        self.gw = self.gateway(service(scale={"max-scale": 1}), simulator={"SERVICE": "1.5", "STEPS": "30"})
        self.gw.generate()  # a pod is there, and what a generation takes is known
        self.threads = []
        self.addCleanup(lambda: [t.join(30) for t in self.threads])

    def begin(self, request_id, **body):
        sent = {"prompt": "pretty dog", **body}
        headers = {"Content-Type": "application/json", "X-Request-Id": request_id}
        self.threads.append(threading.Thread(target=lambda: self.gw.request(
            "POST", TXT2IMG, headers=headers, body=json.dumps(sent).encode())))
        self.threads[-1].start()
        self.gw.wait(lambda: status(self.gw, request_id).status == 200, f"{request_id} is known")

    def test_a_request_can_be_asked_after_by_its_id(self):
        for name in ("first", "second", "third"):
            self.begin(name)
        third = status(self.gw, "third").json()
        self.assertEqual((third["state"], third["ahead"]), ("waiting", 1), third)
        self.assertGreater(third["expectedWaitSeconds"], 1)
        self.assertEqual(status(self.gw, "first").json()["state"], "running")
        self.assertEqual(status(self.gw, "nobody").status, 404)
        self.gw.wait(lambda: status(self.gw, "first").json()["state"] == "finished", "the first has finished")

    def test_a_place_in_the_queue_can_be_followed_to_its_end(self):
        self.begin("first")
        self.begin("second")
        with self.gw.connect() as client:
            client.send(wire.request_text("GET", "/.pilotlight/requests/second",
                                          headers={"Accept": "text/event-stream"}))
            answer = client.response()
        self.assertEqual(answer["content-type"], "text/event-stream")
        states = [json.loads(line[6:])["state"] for line in answer.body.decode().splitlines() if line.startswith("data: ")]
        self.assertEqual([s for n, s in enumerate(states) if n == 0 or states[n - 1] != s],
                         ["waiting", "running", "finished"], answer)

    def test_the_bar_of_a_task_that_waits_says_so(self):
        def progress(task):
            return self.gw.request("POST", "/internal/progress", headers={"Content-Type": "application/json"},
                                   body=json.dumps({"id_task": task, "id_live_preview": -1}).encode()).json()
        self.begin("first", force_task_id="task(aaaaaaaaaaaaaaa)")
        self.begin("second", force_task_id="task(bbbbbbbbbbbbbbb)")
        waiting = progress("task(bbbbbbbbbbbbbbb)")
        self.assertEqual((waiting["active"], waiting["queued"], waiting["completed"]), (False, True, False))
        self.assertIn("next", waiting["textinfo"], waiting)
        self.gw.wait(lambda: progress("task(aaaaaaaaaaaaaaa)")["active"], "the pod's own word about the task that runs")

    def test_nothing_of_ours_is_passed_to_a_pod(self):
        for target in ("/.pilotlight/", "/.pilotlight/other", "/.pilotlight/requests/a/b"):
            self.assertIn(self.gw.request("GET", target).status, (200, 404))
        self.assertEqual(self.gw.request("POST", "/.pilotlight/status", body=b"x").status, 405)
        paths = [path for seen in self.gw.stats().values() for path in seen["byPath"]]
        self.assertFalse([path for path in paths if "pilotlight" in path], paths)
