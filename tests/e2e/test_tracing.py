"""Spans as a collector gets them: a receiver of OTLP/HTTP that holds them against what was asked."""
import collections
import http.server
import json
import threading
import time

import harness
from harness import TXT2IMG, service
from recording_pod import RecordingPod, sized

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SAMPLED = {"traceparent": f"00-{TRACE}-{PARENT}-01"}


class Collector:
    """Takes exports on a port. `answers`: (status, headers) for the first ones; then 200."""

    def __init__(self, port, answers=(), silent=False):
        outer, self.spans, self.posts, self.resources = self, [], [], []
        self.answers, self.silent, self.gone = collections.deque(answers), silent, threading.Event()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.posts.append((time.monotonic(), self.path, dict(self.headers)))
                if outer.silent:
                    outer.gone.wait(30)
                    return
                status, headers = outer.answers.popleft() if outer.answers else (200, {})
                if status == 200:
                    outer.take(json.loads(body))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
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
    def traced(self, *manifests, answers=(), silent=False, tracing=None, deaf=False, **options):
        """A gateway and its collector."""
        gateway = self.gateway(start=False, **options)
        port = gateway.ports.more[0]
        gateway.gateway["spec"]["tracing"] = {"endpoint": f"http://127.0.0.1:{port}", "interval": "100ms",
                                              "timeout": "1s", **(tracing or {})}
        gateway.write("gateway", gateway.gateway)
        for number, manifest in enumerate(manifests or [service()]):
            gateway.write(f"service-{number}", manifest)
        collector = None
        if not deaf:
            collector = Collector(port, answers, silent)
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

    def test_a_busy_collector_is_asked_again_when_it_says_and_nothing_is_lost(self):
        gateway, collector = self.traced(answers=[(503, {"Retry-After": "1"}), (429, {})])
        self.assert_status(gateway.generate(headers=SAMPLED), 200, gateway)
        self.wait_for_spans(gateway, collector, 3)
        times = [at for at, *_ in collector.posts]
        self.assertGreaterEqual(times[1] - times[0], 0.9)
        gateway.wait(lambda: "pilotlight_spans_exported_total 3" in gateway.metrics(), "the spans are counted")

    def assert_costs_nothing(self, **options):
        gateway, _ = self.traced(tracing={"queue": 16}, **options)
        for _ in range(12):
            self.assert_status(gateway.generate(headers=SAMPLED, seconds=10), 200, gateway)
        gateway.wait(lambda: 'spans_lost_total{reason="queue_full"} 0' not in gateway.metrics(), "lost spans are counted")
        gateway.wait(lambda: "takes no spans" in gateway.tail(), "the log says so")

    def test_a_dead_collector_costs_no_request(self):
        self.assert_costs_nothing(deaf=True)

    def test_a_silent_collector_costs_no_request(self):
        self.assert_costs_nothing(silent=True)

    def test_who_waits_in_the_queue_has_a_span_for_it(self):
        gateway, collector = self.traced(service(scale={"max-scale": "1"}))
        self.assert_status(gateway.generate(), 200, gateway)
        ids = [f"{n + 1:032x}" for n in range(2)]
        harness.concurrently(2, lambda n: gateway.generate(headers={"traceparent": f"00-{ids[n]}-{PARENT}-01"}))
        spans = self.wait_for_spans(gateway, collector, 3 + 2 + 3)
        queued = [s for s in spans if s["name"] == "queue" and s["traceId"] in ids]
        self.assertEqual(len(queued), 1, spans)
        self.assertGreater(interval(queued[0])[1] - interval(queued[0])[0], 5 * 10**7)

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
        self.assertIn(" info pods: ", said)
        self.assertNotIn(" scaler: ", said)
