"""Spans as a collector gets them: a receiver of OTLP/HTTP that holds them against what was asked."""
import collections
import http.server
import json
import ssl
import threading
import time

import harness
import tls
import wire
from harness import TXT2IMG, service
from recording_pod import RecordingPod, sized
from test_streams import EVENTS, UPGRADE, chunk, switch
from ws import Event

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SAMPLED = {"traceparent": f"00-{TRACE}-{PARENT}-01"}


class Collector:
    """Takes exports on a port. `answers`: (status, headers[, body]) for the first ones; then 200. `tls`: certificate and key."""

    def __init__(self, port, answers=(), silent=False, tls=None):
        outer, self.spans, self.posts, self.resources = self, [], [], []
        self.answers, self.silent, self.gone = collections.deque(answers), silent, threading.Event()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.posts.append((time.monotonic(), self.path, dict(self.headers)))
                if outer.silent:
                    outer.gone.wait(30)
                    return
                status, headers, *said = outer.answers.popleft() if outer.answers else (200, {})
                said = json.dumps(said[0] if said else {}).encode()
                if status == 200:
                    outer.take(json.loads(body))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # whoever does not trust us ends the handshake
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def take(self, body):
        for resource in body["resourceSpans"]:
            self.resources.append(attributes(resource["resource"]))
            for scope in resource["scopeSpans"]:
                self.spans += scope["spans"]

    def close(self):
        self.gone.set()
        self.server.shutdown()
        self.server.server_close()


def attributes(of):
    return {a["key"]: next(iter(a["value"].values())) for a in of["attributes"]}


def interval(span):
    return int(span["startTimeUnixNano"]), int(span["endTimeUnixNano"])


class Tracing(harness.TestCase):
    def traced(self, *manifests, answers=(), silent=False, tracing=None, deaf=False, tls=None, **options):
        """A gateway and its collector."""
        gateway = self.gateway(start=False, **options)
        port = gateway.ports.more[0]
        gateway.gateway["spec"]["tracing"] = {"endpoint": f"http{'s' if tls else ''}://127.0.0.1:{port}", "interval": "100ms",
                                              "timeout": "1s", **(tracing or {})}
        gateway.write("gateway", gateway.gateway)
        for number, manifest in enumerate(manifests or [service()]):
            gateway.write(f"service-{number}", manifest)
        collector = None
        if not deaf:
            collector = Collector(port, answers, silent, tls)
            self.addCleanup(collector.close)
        gateway.start()
        return gateway, collector

    def wait_for_spans(self, gateway, collector, count, trace=None):
        def those():
            found = [s for s in list(collector.spans) if trace in (None, s["traceId"])]
            return found if len(found) >= count else None
        return gateway.wait(those, f"{count} spans; there are {collector.spans}")

    def test_a_cold_request_is_a_tree_of_spans_that_fit_into_each_other(self):
        gateway, collector = self.traced(tracing={"headers": [{"name": "X-Tenant", "value": "ada"}]})
        before = time.time_ns()
        self.assert_status(gateway.generate(headers={**SAMPLED, "tracestate": "a=b"}), 200, gateway)
        after = time.time_ns()
        spans = self.wait_for_spans(gateway, collector, 3)
        server = [s for s in spans if s["kind"] == 2]
        cold = [s for s in spans if s["name"] == "cold start"]
        pod = [s for s in spans if s["kind"] == 3]
        self.assertEqual([len(server), len(cold), len(pod)], [1, 1, 1], spans)
        server, cold, pod = server[0], cold[0], pod[0]
        self.assertEqual({s["traceId"] for s in spans}, {TRACE})
        self.assertEqual(server["parentSpanId"], PARENT)
        self.assertEqual({cold["parentSpanId"], pod["parentSpanId"]}, {server["spanId"]})
        self.assertEqual(len({s["spanId"] for s in spans}), len(spans))
        self.assertTrue(all(s["traceState"] == "a=b" for s in spans))
        begin, end = interval(server)
        self.assertTrue(before - 10**8 < begin < end < after + 10**8, (before, begin, end, after))
        for child in spans:
            self.assertTrue(begin <= interval(child)[0] <= interval(child)[1] <= end, (child, begin, end))
        self.assertGreater(interval(cold)[1] - interval(cold)[0], 10**8)  # its port opens after 0.1 s
        self.assertLessEqual(interval(cold)[1], interval(pod)[0] + 10**7)
        said = attributes(server)
        self.assertEqual(said["http.request.method"], "POST")
        self.assertEqual(said["url.path"], TXT2IMG)
        self.assertEqual(said["http.response.status_code"], "200")
        self.assertEqual(said["pilotlight.service"], "default/sd")
        self.assertEqual(said["pilotlight.class"], "G")
        self.assertTrue(attributes(pod)["k8s.pod.name"].startswith("sd-"), pod)
        self.assertEqual(server["status"], {})
        self.assertEqual(collector.resources[0]["service.name"], "pilotlight")
        self.assertEqual(collector.posts[0][1], "/v1/traces")
        self.assertEqual(collector.posts[0][2]["X-Tenant"], "ada")
        self.assertEqual(gateway.wait(gateway.access, "an access log")[0]["traceId"], TRACE)

    def test_the_pod_is_told_its_own_span_and_a_retry_has_another(self):
        told = []

        def answer(seen, peer):
            if seen.method == "POST" and seen["traceparent"]:
                told.append(seen["traceparent"])
                if len(told) == 1:
                    peer.socket.shutdown(2)  # without a word
                    return None
            return sized(b"{}")
        pods = [RecordingPod(answer) for _ in range(2)]
        for pod in pods:
            self.addCleanup(pod.close)
        gateway, collector = self.traced(service(scale={"min-scale": "2"}), driver={"static": {"pods": [p.address for p in pods]}})
        gateway.wait_for_ready(2)
        self.assert_status(gateway.generate(headers=SAMPLED), 200, gateway)
        spans = self.wait_for_spans(gateway, collector, 3)
        tries = sorted((s for s in spans if s["kind"] == 3), key=interval)
        self.assertEqual([t.split("-")[2] for t in told], [s["spanId"] for s in tries])
        self.assertEqual({t.split("-")[1] for t in told}, {TRACE})
        self.assertEqual(tries[0]["status"]["code"], 2)
        self.assertEqual(attributes(tries[1])["http.request.resend_count"], "1")

    def test_an_unsampled_caller_and_a_ratio_of_nothing_are_not_traced(self):
        gateway, collector = self.traced(tracing={"ratio": 0})
        self.assert_status(gateway.generate(headers={"traceparent": f"00-{TRACE}-{PARENT}-00"}), 200, gateway)
        self.assert_status(gateway.generate(), 200, gateway)
        marked = "a" * 32
        self.assert_status(gateway.generate(headers={"traceparent": f"00-{marked}-{PARENT}-01"}), 200, gateway)
        self.wait_for_spans(gateway, collector, 2, marked)
        self.assertEqual({s["traceId"] for s in collector.spans}, {marked})

    def wait_for_metric(self, gateway, line):
        gateway.wait(lambda: f"\npilotlight_span{line}\n" in gateway.metrics(), f"pilotlight_span{line}")

    def test_a_busy_collector_is_asked_again_when_it_says_and_nothing_is_lost(self):
        gateway, collector = self.traced(answers=[(503, {"Retry-After": "1"}), (429, {})])
        self.assert_status(gateway.generate(headers=SAMPLED), 200, gateway)
        self.wait_for_spans(gateway, collector, 3)
        times = [at for at, *_ in collector.posts]
        self.assertGreaterEqual(times[1] - times[0], 0.9)
        self.assertGreaterEqual(times[2] - times[1], 0.5)  # without Retry-After: the second back-off, 0.5 s to 1 s
        self.wait_for_metric(gateway, "s_exported_total 3")
        self.wait_for_metric(gateway, "_exports_failed_total 2")
        # What it refuses is not sent again.
        collector.answers.append((400, {}))
        self.assert_status(gateway.generate(headers=SAMPLED), 200, gateway)
        self.wait_for_metric(gateway, 's_lost_total{reason="refused"} 2')
        self.assertEqual(len(collector.posts), 4)
        # Of what it takes it may say that it did not take all.
        partly = {"partialSuccess": {"rejectedSpans": "1", "errorMessage": "this one is too old"}}
        collector.answers.append((200, {}, partly))
        self.assert_status(gateway.generate(headers=SAMPLED), 200, gateway)
        self.wait_for_metric(gateway, 's_lost_total{reason="refused"} 3')
        self.wait_for_metric(gateway, "s_exported_total 4")
        self.wait_for_metric(gateway, "_exports_failed_total 3")
        gateway.wait(lambda: "this one is too old" in gateway.tail(), "the log says why")
        self.assertEqual(len(collector.posts), 5)

    def test_a_collector_of_a_private_authority_is_trusted_by_its_file_alone_and_no_log_knows_the_key(self):
        authority, other = tls.Authority(), tls.Authority("Another CA")
        for one in (authority, other):
            self.addCleanup(one.folder.cleanup)
        key_file = authority.path("collector-key")
        with open(key_file, "w", encoding="utf-8") as file:
            file.write("Bearer s3cr3t-of-the-collector\n")
        gateway, collector = self.traced(tls=authority.issue("collector", ["IP:127.0.0.1"]), tracing={
            "caFile": other.certificate, "headers": [{"name": "Authorization", "valueFile": key_file}]})
        self.assert_status(gateway.generate(headers=SAMPLED), 200, gateway)
        gateway.wait(lambda: "its TLS handshake: certificate verify failed" in gateway.tail(), "the log says so")
        gateway.wait(lambda: "\npilotlight_span_exports_failed_total 0\n" not in gateway.metrics(), "failures are counted")
        self.assertEqual(collector.posts, [], "it was told something")
        gateway.gateway["spec"]["tracing"]["caFile"] = authority.certificate
        gateway.write("gateway", gateway.gateway)
        gateway.process.send_signal(1)
        self.wait_for_spans(gateway, collector, 3)  # at once, whatever the back-off
        self.assertEqual(collector.posts[0][2]["Authorization"], "Bearer s3cr3t-of-the-collector")
        self.wait_for_metric(gateway, "s_exported_total 3")
        for log in (gateway.log, gateway.access_log):
            with open(log, encoding="utf-8") as file:
                self.assertNotIn("s3cr3t", file.read())
        self.assertNotIn("s3cr3t", gateway.metrics())

    def test_what_lasts_what_is_left_and_what_dies_have_spans_that_say_so(self):
        done, left = threading.Event(), threading.Event()
        self.addCleanup(done.set)

        def answer(seen, peer):
            if seen["upgrade"]:
                peer.send(switch(seen))
                peer.send(peer.take(5))
                return None
            if seen.target.startswith("/heartbeat/"):
                peer.send(EVENTS + chunk(b"data: 1\n\n") + b"0\r\n\r\n")
                return None
            if seen.target == "/prompt" and seen.method == "GET":
                return sized(json.dumps({"exec_info": {"queue_remaining": 0 if done.is_set() else 1}}).encode())
            if seen.target == "/prompt":
                return sized(b'{"prompt_id": "p1", "number": 1, "node_errors": {}}')
            if b"dies" in seen.body:
                peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
                return None
            if b"slow" in seen.body:
                left.wait(10)
            return sized(b"{}")
        pod = RecordingPod(answer)
        self.addCleanup(pod.close)
        gateway, collector = self.traced(service(scale={"min-scale": 1}, concurrency=4), driver={"static": {"pods": [pod.address]}})
        gateway.wait_for_ready(1)

        def spans_of(number, what):
            """(the request's span, the pod's) of the trace with this number, when it is over."""
            trace = f"{number:032x}"
            what(headers={"traceparent": f"00-{trace}-{PARENT}-01"})
            spans = {s["kind"]: s for s in self.wait_for_spans(gateway, collector, 2, trace)}
            self.assertEqual(attributes(spans[2])["http.request.method"], attributes(spans[3])["http.request.method"])
            return spans[2], spans[3]

        def tunnel(headers):
            client = gateway.connect()
            client.send(wire.request_text("GET", "/ws", headers={**UPGRADE, **headers}))
            self.assertEqual(client.head().status, 101)
            client.send(b"hello")
            self.assertEqual(client.take(5), b"hello")
            time.sleep(0.3)
            client.close()
        server, client = spans_of(1, tunnel)
        for span in (server, client):
            self.assertEqual((attributes(span)["http.response.status_code"], span["status"]), ("101", {}), span)
            self.assertGreater(interval(span)[1] - interval(span)[0], 3 * 10**8, "as long as the tunnel")
        self.assertEqual(attributes(server)["pilotlight.class"], "S")

        server, client = spans_of(2, lambda headers: gateway.request("GET", "/heartbeat/x", headers=headers))
        self.assertEqual((attributes(server)["pilotlight.class"], server["status"], client["status"]), ("S", {}, {}))

        def job(headers):
            self.assert_status(gateway.request("POST", "/prompt", headers={**headers, "Content-Type": "application/json"},
                                               body=b'{"prompt": {}}'), 200, gateway)
            self.assertFalse([s for s in collector.spans if s["traceId"] == f"{3:032x}"], "the job is not over")
            done.set()
        server, client = spans_of(3, job)
        self.assertEqual((attributes(server)["pilotlight.class"], attributes(client)["http.response.status_code"]), ("J", "200"))
        self.assertGreater(interval(client)[1], interval(server)[1], "the pod works on when its answer has gone")

        def leave(headers):
            client = gateway.connect()
            client.send(wire.request_text("POST", TXT2IMG, headers={**headers, "Content-Type": "application/json"},
                                          body=wire.prompt("slow")))
            gateway.wait(lambda: any(b"slow" in seen.body for seen in pod.seen), "the pod works")
            client.close()
            gateway.wait(lambda: any(line["status"] == 499 for line in gateway.access()), "the gateway knows")
            left.set()
        server, client = spans_of(4, leave)
        said = attributes(server)
        self.assertEqual((said.get("http.response.status_code"), said["error.type"], server["status"]), (None, "client_left", {}))
        self.assertEqual((attributes(client)["http.response.status_code"], client["status"]), ("200", {}))

        server, client = spans_of(5, lambda headers: gateway.generate("dies", headers=headers))
        self.assertEqual((attributes(server)["error.type"], server["status"]["code"]), ("pod_died", 2), server)
        self.assertEqual((attributes(client)["error.type"], client["status"]["code"]), ("broken_off", 2), client)

    def assert_costs_nothing(self, **options):
        gateway, _ = self.traced(tracing={"queue": 16}, **options)
        for _ in range(12):
            self.assert_status(gateway.generate(headers=SAMPLED, seconds=10), 200, gateway)
        gateway.wait(lambda: 'spans_lost_total{reason="queue_full"} 0' not in gateway.metrics(), "lost spans are counted")
        gateway.wait(lambda: "does not take all spans" in gateway.tail(), "the log says so")

    def test_a_dead_collector_costs_no_request(self):
        self.assert_costs_nothing(deaf=True)

    def test_a_silent_collector_costs_no_request(self):
        self.assert_costs_nothing(silent=True)

    def test_who_waits_for_the_same_cold_start_and_in_the_queue_has_spans_for_it_each(self):
        gateway, collector = self.traced(service(scale={"max-scale": "1"}))
        ids = [f"{n + 1:032x}" for n in range(3)]
        heads = [{"traceparent": f"00-{one}-{PARENT}-01"} for one in ids]
        harness.concurrently(2, lambda n: gateway.generate(headers=heads[n]))
        spans = self.wait_for_spans(gateway, collector, 3 + 4)
        cold = {s["traceId"]: interval(s) for s in spans if s["name"] == "cold start"}
        self.assertEqual(set(cold), set(ids[:2]), spans)  # one each: nobody's wait is another's child
        self.assertLess(abs(cold[ids[0]][1] - cold[ids[1]][1]), 10**8, "of one cold start, which ended for both")
        queued = [s for s in spans if s["name"] == "queue" and s["traceId"] in ids]
        self.assertEqual(len(queued), 1, spans)
        self.assertGreater(interval(queued[0])[1] - interval(queued[0])[0], 5 * 10**7)
        # An event of Gradio 3's page: its socket is the request, and the pod's part is from its slot to its end.
        with Event(gateway.port, ["task(a)", "pretty dog"], headers=heads[2]) as event:
            self.assertTrue(event.result()[0]["success"], gateway.tail())
        server, pod = sorted(self.wait_for_spans(gateway, collector, 2, ids[2]), key=lambda s: s["kind"])
        self.assertEqual((attributes(server)["pilotlight.class"], attributes(server)["http.response.status_code"]), ("W", "101"))
        self.assertGreater(interval(pod)[1] - interval(pod)[0], 8 * 10**7)
        self.assertEqual((server["status"], pod["status"]), ({}, {}))

    def test_an_unknown_host_is_a_span_without_children(self):
        gateway, collector = self.traced()
        answer = gateway.request("GET", "/x?secret=1", host="nobody.example", headers=SAMPLED)
        self.assert_status(answer, 404, gateway)
        span, = self.wait_for_spans(gateway, collector, 1)
        self.assertEqual(attributes(span)["http.response.status_code"], "404")
        self.assertNotIn("secret", json.dumps(span))

    def test_a_reload_turns_tracing_off_and_on(self):
        gateway, collector = self.traced()
        tracing = gateway.gateway["spec"].pop("tracing")
        gateway.write("gateway", gateway.gateway)
        gateway.process.send_signal(1)
        gateway.wait(lambda: any(e["reason"] == "Reloaded" for e in gateway.api("/api/v1/events")["items"]), "reload")
        self.assert_status(gateway.generate(headers=SAMPLED), 200, gateway)
        gateway.gateway["spec"]["tracing"] = tracing
        gateway.write("gateway", gateway.gateway)
        gateway.process.send_signal(1)
        gateway.wait(lambda: gateway.generate().status == 200 and collector.spans, "spans again")
        self.assertNotIn(TRACE, {s["traceId"] for s in collector.spans})

    def test_what_waits_is_sent_before_the_end(self):
        gateway, collector = self.traced(tracing={"interval": "60s"})
        self.assert_status(gateway.generate(headers=SAMPLED), 200, gateway)
        gateway.process.send_signal(15)
        gateway.process.wait(20)
        self.assertEqual(len([s for s in collector.spans if s["traceId"] == TRACE]), 3, collector.spans)


class Levels(harness.TestCase):
    def test_a_reload_changes_the_level_of_one_subsystem(self):
        gateway = self.gateway(service())
        log = {"level": "warn", "access": gateway.access_log, "levels": {"pods": "info"}}
        gateway.gateway["spec"]["log"] = log
        gateway.write("gateway", gateway.gateway)
        gateway.process.send_signal(1)
        gateway.wait(lambda: any(e["reason"] == "Reloaded" for e in gateway.api("/api/v1/events")["items"]), "reload")
        self.assert_status(gateway.generate(), 200, gateway)
        with open(gateway.log, encoding="utf-8") as file:
            said = file.read()
        self.assertIn('"level":"info","subsystem":"pods"', said)
        self.assertNotIn('"subsystem":"scaler"', said)
