"""What is to be seen: the metrics to Prometheus' own tools, the history over a restart, the dashboard's one stream."""
import gzip
import json
import os
import re
import shutil
import socket
import subprocess
import time
import urllib.parse

import harness
import wire
from harness import ROOT, concurrently, service

CONF = os.path.join(ROOT, "conf")
RULES = os.path.join(CONF, "prometheus", "pilotlight.rules.yaml")
# Names that are Knative's and break a convention of Prometheus'; ours do not.
KNATIVES = re.compile(r"^(revision|revision_app|activator)_request_count |^kn_revision_pods(_\w+)?_count ")
PROMTOOL, PROMETHEUS = (shutil.which(tool) or tool for tool in ("promtool", "prometheus"))  # Debian: prometheus


with open(os.path.join(CONF, "grafana", "pilotlight.json"), encoding="utf-8") as grafana:
    GRAFANA = json.load(grafana)


def grafanas():
    return [(panel["title"], target["expr"]) for panel in GRAFANA["panels"] for target in panel.get("targets", [])]


def names_in(text):
    """Every metric is written with its braces, so that it can be told from a function."""
    return set(re.findall(r"\b([a-z]\w+)\{", text))


class Prometheus:
    """A real one that scrapes a gateway twice a second."""

    def __init__(self, gateway):
        self.gateway, self.port, folder = gateway, gateway.ports.spare, gateway.folder
        with open(os.path.join(folder, "prometheus.yml"), "w", encoding="utf-8") as file:
            file.write(f"global: {{scrape_interval: 500ms, evaluation_interval: 1s}}\nrule_files: [{RULES}]\nscrape_configs:\n"
                       f"- job_name: pilotlight\n  static_configs: [{{targets: ['127.0.0.1:{gateway.admin}']}}]\n")
        with open(os.path.join(folder, "prometheus.log"), "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [PROMETHEUS, f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/tsdb",
                 f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=warn"], stdout=log, stderr=log)

    def get(self, path, **parameters):
        """What it answers; None: nothing yet, or that it cannot."""
        try:
            answer = wire.get_json(self.port, f"/api/v1/{path}?" + urllib.parse.urlencode(parameters))
        except (OSError, wire.Broken, ValueError):
            return None
        return answer["data"] if answer["status"] == "success" else None

    def ask(self, expr):
        answer = self.get("query", query=expr)
        return None if answer is None else answer["result"]

    def wait(self, condition, what):
        return self.gateway.wait(condition, what)

    def wait_for(self, expr, what):
        self.wait(lambda: self.ask(expr), what)

    def end(self):
        self.process.terminate()
        self.process.wait(10)


class Metrics(harness.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.gateways = harness.Gateway(service("sd", scale={"max-scale": 2}), service("even", scale={"class": "break-even.pilotlight.dev"}),
                                       limits={"bodyBytes": "100Ki"})
        cls.addClassCleanup(cls.gateways.end)
        cls.prometheus = Prometheus(cls.gateways)
        cls.addClassCleanup(cls.prometheus.end)
        cls.prometheus.wait_for("count_over_time(pilotlight_ready[1m]) > 0", "a scrape before anything has happened")
        concurrently(4, lambda n: cls.gateways.generate(host=wire.HOST if n else "even.default.example.com"))
        cls.gateways.request("GET", "/no-such-page", host=wire.HOST)
        cls.gateways.generate("x" * 200_000)
        cls.text = cls.gateways.metrics()

    def test_promtool_has_nothing_against_the_metrics_but_what_knative_named(self):
        run = subprocess.run([PROMTOOL, "check", "metrics"], input=self.text, capture_output=True, text=True, check=False)
        complaints = [line for line in (run.stdout + run.stderr).splitlines() if line and not KNATIVES.match(line)]
        self.assertEqual(complaints, [])
        self.assertNotEqual(run.returncode, 1, "the page cannot be parsed")

    def test_every_metric_of_the_dashboard_and_of_the_alerts_is_there(self):
        with open(RULES, encoding="utf-8") as file:
            wanted = names_in("\n".join(expr for _, expr in grafanas()) + file.read())
        there = set(re.findall(r"^# TYPE (\w+)", self.text, re.M)) | set(re.findall(r"^(\w+)[{ ]", self.text, re.M))
        self.assertGreater(len(wanted), 25)
        self.assertEqual(wanted - there, set())

    def value(self, name, *labels):
        rows = re.findall(rf"^{name}(?:{{(.*)}})? (\S+)$", self.text, re.M)
        return sum(float(value) for has, value in rows if all(label in has for label in ('service_name="sd"', *labels)))

    def test_of_three_at_once_on_two_pods_one_came_to_a_pod_that_was_just_free(self):
        self.assertEqual(self.value("pilotlight_generation_seconds_count"), 3)
        self.assertEqual(self.value("pilotlight_slot_idle_gap_seconds_count", 'queue="waiting"'), 1)
        self.assertLess(self.value("pilotlight_slot_idle_gap_seconds_sum", 'queue="waiting"'), 0.1)

    def test_the_phases_of_a_cold_start_are_all_of_it(self):
        self.assertEqual(self.value("pilotlight_cold_start_seconds_count"), 2)
        whole, parts = self.value("pilotlight_cold_start_seconds_sum"), self.value("pilotlight_cold_start_phase_seconds_sum")
        self.assertGreater(whole, 0.1)
        self.assertAlmostEqual(parts, whole, delta=0.001)
        self.assertGreater(self.value("pilotlight_gpu_seconds_total", 'state="starting"'), 0)

    def test_each_alert_fires_when_it_should_and_not_before(self):
        run = subprocess.run([PROMTOOL, "test", "rules", "pilotlight.rules.test.yaml"], capture_output=True, text=True,
                             cwd=os.path.dirname(RULES), check=False)
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        with open(RULES, encoding="utf-8") as rules, open(RULES.replace(".yaml", ".test.yaml"), encoding="utf-8") as tests:
            alerts, proven = re.findall(r"alert: (\w+)", rules.read()), tests.read()
        self.assertGreater(len(alerts), 4)
        for alert in alerts:
            self.assertIn(f"alertname: {alert}\n    exp_alerts:\n    - ", proven)
            self.assertIn(f"alertname: {alert}, exp_alerts: []}}", proven)

    def test_after_a_run_a_real_prometheus_has_data_for_every_panel_of_the_dashboard(self):
        prometheus = self.prometheus
        prometheus.wait_for('sum(revision_request_count{service_name="sd"}) == 5', "Prometheus counts five requests")
        prometheus.wait_for("pilotlight_leases == 0 and count_over_time(pilotlight_leases[5s]) > 4", "scrapes after the run")
        empty = []
        for title, expr in grafanas():
            answer = prometheus.ask(expr.replace("$namespace", "default").replace("$service", ".*"))
            self.assertIsNotNone(answer, f"{title}: {expr}")
            if not [one for one in answer if one["value"][1] != "NaN"]:
                empty.append((title, expr))
        self.assertEqual(empty, [])
        for variable in GRAFANA["templating"]["list"]:
            if variable["type"] == "query":
                metric, label = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["query"]["query"]).groups()
                said = prometheus.get(f"label/{label}/values", **{"match[]": metric.replace("$namespace", ".*")})
                self.assertEqual(said, ["default"] if variable["name"] == "namespace" else ["even", "sd"])

    def test_the_alerts_are_loaded_and_none_fires_after_a_good_run(self):
        rules = self.prometheus.wait(lambda: (g := self.prometheus.get("rules")["groups"]) and all(
            rule["health"] != "unknown" for rule in g[0]["rules"]) and g[0]["rules"], "the rules are evaluated")
        self.assertEqual([(r["name"], r["health"], r["state"]) for r in rules if (r["health"], r["state"]) != ("ok", "inactive")], [])
        self.assertEqual(len(rules), 5)

    def test_the_dashboard_is_what_grafana_imports(self):
        """What Grafana needs of a dashboard's JSON (its documentation, "JSON model"), so that it asks for nothing but the data
        source, which is a variable: a file with __inputs cannot be provisioned."""
        self.assertIsNone(GRAFANA["id"])
        self.assertRegex(GRAFANA["uid"], r"^[\w-]{1,40}$")
        self.assertLessEqual(GRAFANA["schemaVersion"], 39)  # newer ones are Grafana 11's
        self.assertNotIn("__inputs", GRAFANA)
        variables = {one["name"]: one for one in GRAFANA["templating"]["list"]}
        self.assertEqual((variables["datasource"]["type"], variables["datasource"]["query"]), ("datasource", "prometheus"))
        source = {"type": "prometheus", "uid": "${datasource}"}
        taken = {}
        self.assertEqual(len({panel["id"] for panel in GRAFANA["panels"]}), len(GRAFANA["panels"]))
        for panel in GRAFANA["panels"]:
            place = panel["gridPos"]
            self.assertLessEqual(place["x"] + place["w"], 24, panel["title"])
            for x in range(place["x"], place["x"] + place["w"]):
                for y in range(place["y"], place["y"] + place["h"]):
                    self.assertIsNone(taken.setdefault((x, y), None), panel["title"])
                    taken[x, y] = panel["title"]
            if panel["type"] == "row":
                continue
            self.assertIn(panel["type"], ("stat", "timeseries"))
            for of in (panel, *panel["targets"]):
                self.assertEqual(of["datasource"], source, panel["title"])
            ids = [target["refId"] for target in panel["targets"]]
            self.assertEqual(len(set(ids)), len(ids), panel["title"])
        used = set(re.findall(r"\$\{?(\w+)", json.dumps(GRAFANA)))
        self.assertEqual({name for name in used if not name.startswith("__")}, set(variables))


class History(harness.TestCase):
    def test_what_was_before_a_restart_is_still_there(self):
        gateway = self.gateway(service("sd", scale={"min-scale": 0}))
        self.assert_status(gateway.generate(), 200, gateway)
        before = gateway.wait(lambda: (h := self.history(gateway)) and sum(h["ok"]) == 1 and h, "the answer is in the history")
        gateway.process.terminate()
        gateway.process.wait(10)
        gateway.start()
        after = gateway.wait(lambda: (h := self.history(gateway)) and h["time"][-1] > before["time"][-1] and h, "it goes on")
        self.assertEqual(after["time"][:len(before["time"])], before["time"])
        self.assertEqual(sum(after["ok"]), 1)
        self.assertEqual(after["time"], sorted(set(after["time"])))

    @staticmethod
    def history(gateway):
        answer = wire.request(gateway.admin, "GET", "/dashboard/history?service=default%2Fsd", host="localhost")
        return json.loads(answer.body) if answer.status == 200 else None


class Dashboard(harness.TestCase):
    def test_a_first_look_is_small(self):
        gateway = self.gateway(service("sd"))
        page = wire.request(gateway.admin, "GET", "/", host="localhost")
        paths = re.findall(r'(?:src|href)="(/[^"]+)"', page.body.decode())
        self.assertEqual(sorted(set(paths) - {"/metrics"}), ["/dashboard/app.css", "/dashboard/app.js"])
        size = len(gzip.compress(page.body))
        for path in paths:
            size += len(gzip.compress(wire.request(gateway.admin, "GET", path, host="localhost").body)) if path != "/metrics" else 0
        self.assertLess(size, 100_000)
        for field in ("content-security-policy", "x-content-type-options", "referrer-policy"):
            self.assertTrue(page[field], field)

    def test_a_foreign_host_sees_nothing(self):
        gateway = self.gateway(service("sd"))
        for path in ("/", "/dashboard/stream", "/dashboard/history?service=default/sd", "/dashboard/timeline"):
            self.assertEqual(wire.request(gateway.admin, "GET", path, host="evil.example").status, 421, path)

    def test_frames_come_a_second_apart_whoever_does_not_read_and_the_seventeenth_is_turned_away(self):
        gateway = self.gateway(service("sd"))
        watchers = [self.watch(gateway) for _ in range(16)]
        lines = watchers[0].makefile("rb")
        frames = []
        while len(frames) < 3:
            line = lines.readline()
            self.assertTrue(line, "the stream ended")
            if line.startswith(b"data: "):
                frames.append(json.loads(line[6:])["frame"])
        self.assertEqual(frames, list(range(frames[0], frames[0] + 3)))
        turned_away = wire.request(gateway.admin, "GET", "/dashboard/stream", host="localhost")
        self.assertEqual(turned_away.status, 503)
        self.assertEqual(gateway.metrics().count("# TYPE pilotlight_ready"), 1, "others are served")
        self.assert_status(gateway.generate(), 200, gateway)
        for watcher in watchers:
            watcher.close()
        gateway.wait(lambda: self.watch(gateway).recv(15).startswith(b"HTTP/1.1 200"), "room again")
        gateway.process.terminate()
        self.assertEqual(gateway.process.wait(10), 0, "whoever looks on does not hold up the end")

    def watch(self, gateway):
        watcher = socket.create_connection(("127.0.0.1", gateway.admin), 10)
        self.addCleanup(watcher.close)
        watcher.sendall(b"GET /dashboard/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        return watcher

    def test_pods_that_end_before_they_are_ready_are_counted_and_shown_as_failed(self):
        gateway = self.gateway(service("sd", scale={"min-scale": 1}), image_rule={"command": ["/bin/false"], "args": []})
        gateway.wait(lambda: re.search(r'pilotlight_pod_failures_total\{[^}]*during="start"\} [1-9]', gateway.metrics()), "a count")
        self.assertRegex(gateway.metrics(), r'pilotlight_pod_failures_total\{[^}]*during="service"\} 0\n')
        lines = self.watch(gateway).makefile("rb")
        frame = next(json.loads(line[6:]) for line in lines if line.startswith(b"data: "))
        self.assertEqual(frame["pods"][0]["state"], "failed")

    def test_the_autoscalers_steps_are_counted_by_kind(self):
        gateway = self.gateway(service("sd", scale={"class": "break-even.pilotlight.dev", "max-scale": 2}))
        self.assert_status(gateway.generate(), 200, gateway)
        self.assertRegex(gateway.metrics(), r'pilotlight_autoscaler_steps_total\{[^}]*kind="waiting",direction="up"\} 1\n')
        time.sleep(1.1)  # a frame later
        lines = self.watch(gateway).makefile("rb")
        frame = next(json.loads(line[6:]) for line in lines if line.startswith(b"data: "))
        step = frame["services"][0]["step"]
        self.assertEqual((step["from"], step["to"], step["kind"]), (0, 1, "waiting"))
        self.assertIn("pod 1 started: 1 waits", step["sentence"])
