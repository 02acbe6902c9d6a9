"""A real gateway with simulated pods, on ports of its own. Whatever a test does, every process is gone afterwards.

Pods are counted and asked from the outside, by /proc and on their own ports: a gateway that tells itself stories about
its pods cannot make a test pass.
"""
import concurrent.futures
import fcntl
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest
import uuid

import wire

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.environ.get("PILOTLIGHT_BIN", os.path.join(ROOT, "build", "release", "bin"))
DEMO = os.path.join(ROOT, "conf", "knative-sd-demo.yaml")
MARK = "PILOTLIGHT_TEST"  # in the environment of our pods, so that we find them, and only ours
TXT2IMG = "/sdapi/v1/txt2img"
HEY = shutil.which("hey") or "hey"

# A pod that is quick to start and to work: 0.1 s until the port opens, 0.1 s a picture of 20 kB.
QUICK = {"COLD": "0.1", "MOUNT_DELAY": "0", "MODEL_LOAD": "0", "SERVICE": "0.1", "CV": "0", "DECODE": "0",
         "PNG_BYTES": "20000", "GZIP": "off"}


class Ports:
    """A hundred ports below the ephemeral range that no other test uses, held by a file lock until we end."""

    def __init__(self):
        folder = os.path.join(tempfile.gettempdir(), "pilotlight-test-ports")
        os.makedirs(folder, exist_ok=True)
        for first in range(21000, 32000, 100):
            # Not inheritable: a process that we leave behind by mistake must not hold the ports.
            self.lock = os.open(os.path.join(folder, str(first)), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o666)
            try:
                fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(self.lock)
                continue
            self.http, self.admin, self.spare, *self.more = self._free(first)
            self.pods = f"{first + 20}-{first + 99}"
            return
        raise AssertionError("all test ports are taken: " + folder)

    @staticmethod
    def _free(first):
        found = []
        for port in range(first, first + 20):
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError:
                    continue
            found.append(port)
            if len(found) == 8:
                return found
        raise AssertionError(f"fewer than eight free ports from {first}")

    def release(self):
        os.close(self.lock)


def wait_until(condition, what, seconds=20.0, every=0.02, context=lambda: ""):
    """The first true value of condition(); fails with `what` and the context after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}\n{context()}")
        time.sleep(every)


def concurrently(count, work):
    """work(0) ... work(count-1), all at the same time; their results in order."""
    with concurrent.futures.ThreadPoolExecutor(max(1, count)) as pool:
        return list(pool.map(work, range(count)))


def service(name="sd", scale=None, annotations=None, own=None, concurrency=1, container=None, **spec):
    """A Knative Service. `own`: annotations of ours without their prefix; `scale`: Knative's, likewise."""
    notes = {f"autoscaling.knative.dev/{k}": str(v) for k, v in
             {"window": "6s", "target-utilization-percentage": "100", "max-scale": "5", **(scale or {})}.items()}
    notes.update({f"pilotlight.dev/{k}": str(v) for k, v in (own or {}).items()})
    image = {"image": "test/stable-diffusion:1", "name": "stable-diffusion",
             "args": ["--listen", "--api"], "ports": [{"containerPort": 7860}],
             "readinessProbe": {"tcpSocket": {"port": 7860}, "periodSeconds": 1}, **(container or {})}
    return {"apiVersion": "serving.knative.dev/v1", "kind": "Service",
            "metadata": {"name": name, **({"annotations": annotations} if annotations else {})},
            "spec": {"template": {"metadata": {"annotations": notes},
                                  "spec": {"containerConcurrency": concurrency, "containers": [image], **spec}}}}


AFFINITY = {"serving.knative.dev.alibabacloud/affinity": "cookie",
            "serving.knative.dev.alibabacloud/cookie-name": "sd",
            "serving.knative.dev.alibabacloud/cookie-timeout": "1800"}


def stats(port):
    return wire.get_json(port, "/stub/stats")


def fault(port, name, **settings):
    """Arms a fault in the simulated pod at `port`: see `sd-simulator --help`."""
    body = json.dumps({"fault": name, **settings}).encode()
    answer = wire.request(port, "POST", "/stub/fault", host=f"127.0.0.1:{port}", body=body)
    if answer.status != 200:
        raise AssertionError(f"the pod refuses the fault {name}: {answer}")


class Pod:
    """A simulated pod as /proc shows it."""

    def __init__(self, pid, name, port):
        self.pid, self.name, self.port = pid, name, port

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)

    def __repr__(self):
        return f"{self.name}:{self.port} (pid {self.pid})"


def pods_marked(mark):
    found = []
    for pid in os.listdir("/proc"):
        if not pid.isdigit():
            continue
        try:
            with open(f"/proc/{pid}/comm", encoding="utf-8") as file:
                if file.read().strip() != "sd-simulator":
                    continue
            with open(f"/proc/{pid}/environ", "rb") as file:
                environment = dict(e.split("=", 1) for e in file.read().decode().split("\0") if "=" in e)
        except OSError:
            continue  # it ended while we looked
        if environment.get(MARK) == mark:
            found.append(Pod(int(pid), environment.get("POD_NAME", "?"), int(environment.get("PORT", "0"))))
    return sorted(found, key=lambda pod: pod.name)


class Gateway:
    """`pilotlight serve` with a generated Gateway manifest. Use it as a context, or end() it."""

    def __init__(self, *manifests, simulator=None, quick=True, image_rule=None, driver=None, limits=None,
                 timeouts=None, log=None, start=True, prefix=(), **spec):
        self.mark = uuid.uuid4().hex
        self.folder = tempfile.mkdtemp(prefix="pilotlight-test-")
        self.manifests = os.path.join(self.folder, "manifests")
        os.mkdir(self.manifests)
        self.ports = Ports()
        self.port, self.admin = self.ports.http, self.ports.admin
        self.log = os.path.join(self.folder, "gateway.log")
        self.access_log = os.path.join(self.folder, "access.log")
        self.process = None
        self.prefix = list(prefix)  # a command that starts the gateway
        environment = {f"SD_SIMULATOR_{k}": str(v) for k, v in {**(QUICK if quick else {}), **(simulator or {})}.items()}
        environment[MARK] = self.mark
        rule = {"image": "*", "command": [os.path.join(BIN, "sd-simulator")], "args": ["--port", "$(PORT)"],
                "env": [{"name": k, "value": v} for k, v in environment.items()], **(image_rule or {})}
        self.gateway = {
            "apiVersion": "pilotlight.dev/v1", "kind": "Gateway", "metadata": {"name": "test"},
            "spec": {"listeners": [{"address": "127.0.0.1", "port": self.port}],
                     "admin": {"address": "127.0.0.1", "port": self.admin},
                     "stateDir": os.path.join(self.folder, "state"),
                     "driver": driver or {"process": {"images": [rule], "ports": self.ports.pods}},
                     "log": log or {"level": "debug", "format": "json", "access": self.access_log},
                     **({"limits": limits} if limits else {}),
                     # Simulated pods fear no request in their start unless a test asks for it.
                     "timeouts": {"startupSilence": "0s", **(timeouts or {})}, **spec}}
        self.write("gateway", self.gateway)
        for number, manifest in enumerate(manifests):
            self.write(f"service-{number}", manifest)
        if start:
            try:
                self.start()
            except BaseException:
                self.end()
                raise

    # JSON is YAML. A manifest may also be text, taken as it is.
    def write(self, name, manifest):
        path = os.path.join(self.manifests, name + ".yaml")
        with open(path + ".new", "w", encoding="utf-8") as file:
            file.write(manifest if isinstance(manifest, str) else json.dumps(manifest, indent=1))
        os.replace(path + ".new", path)

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([*self.prefix, os.path.join(BIN, "pilotlight"), "serve", "-f", self.manifests],
                                            stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.folder)
        self.wait(self.is_ready, "the gateway serves (/readyz of the admin address)")
        return self

    def is_ready(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the gateway ended with status {self.process.returncode}\n{self.tail()}")
        try:
            return wire.request(self.admin, "GET", "/readyz", host=f"127.0.0.1:{self.admin}").status == 200
        except (OSError, wire.Broken):
            return False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def end(self):
        if self.process is not None:
            if self.process.poll() is None:
                self.process.send_signal(signal.SIGTERM)
                try:
                    self.process.wait(3)
                except subprocess.TimeoutExpired:
                    self.process.kill()
            self.process.wait(10)
        for pod in self.pods():  # only a broken gateway leaves any
            try:
                os.kill(pod.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.ports.release()
        shutil.rmtree(self.folder, ignore_errors=True)

    def tail(self, lines=40):
        def of(path):
            try:
                with open(path, encoding="utf-8", errors="replace") as file:
                    return "".join(file.readlines()[-lines:])
            except OSError:
                return "(none)\n"
        return f"--- gateway log\n{of(self.log)}--- access log\n{of(self.access_log)}--- pods {self.pods()}"

    def wait(self, condition, what, seconds=20.0):
        return wait_until(condition, what, seconds, context=self.tail)

    # Pods, seen from the outside.

    def pods(self):
        return pods_marked(self.mark)

    def listening(self):
        """The pods whose port is open."""
        return [pod for pod in self.pods() if not port_closed(pod.port)]

    def busy(self):
        """The pods that work at this moment."""
        found = []
        for pod in self.pods():
            try:
                found += [pod] if stats(pod.port)["gpu"] else []
            except (OSError, wire.Broken):
                pass  # it does not listen yet, or no more
        return found

    def wait_until_gone(self, pod, seconds=20.0):
        self.wait(lambda: pod.pid not in [p.pid for p in self.pods()], f"{pod} is gone", seconds)

    def stats(self):
        return {pod.name: stats(pod.port) for pod in self.listening()}

    def wait_for_pods(self, count, seconds=20.0):
        return self.wait(lambda: len(p := self.listening()) == count and (p or True), f"{count} pods", seconds)

    def wait_for_no_pods(self, seconds=30.0):
        self.wait(lambda: not self.pods(), "no pod is left", seconds)

    # Pods, as the gateway tells it.

    def api(self, path):
        return wire.get_json(self.admin, path)

    def pod_items(self):
        return self.api("/api/v1/pods")["items"]

    def ready_pods(self):
        def ready(item):
            return any(c["type"] == "Ready" and c["status"] == "True" for c in item["status"].get("conditions", []))
        return [item["metadata"]["name"] for item in self.pod_items() if ready(item)]

    def wait_for_ready(self, count, seconds=20.0):
        return self.wait(lambda: len(p := self.ready_pods()) == count and p, f"{count} ready pods", seconds)

    def metrics(self):
        return wire.request(self.admin, "GET", "/metrics", host=f"127.0.0.1:{self.admin}").body.decode()

    def counted(self, name, *labels):
        """The sum of a metric's series that have these labels in them."""
        series = re.findall(rf"(?m)^{name}(\{{.*\}})? (\S+)$", self.metrics())
        if not series:
            raise AssertionError(f"there is no metric {name}")
        return sum(float(value) for of, value in series if all(label in of for label in labels))

    def access(self):
        with open(self.access_log, encoding="utf-8") as file:
            return [json.loads(line) for line in file if line.endswith("\n")]  # the last may not be whole yet

    # Requests.

    def request(self, method, target, **options):
        return wire.request(self.port, method, target, **options)

    def generate(self, text="pretty dog", headers=None, **options):
        headers = {"Content-Type": "application/json", **(headers or {})}
        return wire.request(self.port, "POST", TXT2IMG, headers=headers, body=wire.prompt(text), **options)

    def connect(self, **options):
        return wire.Connection(self.port, **options)

    def hey(self, requests, clients, host=wire.HOST, seconds=180):
        return Hey(self.port, requests, clients, host, seconds)


def port_closed(port):
    with socket.socket() as probe:
        probe.settimeout(2)
        return probe.connect_ex(("127.0.0.1", port)) != 0


class Hey:
    """A run of hey: statuses and latencies of every request."""

    def __init__(self, port, requests, clients, host, seconds=180):
        began = time.monotonic()
        done = subprocess.run(
            [HEY, "-n", str(requests), "-c", str(clients), "-t", "180", "-o", "csv", "-m", "POST",
             "-H", "Content-Type: application/json", "-host", host, "-d", '{"prompt": "pretty dog"}',
             f"http://127.0.0.1:{port}{TXT2IMG}"], capture_output=True, text=True, timeout=seconds, check=False)
        self.seconds = time.monotonic() - began
        self.output = done.stdout + done.stderr
        rows = [line.split(",") for line in done.stdout.splitlines()[1:] if line.count(",") >= 7]
        self.latencies = sorted(float(row[0]) for row in rows)
        self.statuses = [int(row[6]) for row in rows]  # a request without an answer has no row
        self.total = max((float(row[0]) + float(row[7]) for row in rows), default=0.0)  # since the first was sent


class Watcher:
    """Looks at the pods now and then from a thread, and remembers the most pods and each one's last statistics."""

    def __init__(self, gateway, every=0.05):
        self.gateway, self.every, self.peak, self.last = gateway, every, 0, {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join(15)
        self.look()

    def look(self):
        pods = self.gateway.pods()
        self.peak = max(self.peak, len(pods))
        for pod in pods:
            try:
                self.last[pod.name] = wire.get_json(pod.port, "/stub/stats?runs=0", seconds=2)
            except (OSError, wire.Broken):
                pass  # not there yet, or no more

    def _run(self):
        while not self._stop.wait(self.every):
            self.look()


class TestCase(unittest.TestCase):
    maxDiff = 2000

    def gateway(self, *manifests, **options):
        """A gateway that ends with the test."""
        gateway = Gateway(*manifests, **options)
        self.addCleanup(gateway.end)
        return gateway

    def assert_status(self, answer, status, gateway=None):
        self.assertEqual(answer.status, status, f"{answer}\n{gateway.tail() if gateway else ''}")

    def assert_one_at_a_time(self, all_stats):
        for name, seen in all_stats.items():
            self.assertLessEqual(seen["gpuMax"], 1, f"{name} worked on more than one request at once")
            self.assertEqual(seen["waitMax"], 0, f"{name} was sent a request while it worked on another")


def kubectl_minor():
    """Which kubectl there is: 20 for v1.20, which is Debian 12's; 0: none."""
    try:
        said = subprocess.run(["kubectl", "version", "--client", "-o", "json"], capture_output=True, text=True, timeout=30,
                              check=False).stdout
        return int(re.match(r"\d+", json.loads(said)["clientVersion"]["minor"])[0])
    except (OSError, ValueError, KeyError, TypeError):
        return 0


# Older ones than v1.27 know no events --for, no wait --for=jsonpath, and print some things otherwise.
def needs_newer_kubectl(test):
    """With an older one there is no such test, rather than one that is passed over."""
    return test if kubectl_minor() >= 27 else None
