#!/usr/bin/env python3
"""The session in docs/kubectl.md: its commands are run against a gateway, and what they print is what stands there.

    tests/e2e/kubectl_session.py --write      runs it and writes down what was printed
    tests/e2e/kubectl_session.py              runs it and prints what is otherwise than in the file

A block ```console has commands, each after "$ ", and what they print. A block ```yaml after a line
"<!-- NAME.yaml -->" is a file that commands find. Ages, times, ids and ports are compared as such only.
"""
import difflib
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness  # noqa: E402

DOCUMENT = os.path.join(harness.ROOT, "docs", "kubectl.md")
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.M | re.S)
FILE = re.compile(r"^<!-- ([\w.-]+) -->\n+```yaml\n(.*?)^```$", re.M | re.S)


def gateway():
    """A pod is there 0.3 s after it was asked for, and a picture takes 0.1 s. Pods stay for the session."""
    return harness.Gateway(harness.service(name="sd", scale={"window": "10m", "max-scale": "3"},
                                           annotations=harness.AFFINITY), simulator={"COLD": "0.3"})


class Session:
    def __init__(self, gw):
        self.gw = gw
        self.folder = os.path.join(gw.folder, "session")
        os.mkdir(self.folder)
        self.first_port = int(gw.ports.pods.split("-")[0])

    def run(self, command):
        script = (f'kubectl() {{ command kubectl -s http://127.0.0.1:{self.gw.admin} "$@"; }}\n'
                  f'pilotlight() {{ command "{harness.BIN}/pilotlight" "$@"; }}\n'
                  + command.replace("127.0.0.1:8080", f"127.0.0.1:{self.gw.port}"))
        environment = {"PATH": os.environ["PATH"], "HOME": self.folder, "KUBECONFIG": os.devnull, "LC_ALL": "C.UTF-8",
                       "TZ": "UTC", "PILOTLIGHT_SERVER": f"http://127.0.0.1:{self.gw.admin}"}
        done = subprocess.run(["bash", "-c", script], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, cwd=self.folder, env=environment, timeout=60, check=False)
        return self.as_at_home(done.stdout.decode("utf-8", "replace"))

    def as_at_home(self, text):
        """With the ports and folders of a gateway that is started as in the README."""
        text = text.replace(os.path.join(self.gw.folder, "manifests"), "conf")
        text = text.replace(os.path.join(self.gw.folder, "state"), "/var/lib/pilotlight").replace(self.folder, ".")
        text = text.replace(f":{self.gw.admin}", ":9901").replace(f":{self.gw.port}", ":8080")
        text = re.sub(r"(?<![\d.])(\d{5})(?![\d.])",
                      lambda m: str(20000 + int(m[1]) - self.first_port)
                      if self.first_port <= int(m[1]) < self.first_port + 80 else m[1], text)
        return "\n".join(line.rstrip() for line in text.splitlines()) + ("\n" if text else "")

    def fill(self, document):
        """The document with what its commands print now."""
        for name, content in FILE.findall(document):
            with open(os.path.join(self.folder, name), "w", encoding="utf-8") as file:
                file.write(content)

        def block(match):
            commands = [line for line in match[1].splitlines() if line.startswith("$ ")]
            return "```console\n" + "".join(f"{c}\n{self.run(c[2:])}" for c in commands) + "```"
        return BLOCK.sub(block, document)


def comparable(text):
    for pattern, word in ((r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "TIME"),
                          (r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d \+0000", "TIME"),
                          (r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "UID"),
                          (r"\b[0-9a-f]{16,}\b", "ID"),
                          (r"(?i)(resource ?version:) +\S+", r"\1 N"), (r"(/pid:) +\S+", r"\1 N"),
                          (r"\b20\d{3}\b", "PORT"), (r"\b\d+(\.\d+)? (s|ms)\b", "T"),
                          (r"\b(\d+[smhd])+\b", "T"), (r"<(invalid|unknown)>", "T"),
                          (r"[ \t]{2,}", "  "), (r"-{3,}", "---")):
        text = re.sub(pattern, word, text)
    return text


def differences(document, now):
    return list(difflib.unified_diff(comparable(document).splitlines(), comparable(now).splitlines(),
                                     "docs/kubectl.md", "what is printed", lineterm="", n=3))


def main():
    if not shutil.which("kubectl"):
        sys.exit("kubectl is not installed (Debian: kubernetes-client)")
    with open(DOCUMENT, encoding="utf-8") as file:
        document = file.read()
    with gateway() as gw:
        now = Session(gw).fill(document)
    if "--write" in sys.argv[1:]:
        with open(DOCUMENT, "w", encoding="utf-8") as file:
            file.write(now)
        return
    found = differences(document, now)
    print("\n".join(found))
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
