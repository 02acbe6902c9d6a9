"""The dashboard in headless Chromium, in front of simulated pods: every check of tests/browser/dashboard.mjs."""
import hashlib
import os
import re
import shutil
import subprocess

import tempfile

import harness
from harness import AFFINITY, service

SCRIPT = os.path.join(harness.ROOT, "tests", "browser", "dashboard.mjs")


class DashboardsFiles(harness.TestCase):
    def test_what_is_embedded_is_what_the_sources_make(self):
        web = os.path.join(harness.ROOT, "web")
        with tempfile.TemporaryDirectory() as made:
            subprocess.run([os.path.join("node_modules", ".bin", "tsc"), "--noEmit"], cwd=web, check=True)
            subprocess.run([os.path.join("node_modules", ".bin", "vite"), "build", "--outDir", made, "--emptyOutDir"], cwd=web,
                           check=True, capture_output=True)
            for name in sorted({*os.listdir(made), *os.listdir(os.path.join(web, "dist"))}):
                with open(os.path.join(made, name), "rb") as new, open(os.path.join(web, "dist", name), "rb") as kept:
                    self.assertEqual(new.read(), kept.read(), f"web/dist/{name} is old: ./dev web")


class SlowDashboard(harness.TestCase):
    def test_the_page_says_what_the_metrics_say(self):
        self.assertIsNotNone(shutil.which("node"), "./dev setup installs what this test needs")
        gateway = self.gateway(
            service("knative-sd-demo", scale={"max-scale": 3, "class": "break-even.pilotlight.dev", "window": "60s"},
                    own={"cold-start-worth": "45s", "profile": "stable-diffusion"}, annotations=AFFINITY),
            timeouts={"startupSilence": "800ms"},
            simulator={"COLD": "2.5", "MOUNT_DELAY": "0.7", "SERVICE": "1.1", "CV": "0.3", "PNG_BYTES": "20000"})
        command = ["node", SCRIPT, "--admin", f"http://127.0.0.1:{gateway.admin}",
                   "--traffic", f"http://127.0.0.1:{gateway.port}", "--host", "knative-sd-demo.default.example.com"]
        run = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
        print(run.stdout)
        failed = re.findall(r"^FAIL (.*)$", run.stdout, re.M)
        self.assertEqual((run.returncode, failed), (0, []), f"{run.stdout}\n{run.stderr}\n{gateway.tail()}")

    def test_where_tokens_are_configured_the_page_asks_for_one(self):
        token = "plk_" + "t" * 60
        gateway = self.gateway(service("sd"), start=False)
        digest = hashlib.sha256(token.encode()).hexdigest()
        gateway.gateway["spec"]["admin"]["tokens"] = [{"name": "looker", "hash": "sha256:" + digest}]
        gateway.write("gateway", gateway.gateway)
        gateway.start()
        run = subprocess.run(["node", SCRIPT.replace("dashboard.mjs", "login.mjs"), "--admin",
                              f"http://127.0.0.1:{gateway.admin}", "--token", token], capture_output=True, text=True,
                             timeout=120, check=False)
        print(run.stdout)
        self.assertEqual(run.returncode, 0, f"{run.stdout}\n{run.stderr}\n{gateway.tail()}")
