"""What an operator has in hand: check, get, metrics, logs."""
import json
import os
import re
import subprocess
import tempfile

import harness
from harness import BIN, DEMO, ROOT, service


def pilotlight(*arguments, seconds=20):
    return subprocess.run([os.path.join(BIN, "pilotlight"), *arguments], capture_output=True, text=True,
                          timeout=seconds, check=False)


class Check(harness.TestCase):
    def check(self, *manifests):
        gateway = harness.Gateway(*manifests, start=False)
        self.addCleanup(gateway.end)
        return pilotlight("check", "-f", gateway.manifests)

    def test_the_guides_manifest_is_good_as_it_is(self):
        done = pilotlight("check", "-f", DEMO)
        self.assertEqual(done.returncode, 0, done)
        self.assertIn("knative-sd-demo", done.stdout)

    def test_the_demo_files_are_good_together(self):
        done = pilotlight("check", "-f", os.path.join(ROOT, "conf"))
        self.assertEqual(done.returncode, 0, done)

    def test_a_bad_value_is_named_with_its_place(self):
        done = self.check(service(scale={"max-scale": "-1"}))
        self.assertEqual(done.returncode, 1, done)
        self.assertRegex(done.stderr, r"service-0\.yaml:\d+:\d+: .*max-?scale")

    def test_a_misspelt_field_is_met_with_the_right_one(self):
        manifest = service()
        manifest["spec"]["template"]["spec"]["containerConcurency"] = 1
        done = self.check(manifest)
        self.assertEqual(done.returncode, 1, done)
        self.assertIn("containerConcurrency", done.stderr)

    def test_a_file_that_is_not_there_is_an_error(self):
        done = pilotlight("check", "-f", "/no/such/file.yaml")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("/no/such/file.yaml", done.stderr)

    def test_wrong_usage_ends_with_2(self):
        self.assertEqual(pilotlight("check", "--no-such-flag").returncode, 2)
        self.assertEqual(pilotlight("no-such-command").returncode, 2)

    def test_serve_refuses_a_bad_manifest_with_status_1(self):
        gateway = harness.Gateway(service(scale={"max-scale": "-1"}), start=False)
        self.addCleanup(gateway.end)
        done = pilotlight("serve", "-f", gateway.manifests)
        self.assertEqual(done.returncode, 1, done)
        self.assertRegex(done.stderr + done.stdout, r"service-0\.yaml:\d+:\d+: ")

    def test_version_and_help_are_there(self):
        self.assertRegex(pilotlight("version").stdout, r"\d+\.\d+\.\d+")
        for command in ((), ("serve",), ("check",), ("get",)):
            done = pilotlight(*command, "--help")
            self.assertEqual(done.returncode, 0, done)
            self.assertIn("pilotlight", done.stdout)


class Operations(harness.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.gw = harness.Gateway(service(scale={"min-scale": 2, "max-scale": 2}), simulator={"SERVICE": "0.05"})
        cls.gw.wait_for_ready(2)
        for n in range(4):
            cls.gw.generate(f"dog {n}")
        cls.gw.generate(host="nobody.example.com")

    @classmethod
    def tearDownClass(cls):
        cls.gw.end()

    def get(self, *arguments):
        return pilotlight("get", *arguments, "--server", f"http://127.0.0.1:{self.gw.admin}")

    def test_get_pods_shows_the_columns_of_kubectl(self):
        done = self.get("pods")
        self.assertEqual(done.returncode, 0, done)
        lines = done.stdout.splitlines()
        self.assertEqual(lines[0].split(), ["NAME", "READY", "STATUS", "RESTARTS", "AGE"])
        self.assertEqual(len(lines), 3, done.stdout)
        for line in lines[1:]:
            name, ready, status = line.split()[:3]
            self.assertTrue(name.startswith("sd-00001"), name)
            self.assertEqual((ready, status), ("1/1", "Running"))
        self.assertEqual({line.split()[0] for line in lines[1:]}, {pod.name for pod in self.gw.pods()})

    def test_get_pods_as_json_is_a_kubernetes_list(self):
        items = json.loads(self.get("pods", "-o", "json").stdout)["items"]
        self.assertEqual({i["metadata"]["name"] for i in items}, {pod.name for pod in self.gw.pods()})

    def test_get_services_shows_the_service(self):
        done = self.get("services")
        self.assertEqual(done.returncode, 0, done)
        self.assertIn("sd", done.stdout.split())

    def test_get_without_a_gateway_says_so(self):
        done = pilotlight("get", "pods", "--server", f"http://127.0.0.1:{self.gw.ports.spare}")
        self.assertEqual(done.returncode, 1, done)
        self.assertIn("no gateway at", done.stderr)

    def test_metrics_are_prometheus_text_that_counts_what_happened(self):
        text = self.gw.metrics()
        typed = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))
        for line in text.splitlines():
            if line and not line.startswith("#"):
                self.assertRegex(line, r"^[a-zA-Z_:][\w:]*(\{.*\})? [-+0-9.eInfNa]+$")
                name = re.match(r"[\w:]+", line).group()
                self.assertTrue(name in typed or re.sub(r"_(bucket|sum|count)$", "", name) in typed, line)
        self.assertIn("autoscaler_desired_pods", text)
        ready = re.findall(r"^autoscaler_actual_pods\{.*\} (\S+)$", text, re.M)
        self.assertEqual([float(value) for value in ready], [2.0])

    def test_the_access_log_is_one_json_line_a_request(self):
        self.gw.wait(lambda: len(self.gw.access()) >= 5, "five lines in the access log")
        lines = [line for line in self.gw.access() if line["target"] == harness.TXT2IMG]
        served = [line for line in lines if line["status"] == 200]
        self.assertEqual(len(served), 4, lines)
        for line in served:
            self.assertEqual((line["class"], line["service"], line["method"]), ("G", "default/sd", "POST"))
            self.assertIn(line["pod"], {pod.name for pod in self.gw.pods()})
            self.assertGreater(line["podTime"], 0)
        unknown = [line for line in lines if line["status"] == 404]
        self.assertEqual([line["reason"] for line in unknown], ["unknown_host"])

    def test_health_is_told_on_the_admin_address(self):
        for path in ("/livez", "/readyz", "/healthz"):
            answer = harness.wire.request(self.gw.admin, "GET", path, host=f"127.0.0.1:{self.gw.admin}")
            self.assertEqual(answer.status, 200, path)

    def test_the_admin_address_does_not_answer_to_a_foreign_host_name(self):
        answer = harness.wire.request(self.gw.admin, "GET", "/api/v1/pods", host="evil.example.com")
        self.assertIn(answer.status, (403, 421))

    def test_a_second_gateway_on_the_same_port_says_which_and_ends(self):
        with tempfile.TemporaryDirectory() as state:
            done = pilotlight("serve", "-f", self.gw.manifests, "--state-dir", state)
        self.assertEqual(done.returncode, 1, done)
        self.assertIn(str(self.gw.port), done.stderr + done.stdout)

    def test_a_second_gateway_on_the_same_state_directory_says_so_and_ends(self):
        done = pilotlight("serve", "-f", self.gw.manifests)
        self.assertEqual(done.returncode, 1, done)
        self.assertIn("another gateway uses the state directory", done.stderr + done.stdout)
