"""Clients of Stable Diffusion as npm has them, each driven by the script beside this file, in front of simulated pods.

A script takes the address, works like a user of that client, and says on one line what it saw; it exits 1 if anything is
not as it should be. The pods' own statistics tell that each did one thing at a time.
"""
import json
import os
import shutil
import subprocess

import harness
from harness import AFFINITY, concurrently, service

HERE = os.path.join(harness.ROOT, "tests", "clients")
NODE = shutil.which("node")
SECONDS = 40  # for a script that takes two


class Run:
    def __init__(self, script, url, cookies=False, **environment):
        command = [NODE, "--import", os.path.join(HERE, "home.mjs"), os.path.join(HERE, script + ".mjs"), url]
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS + 10, check=False,
                              env={**os.environ, "COOKIES": "1" if cookies else "0", "LIMIT_S": str(SECONDS),
                                   "CLIENT_TIMEOUT_MS": str(SECONDS * 1000), **environment})
        self.status, self.output = done.returncode, done.stdout + done.stderr
        lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
        self.said = json.loads(lines[-1]) if lines else {}


class Client(harness.TestCase):
    """What every client is put through. A subclass names its script and its pods' dialect."""
    script, dialect = "", ""

    def pods(self, count, cookies=False, **simulator):
        self.assertIsNotNone(NODE, "./dev setup installs what this test needs")
        gateway = self.gateway(service(scale={"min-scale": count, "max-scale": max(1, count)},
                                       annotations=AFFINITY if cookies else None),
                               simulator={"DIALECT": self.dialect, "SERVICE": "0.3", "CV": "0.15", **simulator})
        if count:
            gateway.wait_for_ready(count)
        return gateway

    def run_on(self, gateway, cookies=False, **environment):
        return Run(self.script, f"http://sd.default.localhost:{gateway.port}", cookies, **environment)

    def assert_passed(self, run, gateway):
        self.assertEqual((run.status, run.said.get("ok")), (0, True), f"{run.output}\n{gateway.tail(60)}")

    def works_on(self, count, cookies, together=2):
        gateway = self.pods(count, cookies)
        self.assert_passed(self.run_on(gateway, cookies), gateway)
        for run in concurrently(together, lambda _: self.run_on(gateway, cookies)):
            self.assert_passed(run, gateway)
        self.assert_one_at_a_time(gateway.stats())
        return gateway


class Everywhere(Client):
    def test_from_zero_pods(self):
        gateway = self.pods(0)
        self.assert_passed(self.run_on(gateway), gateway)
        self.assert_one_at_a_time(gateway.stats())

    def test_one_pod_with_cookies(self):
        self.works_on(1, cookies=True)

    def test_one_pod_without_cookies(self):
        self.works_on(1, cookies=False)

    def test_two_pods_with_cookies(self):
        self.works_on(2, cookies=True)

    def test_two_pods_without_cookies(self):
        self.works_on(2, cookies=False)


class SlowGradio1(Everywhere):
    script, dialect = "gradio1", "a1111"


class SlowGradio5(Everywhere):
    script, dialect = "gradio5", "gradio5"


class SlowGradio5ByItsFirstClient(Everywhere):
    script, dialect = "gradio5_v1", "gradio5"


class SlowComfy(Everywhere):
    script, dialect = "comfy", "comfy"


class Sdapi(Everywhere):
    script, dialect = "sdapi", "a1111"


class Sdwebui(Everywhere):
    script, dialect = "sdwebui", "a1111"


class Sdcpp(Everywhere):
    script, dialect = "sdcpp", "sdcpp"


del Client, Everywhere
