"""Jobs: a pod answers at once and works afterwards. The slot is free when the work has ended, and not before."""
import json
import threading
import urllib.parse
import uuid

import harness
import wire
from harness import service
from recording_pod import RecordingPod, sized, static
from test_streams import EVENTS, chunk

JSON = {"Content-Type": "application/json"}


def event(**message):
    return chunk(b"data: " + json.dumps(message).encode() + b"\n\n")


class Queued:
    """The one worker of a Gradio 5 or ComfyUI, reduced to its end: a job lasts until finish()."""

    def __init__(self):
        self.lock, self.running, self.most = threading.Lock(), {}, 0
        self.streams_closed = threading.Event()

    def begin(self):
        job = uuid.uuid4().hex
        with self.lock:
            self.running[job] = threading.Event()
            self.most = max(self.most, len(self.running))
        return job

    def finish(self):
        with self.lock:
            for done in self.running.values():
                done.set()
            ended, self.running = list(self.running), {}
        return ended

    def answer(self, seen, peer):
        path = seen.target.split("?")[0]
        if seen.method == "POST" and path.endswith(("/queue/join", "/call/generate")):
            return sized(json.dumps({"event_id": self.begin()}).encode(), Content_Type="application/json")
        if path.endswith("/queue/data") or "/call/" in path:
            return self.stream(peer, path)
        if seen.method == "POST" and path.endswith("/prompt"):
            return sized(json.dumps({"prompt_id": self.begin(), "number": 1, "node_errors": {}}).encode())
        if path.endswith("/prompt"):
            return sized(json.dumps({"exec_info": {"queue_remaining": len(self.running)}}).encode())
        if path.endswith("/img_gen"):
            return sized(json.dumps({"id": self.begin(), "status": "queued"}).encode())
        if "/jobs/" in path:
            running = path.rsplit("/", 1)[1] in self.running
            return sized(json.dumps({"status": "running" if running else "completed"}).encode())
        return sized(b"{}")

    def stream(self, peer, path):
        jobs = dict(self.running)
        peer.send(EVENTS)
        try:
            for job, done in jobs.items():
                peer.send(event(msg="process_starts", event_id=job))
                while not done.wait(0.1):
                    peer.send(event(msg="heartbeat"))
                if "/call/" in path:
                    peer.send(chunk(b"event: complete\ndata: [1]\n\n"))
                peer.send(event(msg="process_completed", event_id=job, output={"data": ["x" * 100000]}))
            peer.send(event(msg="close_stream") + b"0\r\n\r\n")
        except OSError:
            self.streams_closed.set()


class Jobs(harness.TestCase):
    def setUp(self):
        self.worker = Queued()
        self.addCleanup(self.worker.finish)
        self.pod = RecordingPod(self.worker.answer)
        self.addCleanup(self.pod.close)
        self.gw = self.gateway(service(scale={"min-scale": 1}, timeoutSeconds=60), driver=static(self.pod))
        self.gw.wait_for_ready(1)

    def post(self, target, **body):
        return self.gw.request("POST", target, headers=JSON, body=json.dumps(body).encode())

    def follow(self, target):
        client = self.gw.connect()
        self.addCleanup(client.close)
        client.send(wire.request_text("GET", target))
        self.assert_status(client.head(), 200, self.gw)
        return client

    def assert_waits_for_the_job(self, target, **body):
        """The next one is not at the pod before the job has ended, and then at once."""
        answers = []
        second = threading.Thread(target=lambda: answers.append(self.post(target, **body)))
        before = len(self.posts())
        second.start()
        threading.Event().wait(0.5)
        self.assertEqual(len(self.posts()), before, "the pod was given a second job")
        self.worker.finish()
        second.join(20)
        self.assertEqual([a.status for a in answers], [200], self.gw.tail())
        self.assertEqual(self.worker.most, 1)
        self.worker.finish()

    def posts(self):
        return [seen for seen in self.pod.seen if seen.method == "POST"]

    def test_a_gradio_job_holds_its_slot_until_its_stream_says_that_it_is_over(self):
        self.assert_status(self.post("/gradio_api/queue/join", session_hash="s1", data=["a"]), 200, self.gw)
        client = self.follow("/gradio_api/queue/data?session_hash=s1")
        self.assert_waits_for_the_job("/gradio_api/queue/join", session_hash="s2", data=["b"])
        client.take_until(b"0\r\n\r\n")

    def test_a_gradio_client_that_leaves_takes_no_slot_along(self):
        self.assert_status(self.post("/queue/join", session_hash="s1", data=["a"]), 200, self.gw)
        client = self.follow("/queue/data?session_hash=s1")
        client.take_until(b"process_starts")
        client.close()
        self.assert_waits_for_the_job("/queue/join", session_hash="s2", data=["b"])
        self.assertFalse(self.worker.streams_closed.is_set(), "the job's stream was left before its end")

    def test_a_gradio_call_holds_its_slot_until_its_stream_says_that_it_is_over(self):
        answer = self.post("/gradio_api/call/generate", data=["a"])
        client = self.follow(f"/gradio_api/call/generate/{answer.json()['event_id']}")
        self.assert_waits_for_the_job("/gradio_api/call/generate", data=["b"])
        client.take_until(b"0\r\n\r\n")

    def test_a_stream_that_the_pod_refuses_is_no_jobs_end(self):
        self.pod.answer = lambda seen, peer: (sized(b"{}", "401 Unauthorized")
                                              if seen.method == "GET" and not seen["cookie"]
                                              else self.worker.answer(seen, peer))
        event = self.post("/call/generate", data=["a"]).json()["event_id"]
        self.assertEqual(self.gw.request("GET", f"/call/generate/{event}").status, 401)
        client = self.gw.connect()
        self.addCleanup(client.close)
        client.send(wire.request_text("GET", f"/call/generate/{event}", headers={"Cookie": "access-token=t"}))
        self.assert_status(client.head(), 200, self.gw)
        self.assert_waits_for_the_job("/call/generate", data=["b"])

    def test_a_comfyui_prompt_holds_its_slot_until_the_queue_is_empty(self):
        self.assert_status(self.post("/prompt", prompt={}, client_id="c1"), 200, self.gw)
        self.assert_waits_for_the_job("/prompt", prompt={}, client_id="c2")

    def test_an_sdcpp_job_holds_its_slot_until_it_is_final(self):
        self.assert_status(self.post("/sdcpp/v1/img_gen", prompt="a"), 200, self.gw)
        self.assert_waits_for_the_job("/sdcpp/v1/img_gen", prompt="b")

    def test_a_job_that_never_ends_gives_its_slot_back_after_the_timeout(self):
        gw = self.gateway(service(scale={"min-scale": 1}, timeoutSeconds=2), driver=static(self.pod))
        gw.wait_for_ready(1)
        for number in range(2):
            headers = {**JSON, "X-Request-Id": f"job-{number}"}
            answer = gw.request("POST", "/prompt", headers=headers, body=json.dumps({"n": number}).encode())
            self.assert_status(answer, 200, gw)

        def warnings():
            with open(gw.log, encoding="utf-8") as log:
                return [json.loads(line) for line in log if line.endswith("\n") and "has not ended its job" in line]
        self.assertEqual(gw.wait(warnings, "the log says which job it was")[0].get("requestId"), "job-0")


class Unwatched(harness.TestCase):
    """Jobs whose clients do not listen: after 10 s the gateway asks the pod itself."""

    def gateway_of(self, pod, concurrency=1, **options):
        self.addCleanup(pod.close)
        gw = self.gateway(service(scale={"min-scale": 1}, timeoutSeconds=60, concurrency=concurrency),
                          driver=static(pod), **options)
        gw.wait_for_ready(1)
        return gw

    def post(self, gw, target, headers=None, **body):
        return gw.request("POST", target, headers={**JSON, **(headers or {})}, body=json.dumps(body).encode())

    def test_the_gateways_own_question_is_one_question_whatever_the_session_is_called(self):
        name = "s HTTP/1.1\r\n\r\nPOST /sdapi/v1/server-kill HTTP/1.1\r\nContent-Length: 0\r\nX: "

        def answer(seen, peer):
            if seen.method == "POST" and "/call/" in seen.target:
                return sized(b'{"event_id": "unread"}')
            if seen.target.endswith("/call/generate/other"):  # of somebody else, and open all the time
                peer.send(EVENTS)
                return None if over.wait(30) else None
            if seen.method == "POST":
                return sized(b'{"event_id": "e"}')
            return sized(b"event: complete\ndata: [1]\n\n", Content_Type="text/event-stream")
        over = threading.Event()
        self.addCleanup(over.set)
        pod = RecordingPod(answer)
        gw = self.gateway_of(pod, concurrency=2)
        other = gw.connect()
        self.addCleanup(other.close)
        other.send(wire.request_text("GET", "/call/generate/other"))
        self.assert_status(other.head(), 200, gw)
        self.assert_status(self.post(gw, "/call/generate", data=["a"]), 200, gw)
        self.assert_status(self.post(gw, "/queue/join", {"Cookie": "access-token=t; sd=x"}, session_hash=name), 200, gw)

        def asked():
            return [seen for seen in pod.seen if seen.method == "GET" and seen["user-agent"] == "pilotlight"]
        gw.wait(lambda: len(asked()) == 2 or any("kill" in s.target for s in pod.seen), "both questions are asked")
        self.assertEqual([s.target for s in pod.seen if "server-kill" in s.target and s.method == "POST"], [])
        self.assertEqual(sorted(s.target.split("?")[0] for s in asked()), ["/call/generate/unread", "/queue/data"])
        data = next(s for s in asked() if "session_hash" in s.target)
        self.assertEqual(urllib.parse.unquote(data.target.split("=", 1)[1]), name)

    def test_the_question_comes_with_the_clients_login(self):
        pod = RecordingPod(lambda seen, _: sized(b'{"exec_info": {"queue_remaining": 0}}'))
        gw = self.gateway_of(pod)
        self.assert_status(self.post(gw, "/prompt", {"Cookie": "access-token=t; sd=x", "Authorization": "Basic eA=="}),
                           200, gw)
        gw.wait(lambda: len(pod.seen) == 2, "the pod is asked for the end of the job")
        self.assertEqual((pod.seen[1]["cookie"], pod.seen[1]["authorization"]), (pod.seen[0]["cookie"], "Basic eA=="))

    def test_a_job_that_nobody_follows_does_not_hold_up_the_end_of_the_gateway(self):
        worker = Queued()
        self.addCleanup(worker.finish)
        gw = self.gateway_of(RecordingPod(worker.answer), timeouts={"drain": "1s"})
        self.assert_status(self.post(gw, "/queue/join", session_hash="s1", data=["a"]), 200, gw)
        gw.process.terminate()
        gw.process.wait(5)
