#!/usr/bin/env python3
"""The guide's walk of the README, step by step: its commands are run against a gateway as conf/gateway-demo.yaml has it, with
kubectl, hey and Chromium, and what they print is what stands there.

    tests/browser/guide_walk.py              walks and prints what is otherwise than in the README
    tests/browser/guide_walk.py --write      walks, writes down what was printed, and makes the pictures in docs/images

Three minutes: the pods stay for Knative's stable window of 60 s. Ages, times and figures of time are compared as such only.
"""
import difflib
import json
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "e2e"))
import harness  # noqa: E402

README = os.path.join(harness.ROOT, "README.md")
SECTION = re.compile(r"^## The guide, step by step\n.*?(?=^## )", re.M | re.S)
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.M | re.S)
COMMAND = re.compile(r"^\$ ((?:.*\\\n)*.*)$", re.M)
HEY_SHOWN = ("Summary:", "Latency distribution:", "Status code distribution:")  # its other parts are long


def gateway():
    """The demo's Gateway, on ports of our own, without any Service."""
    gw = harness.Gateway(start=False)
    with open(os.path.join(harness.ROOT, "conf", "gateway-demo.yaml"), encoding="utf-8") as file:
        manifest = file.read()
    for old, new in (("address: 0.0.0.0", "address: 127.0.0.1"), ("port: 8080", f"port: {gw.port}"),
                     ("port: 9901", f"port: {gw.admin}"), ("ports: 20000-29999", f"ports: {gw.ports.pods}"),
                     ("command: [sd-simulator]", f"command: [{harness.BIN}/sd-simulator]"),
                     ("        env:\n", f"        env:\n        - {{name: {harness.MARK}, value: {gw.mark}}}\n"),
                     ("access: stdout", f"access: {gw.access_log}"),
                     ("spec:\n", f"spec:\n  stateDir: {gw.folder}/state\n")):
        if manifest.count(old) < 1:
            gw.end()
            raise AssertionError(f"conf/gateway-demo.yaml has no {old!r}")
        manifest = manifest.replace(old, new, 1)
    gw.write("gateway", manifest)
    try:
        return gw.start()
    except BaseException:
        gw.end()
        raise


class Browser:
    """tests/browser/guide_walk.mjs, asked for one step after the other."""

    def __init__(self, gw, pictures):
        command = ["node", os.path.join(HERE, "guide_walk.mjs"), "--admin", f"http://127.0.0.1:{gw.admin}",
                   "--service", f"http://knative-sd-demo.default.localhost:{gw.port}/"]
        self.process = subprocess.Popen(command + (["--pictures", pictures] if pictures else []), stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)

    def ask(self, step):
        self.process.stdin.write(step + "\n")
        self.process.stdin.flush()

    def answer(self):
        said = json.loads(self.process.stdout.readline() or '{"failed": "the browser ended"}')
        if "failed" in said:
            raise AssertionError(said["failed"])
        return said

    def end(self):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


class Walk:
    """Walks once. `printed`: each command's output; `seen`: what the browser saw."""

    def __init__(self, gw, commands, pictures=None):
        self.gw, self.printed, self.seen = gw, {}, {}
        browser = Browser(gw, pictures)
        try:
            self._walk(commands, browser)
        finally:
            browser.end()

    def _walk(self, commands, browser):
        (hey,) = [c for c in commands if c.startswith("hey ")]
        (watch,) = [c for c in commands if c.endswith(" get pods -w")]
        for command in commands:
            if command not in (hey, watch):
                self.printed[command] = self._finish(self._begin(command))
        browser.ask("open")
        self.seen["open"] = browser.answer()
        watching = self._begin(watch)
        try:
            loading = self._begin(hey)
            browser.ask("busy")
            self.printed[hey] = shortened(self._finish(loading))
            self.seen["busy"] = browser.answer()
            self.gw.wait_for_no_pods(150)
            self.gw.wait(lambda: not self.gw.pod_items(), "the last pod is gone from the API")
            browser.ask("done")
            self.seen["done"] = browser.answer()
            self.metrics = self.gw.metrics()
        finally:
            os.killpg(watching.pid, 15)  # its shell and kubectl: a group of their own
            self.printed[watch] = self._finish(watching)

    def _begin(self, command):
        script = command.replace(":9901", f":{self.gw.admin}").replace(":8080", f":{self.gw.port}")
        environment = {"PATH": f"{harness.BIN}:{os.environ['PATH']}", "HOME": self.gw.folder, "KUBECONFIG": os.devnull,
                       "LC_ALL": "C.UTF-8", "TZ": "UTC"}
        return subprocess.Popen(["bash", "-c", script], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, cwd=harness.ROOT, env=environment, text=True, start_new_session=True)

    @staticmethod
    def _finish(process):
        output = process.communicate(timeout=180)[0].expandtabs(4)
        return "".join(line.rstrip() + "\n" for line in output.splitlines() if line.strip())


def shortened(output):
    shown, kept = False, []
    for line in output.splitlines(keepends=True):
        if not line.startswith(" "):
            shown = line.strip() in HEY_SHOWN
        kept += [line] if shown and " 0% in 0.0000" not in line else []  # hey's, where it has too few for a rank
    return "".join(kept)


def section():
    with open(README, encoding="utf-8") as file:
        return SECTION.search(file.read())[0]


def commands_of(text):
    return [command for block in BLOCK.findall(text) for command in COMMAND.findall(block)]


def filled(text, printed):
    return BLOCK.sub(lambda match: "```console\n" + "".join(
        f"$ {command}\n{printed[command]}" for command in COMMAND.findall(match[1])) + "```", text)


def comparable(text):
    """Pods are told apart by what becomes of each, whichever is first."""
    rows, lines = {}, []
    for line in text.splitlines():
        pod = re.match(r"(knative-sd-demo-\d+-deployment-)\d+ +(\S+) +(\S+) +(\d+) ", line)
        if pod:
            rows.setdefault(line.split()[0], []).append(" ".join(pod.groups()[1:]))
            continue
        lines.append(re.sub(r"\d+\.\d+", "N", line.rstrip()))
    return lines + ["pods:"] + sorted(" > ".join(dict.fromkeys(of_one)) for of_one in rows.values())


def differences(text, now):
    return list(difflib.unified_diff(comparable(text), comparable(now), "README.md", "what is printed", lineterm="", n=2))


def main():
    write = "--write" in sys.argv[1:]
    text = section()
    gw = gateway()
    try:
        walk = Walk(gw, commands_of(text), os.path.join(harness.ROOT, "docs", "images") if write else None)
    finally:
        gw.end()
    now = filled(text, walk.printed)
    print(json.dumps(walk.seen, indent=1), file=sys.stderr)
    if write:
        with open(README, encoding="utf-8") as file:
            whole = file.read()
        with open(README, "w", encoding="utf-8") as file:
            file.write(SECTION.sub(lambda _: now, whole))
        return
    found = differences(text, now)
    print("\n".join(found))
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
