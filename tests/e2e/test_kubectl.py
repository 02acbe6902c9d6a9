"""An unmodified kubectl reads the admin address: what it prints is what there is."""
import json
import os
import shutil
import subprocess
import threading

import harness
import kubectl_session
from harness import BIN, service

KUBECTL = shutil.which("kubectl") or "kubectl"
MAPPING = {"apiVersion": "serving.knative.dev/v1beta1", "kind": "DomainMapping",
           "metadata": {"name": "draw.example.org"},
           "spec": {"ref": {"kind": "Service", "name": "sd", "apiVersion": "serving.knative.dev/v1"}}}


class Kubectl(harness.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.gw = harness.Gateway(service(scale={"min-scale": 1, "max-scale": 1}), MAPPING)
        cls.gw.wait_for_ready(1)
        cls.pod = cls.gw.pod_items()[0]["metadata"]["name"]
        cls.environment = {**os.environ, "HOME": cls.gw.folder, "KUBECONFIG": os.devnull}

    @classmethod
    def tearDownClass(cls):
        cls.gw.end()

    def command(self, *words):
        return [KUBECTL, "-s", f"http://127.0.0.1:{self.gw.admin}", *words]

    def kubectl(self, *words, status=0):
        done = subprocess.run(self.command(*words), capture_output=True, text=True, timeout=30, check=False,
                              env=self.environment)
        self.assertEqual(done.returncode, status, done)
        return done.stdout + done.stderr

    def columns(self, *words):
        return [line.split() for line in self.kubectl(*words).splitlines()]

    def in_background(self, *words):
        process = subprocess.Popen(self.command(*words), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                   env=self.environment)
        lines = []

        def read():
            for line in process.stdout:
                lines.append(line.rstrip("\n"))
        reader = threading.Thread(target=read, daemon=True)
        reader.start()

        def end():
            process.kill()
            process.wait()
            reader.join(5)
            process.stdout.close()
        self.addCleanup(end)
        return lines

    def test_it_finds_every_resource(self):
        found = {(line[0], line[-1]) for line in self.columns("api-resources", "--no-headers")}
        for one in (("pods", "Pod"), ("services", "Service"), ("revisions", "Revision"), ("routes", "Route"),
                    ("configurations", "Configuration"), ("domainmappings", "DomainMapping"), ("events", "Event"),
                    ("namespaces", "Namespace")):
            self.assertIn(one, found)
        self.assertRegex(self.kubectl("version"), r"Server Version: .*v1\.")

    def test_get_all_lists_what_belongs_together(self):
        names = self.kubectl("get", "all", "-o", "name").split()
        self.assertEqual(names, [f"pod/{self.pod}", "service.serving.knative.dev/sd",
                                 "revision.serving.knative.dev/sd-00001", "configuration.serving.knative.dev/sd",
                                 "route.serving.knative.dev/sd", "domainmapping.serving.knative.dev/draw.example.org"])

    def test_get_has_kubernetes_own_columns(self):
        self.assertEqual(self.columns("get", "pods")[0], ["NAME", "READY", "STATUS", "RESTARTS", "AGE"])
        self.assertEqual(self.columns("get", "pods", "-A")[1][:4], ["default", self.pod, "1/1", "Running"])
        self.assertEqual(self.columns("get", "ksvc"),
                         [["NAME", "URL", "LATESTCREATED", "LATESTREADY", "READY", "REASON"],
                          ["sd", "http://sd.default.example.com", "sd-00001", "sd-00001", "True"]])
        self.assertEqual(self.columns("get", "ns", "--no-headers")[0][:2], ["default", "Active"])

    def test_labels_and_fields_select(self):
        for selector in ("-lserving.knative.dev/service=sd", f"--field-selector=metadata.name={self.pod}"):
            self.assertEqual(self.kubectl("get", "pods", selector, "-o", "name"), f"pod/{self.pod}\n")
        self.assertIn("No resources found", self.kubectl("get", "pods", "-l", "app=other"))

    def test_pages_raw_paths_and_two_resources_at_once(self):
        self.assertEqual(self.kubectl("get", "ksvc,pods", "-o", "name").split(), ["service.serving.knative.dev/sd", f"pod/{self.pod}"])
        names = self.kubectl("get", "events", "-o", "name")
        self.assertEqual(self.kubectl("get", "events", "-o", "name", "--chunk-size=1"), names)
        table = [line[2] for line in self.columns("get", "events", "--no-headers", "--chunk-size=1")]  # ages may differ
        self.assertEqual([reason for reason in table if reason in ("Started", "Ready")], ["Started", "Ready"])
        self.assertEqual(self.kubectl("get", "pods", "--field-selector=status.phase=Running", "-o", "name"), f"pod/{self.pod}\n")
        self.assertIn("No resources", self.kubectl("get", "pods", "--field-selector=status.phase!=Running"))
        self.assertEqual(self.kubectl("get", "pods", "-l", "serving.knative.dev/service in (sd,other)", "-o", "name"), f"pod/{self.pod}\n")
        self.assertEqual(self.kubectl("get", "--raw", "/readyz"), "ok\n")
        self.assertEqual(json.loads(self.kubectl("get", "--raw", "/api/v1/namespaces/default/pods"))["items"][0]["metadata"]["name"], self.pod)
        wide = self.columns("get", "pods", "-o", "wide")
        self.assertEqual((wide[0][5:], len(wide[1])), (["ADDRESS", "GPU", "BUSY", "SESSIONS"], 9))

    def test_what_is_not_there_is_said(self):
        self.assertEqual(self.kubectl("get", "pod", "nobody", status=1),
                         'Error from server (NotFound): pods "nobody" not found\n')
        self.assertIn("doesn't have a resource type", self.kubectl("get", "nothing", status=1))

    def test_describe_tells_the_events(self):
        text = self.kubectl("describe", "pod", self.pod)
        self.assertRegex(text, r"Restart Count: +0")
        self.assertRegex(text, r"Normal +Ready .* pilotlight +Ready ")
        text = self.kubectl("describe", "ksvc", "sd")
        self.assertIn("Latest Ready Revision Name:    sd-00001", text)

    @harness.needs_newer_kubectl
    def test_events_of_one_object_are_selected(self):
        for words in (("get", "events", "--no-headers"), ("events", "--no-headers", "--for", f"pod/{self.pod}")):
            reasons = [line[2] for line in self.columns(*words)]
            self.assertEqual([r for r in reasons if r in ("Started", "Ready")], ["Started", "Ready"], words)

    @harness.needs_newer_kubectl
    def test_wait_is_met_or_not(self):
        self.assertIn("condition met", self.kubectl("wait", "--for=condition=Ready", "ksvc/sd", "--timeout=10s"))
        self.assertIn("condition met", self.kubectl("wait", "--for=jsonpath={.status.phase}=Running",
                                                    f"pod/{self.pod}", "--timeout=10s"))
        self.assertIn("timed out", self.kubectl("wait", "--for=condition=Ready=False", "ksvc/sd", "--timeout=1s",
                                                status=1))

    def test_explain_knows_the_fields_and_our_annotations(self):
        text = self.kubectl("explain", "ksvc.spec.template.spec")
        for word in ("containerConcurrency", "timeoutSeconds", "containers\t<[]Object>"):
            self.assertIn(word, text)
        self.assertIn("pilotlight.dev/queue-depth", self.kubectl("explain", "ksvc.metadata.annotations"))
        for kind in ("pods", "events", "revisions", "routes", "configurations", "domainmappings", "namespaces"):
            self.assertIn("DESCRIPTION:", self.kubectl("explain", kind))
        self.assertIn("regarding", self.kubectl("explain", "events", "--api-version=events.k8s.io/v1"))

    def test_logs_are_what_the_pod_wrote(self):
        with open(self.log_file(), encoding="utf-8") as file:
            written = file.read()
        self.assertIn("Running on local URL", written)
        self.assertEqual(self.kubectl("logs", self.pod), written)
        self.assertEqual(self.kubectl("logs", self.pod, "--tail=1"), written.splitlines(True)[-1])
        self.assertEqual(self.kubectl("logs", "-l", "serving.knative.dev/service=sd", "--tail=-1"), written)
        self.assertRegex(self.kubectl("logs", self.pod, "--tail=1", "--timestamps", "--since=1h"),
                         r"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z Running on local URL.*\n\Z")
        done = subprocess.run([os.path.join(BIN, "pilotlight"), "logs", self.pod, "--server",
                               f"http://127.0.0.1:{self.gw.admin}"], capture_output=True, text=True, timeout=20,
                              check=False)
        self.assertEqual((done.returncode, done.stdout), (0, written))

    def log_file(self):
        item = json.loads(self.kubectl("get", "pod", self.pod, "-o", "json"))
        return item["metadata"]["annotations"]["pilotlight.dev/log-file"]

    def test_a_wrong_container_and_the_previous_one_are_refused(self):
        self.assertIn("not valid for pod", self.kubectl("logs", self.pod, "-c", "sidecar", status=1))
        self.assertIn("without --previous", self.kubectl("logs", self.pod, "--previous", status=1))

    def test_z_logs_are_followed_over_a_rotation(self):
        path = self.log_file()
        lines = self.in_background("logs", "-f", self.pod, "--tail=1")
        self.gw.wait(lambda: lines, "the last line there is")
        del lines[:]
        self.append(path, "before")  # as the pod's keeper does it
        self.gw.wait(lambda: "before" in lines, f"the first line, of {lines}")
        os.rename(path, path + ".1")
        self.append(path, "after")
        self.gw.wait(lambda: "after" in lines, f"the line after the rotation, of {lines}")
        self.assertEqual(lines, ["before", "after"])

    def test_get_w_prints_a_row_for_every_change(self):
        lines = self.in_background("get", "ksvc", "-w", "--no-headers")
        self.gw.wait(lambda: lines, "the service's row")
        self.assertEqual(lines[0].split()[0], "sd")

    @staticmethod
    def append(path, line):
        with open(path, "a", encoding="utf-8") as file:
            file.write(line + "\n")


class Documentation(harness.TestCase):
    @harness.needs_newer_kubectl
    def test_the_session_in_the_documentation_is_what_is_printed(self):
        with open(kubectl_session.DOCUMENT, encoding="utf-8") as file:
            document = file.read()
        with kubectl_session.gateway() as gateway:
            now = kubectl_session.Session(gateway).fill(document)
        self.assertEqual(kubectl_session.differences(document, now), [],
                         "tests/e2e/kubectl_session.py --write writes it down anew")
