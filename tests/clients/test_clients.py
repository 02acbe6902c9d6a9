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
    alone, together = {}, {}  # environment of the script: of one user without cookies, of several of them on two pods
    waking = {}  # and where no pod runs

    def pods(self, count, cookies=False, own=None, **simulator):
        self.assertIsNotNone(NODE, "./dev setup installs what this test needs")
        gateway = self.gateway(service(scale={"min-scale": count, "max-scale": max(1, count)}, own=own,
                                       annotations=AFFINITY if cookies else None),
                               simulator={"DIALECT": self.dialect, "SERVICE": "0.3", "CV": "0.15", **simulator})
        if count:
            gateway.wait_for_ready(count)
        return gateway

    def run_on(self, gateway, cookies=False, script=None, **environment):
        return Run(script or self.script, f"http://sd.default.localhost:{gateway.port}", cookies, **environment)

    def assert_passed(self, run, gateway):
        self.assertEqual((run.status, run.said.get("ok")), (0, True), f"{run.output}\n{gateway.tail(400)}")

    def assert_all_worked_one_at_a_time(self, gateway):
        seen = gateway.stats()
        self.assert_one_at_a_time(seen)
        for name, pod in seen.items():
            self.assertTrue(pod["runs"], f"{name} was given nothing to do")

    def works_on(self, count, cookies):
        gateway = self.pods(count, cookies)
        runs = [self.run_on(gateway, cookies, **self.alone)]
        # Each user at an address of their own.
        runs += concurrently(2, lambda user: self.run_on(gateway, cookies, ADDRESS=f"127.0.0.{user + 2}",
                                                         **({} if cookies else self.together)))
        for run in runs:
            self.assert_passed(run, gateway)
            self.assertEqual("cookies: sd" in run.output, cookies, run.output)
        self.assert_all_worked_one_at_a_time(gateway)


class Everywhere(Client):
    def test_from_zero_pods(self):
        gateway = self.pods(0)
        self.assert_passed(self.run_on(gateway, **self.waking), gateway)
        self.assert_all_worked_one_at_a_time(gateway)

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

    def test_from_zero_pods(self):
        """The SDK begins with GET /prompt, which a page polls too, so that it wakes nobody unless a rule says so."""
        gateway = self.pods(0, own={"rules": "GET (/api)?/prompt N"})
        self.assert_passed(self.run_on(gateway), gateway)
        self.assert_all_worked_one_at_a_time(gateway)

    def test_without_that_rule_the_sdk_is_told_at_once_and_wakes_no_pod(self):
        gateway = self.pods(0)
        run = self.run_on(gateway)
        self.assertEqual((run.status, run.said["ok"]), (1, False), run.output)
        self.assertIn("Can't connect to the server", run.said["error"])
        self.assertEqual(gateway.pods(), [])


class Sdapi(Everywhere):
    script, dialect = "sdapi", "a1111"
    together, waking = {"REFUSED": "1"}, {"FROM_ZERO": "1"}


class Sdwebui(Everywhere):
    script, dialect = "sdwebui", "a1111"


class Sdcpp(Everywhere):
    script, dialect = "sdcpp", "sdcpp"


class OtherWebuis(Client):
    """Two users without cookies on two pods: the hardest of the cases above."""

    def test_forge(self):
        self.script, self.dialect = "gradio5_v1", "forge"
        self.works_on(2, cookies=False)

    def test_forge_by_its_api(self):
        self.script, self.dialect, self.together = "sdapi", "forge", {"REFUSED": "1"}
        self.works_on(2, cookies=False)

    def test_sdnext(self):
        self.script, self.dialect = "gradio1", "sdnext"
        self.works_on(2, cookies=False)


class SlowInterrupts(Client):
    """Two users work on two pods; the first one interrupts."""

    def two_users(self, client, dialect, cookies, first="yes"):
        self.dialect = dialect
        gateway = self.pods(2, cookies, SERVICE="2")
        meet = os.path.join(gateway.folder, "meet")
        os.mkdir(meet)
        runs = concurrently(2, lambda user: self.run_on(gateway, cookies, "interrupt", CLIENT=client, USERS="2", MEET=meet,
                                                        INTERRUPT="no" if user else first,
                                                        ADDRESS=f"127.0.0.{user + 2}"))
        for run in runs:
            self.assert_passed(run, gateway)
        return runs, gateway

    def interrupted(self, gateway):
        self.assert_all_worked_one_at_a_time(gateway)
        return {name: [run["interrupted"] for run in pod["runs"]] for name, pod in gateway.stats().items()}

    def assert_only_the_first_users_ended(self, runs, gateway):
        mine, others = (run.said["pod"] for run in runs)
        self.assertEqual(self.interrupted(gateway), {mine: [True], others: [False]})

    def test_of_the_webuis_api_with_cookies(self):
        self.assert_only_the_first_users_ended(*self.two_users("sdapi", "a1111", cookies=True))

    def test_of_the_webuis_api_without_cookies_is_refused(self):
        _, gateway = self.two_users("sdapi", "a1111", cookies=False, first="refused")
        self.assertEqual(list(self.interrupted(gateway).values()), [[False], [False]])

    def test_of_the_webuis_page_without_cookies(self):
        self.assert_only_the_first_users_ended(*self.two_users("gradio1", "a1111", cookies=False))

    def test_of_comfyui_with_cookies(self):
        _, gateway = self.two_users("comfy", "comfy", cookies=True)
        self.assertEqual(sorted(self.interrupted(gateway).values()), [[False], [True]])

    def test_of_gradio_5_ends_the_event_for_its_user_only(self):
        """Its pod says that the event is over while the function runs on (gradio issue 8188), so that nothing tells us."""
        _, gateway = self.two_users("gradio5", "gradio5", cookies=False)
        ends = [run["interrupted"] for pod in gateway.stats().values() for run in pod["runs"]]
        self.assertEqual(ends, [False] * 4)


class Tunnel(harness.TestCase):
    def test_a_websocket_of_ws_through_the_gateway(self):
        rule = {"command": [NODE, os.path.join(HERE, "echo_pod.mjs")]}
        gateway = self.gateway(service(scale={"min-scale": 1, "max-scale": 1}), image_rule=rule)
        gateway.wait_for_ready(1)
        run = Run("ws", f"http://sd.default.localhost:{gateway.port}")
        self.assertEqual((run.status, run.said.get("ok")), (0, True), f"{run.output}\n{gateway.tail(400)}")


del Client, Everywhere
