"""The logs: levels by hand, files that are moved away, and disks and pipes that take nothing."""
import json
import os
import signal
import subprocess
import threading
import unittest

import harness
import wire
from harness import service

LIGHT = wire.request_text("GET", "/nowhere?" + "x" * 400, host="nowhere.example.org")
JSON = {"Content-Type": "application/json"}
# In a namespace of its own, with a disk of 64 KiB at $0 on which its own log is.
SMALL_DISK = ["unshare", "-m" if os.geteuid() == 0 else "-rm", "sh", "-c",
              'mount -t tmpfs -o size=64k none "$0" && exec "$@" 2>>"$0/own.log"']


def has_small_disks():
    try:
        return subprocess.run([*SMALL_DISK[:-1], 'mount -t tmpfs none "$0"', "/mnt"], capture_output=True, timeout=10,
                              check=False).returncode == 0
    except OSError:
        return False


def lines_of(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.endswith("\n")]


class Logs(harness.TestCase):
    def logging(self, gateway, method="GET", levels=None):
        body = json.dumps({"levels": levels}).encode() if levels is not None else None
        return wire.request(gateway.admin, method, "/logging", host=f"127.0.0.1:{gateway.admin}", headers=JSON, body=body)

    def with_audit(self, start=True):
        gateway = self.gateway(service(), start=False)
        self.audit = os.path.join(gateway.folder, "audit.log")
        gateway.gateway["spec"]["log"].update({"audit": self.audit, "level": "info"})
        gateway.write("gateway", gateway.gateway)
        return gateway.start() if start else gateway

    def lost(self, gateway):
        for line in gateway.metrics().splitlines():
            if line.startswith("pilotlight_log_lines_lost_total "):
                return float(line.rsplit(" ", 1)[1])
        raise AssertionError("no such metric")

    def flood(self, gateway, count):
        with gateway.connect() as client:
            for _ in range(count // 50):
                client.send(LIGHT * 50)
                for _ in range(50):
                    self.assertEqual(client.response().status, 404)

    def cli(self, gateway, *words):
        return subprocess.run([os.path.join(harness.BIN, "pilotlight"), "log-level", "--server",
                               f"http://127.0.0.1:{gateway.admin}", *words],
                              capture_output=True, text=True, timeout=20, check=False)

    def test_levels_change_by_hand_until_the_next_reload(self):
        gateway = self.with_audit()
        said = self.cli(gateway, "admin", "debug")
        self.assertEqual((said.returncode, said.stderr), (0, ""))
        self.assertRegex(said.stdout, r"(?m)^admin +debug +hand$")
        self.assertRegex(said.stdout, r"(?m)^pods +info +manifest$")
        self.assertIn("holds until the next reload (SIGHUP), restart or upgrade", said.stdout)
        self.assertEqual(self.logging(gateway).json()["setByHand"], ["admin"])
        wrong = self.cli(gateway, "pod", "debug")
        self.assertEqual(wrong.returncode, 1)
        self.assertIn('"pod" is no subsystem; they are proxy, scaler, pods', wrong.stderr)
        self.assertEqual(self.logging(gateway, "PUT", {"pods": "loud"}).status, 422)
        done, failed = gateway.wait(lambda: len(found := lines_of(self.audit)) >= 3 and found, "audit lines")[:2]
        self.assertEqual((done["verb"], done["path"], done["what"], done["code"]), ("patch", "/logging", "levels.admin", 200))
        self.assertEqual((failed["audit"], failed["code"]), ("failed", 422))
        gateway.process.send_signal(signal.SIGHUP)
        gateway.wait(lambda: not self.logging(gateway).json()["setByHand"], "the manifest is in force again")
        self.cli(gateway, "all", "off")
        self.assertEqual(set(self.logging(gateway).json()["levels"].values()), {"off"})
        self.assertRegex(self.cli(gateway, "--reset").stdout, r"(?m)^proxy +info +manifest$")

    def test_each_line_is_an_object_with_what_it_is_about(self):
        gateway = self.with_audit()
        self.assert_status(gateway.generate(), 200, gateway)
        ready = gateway.wait(lambda: [e for e in lines_of(gateway.log) if e.get("event") == "Ready"], "the pod's line")[0]
        self.assertEqual((ready["level"], ready["subsystem"], ready["kind"], ready["namespace"]),
                         ("info", "pods", "Pod", "default"))
        self.assertIn(ready["pod"], ready["message"])

    def test_files_that_are_moved_away_are_begun_anew_and_no_line_is_lost(self):
        gateway = self.with_audit()
        asked = []

        def ask():
            with gateway.connect() as client:
                while not over.is_set():
                    client.send(wire.request_text("GET", "/nowhere", host="nowhere.example.org",
                                                  headers={"X-Request-Id": f"r{len(asked)}"}))
                    client.response()
                    asked.append(f"r{len(asked)}")
        over = threading.Event()
        asker = threading.Thread(target=ask)
        asker.start()
        try:
            for turn in range(3):
                self.assertEqual(self.logging(gateway, "PATCH", {"pods": "debug"}).status, 200)
                for path in (gateway.access_log, self.audit):
                    os.rename(path, f"{path}.{turn}")
                gateway.process.send_signal(signal.SIGUSR1)
                gateway.wait(lambda: all(os.path.exists(path) for path in (gateway.access_log, self.audit)), "new files")
                self.assertEqual(self.logging(gateway, "PATCH", {"pods": "info"}).status, 200)
        finally:
            over.set()
            asker.join(20)

        def all_of(path):
            return [line for name in (f"{path}.0", f"{path}.1", f"{path}.2", path) for line in lines_of(name)]
        gateway.wait(lambda: len(all_of(gateway.access_log)) >= len(asked), "all lines")
        self.assertEqual([line["requestId"] for line in all_of(gateway.access_log)], asked)
        self.assertEqual(len(all_of(self.audit)), 6)
        self.assertTrue(lines_of(self.audit))
        self.assertEqual(gateway.tail(400).count("audit.log was opened anew"), 3)
        self.assertEqual(self.lost(gateway), 0)

    @unittest.skipUnless(has_small_disks(), "needs unshare and mount")
    def test_a_full_disk_loses_lines_of_all_logs_and_no_request_and_tells_when_there_is_room_again(self):
        gateway = self.gateway(service(scale={"min-scale": 1}), start=False)
        disk = os.path.join(gateway.folder, "disk")
        os.mkdir(disk)
        names = ("access", "audit", "own")
        gateway.gateway["spec"]["log"] = {"format": "json", **{k: f"{disk}/{k}.log" for k in names[:2]}}
        gateway.write("gateway", gateway.gateway)
        gateway.prefix = [*SMALL_DISK, disk]
        gateway.start()
        seen = {name: f"/proc/{gateway.process.pid}/root{disk}/{name}.log" for name in names}
        gateway.wait_for_ready(1)
        self.flood(gateway, 500)
        gateway.wait(lambda: self.lost(gateway) > 50, "the disk is full")
        for _ in range(20):
            self.assertEqual(self.logging(gateway, "PATCH", {"pods": "debug"}).status, 200)
            self.assert_status(gateway.generate(), 200, gateway)
        gateway.process.send_signal(signal.SIGHUP)  # something to say in its own log
        gateway.wait(lambda: self.lost(gateway) >= 400, "all lines since then are counted")
        for path in seen.values():
            os.truncate(path, 0)

        def told():
            self.logging(gateway, "PATCH", {"pods": "debug"})
            self.flood(gateway, 50)
            texts = [line["message"] for line in lines_of(seen["own"]) if "is written again" in line["message"]]
            return len({text.split(" is ")[0] for text in texts}) >= 2 and texts
        for text in gateway.wait(told, "it is told that the logs are written again"):
            self.assertRegex(text, r"lines lost before that: \d+ \(No space left on device\)")
        for path in list(seen.values())[:2]:
            with open(path, encoding="utf-8") as file:
                for line in file.read().lstrip("\0").splitlines()[1:-1]:
                    json.loads(line)  # whole, and not run into one another

    def test_pipes_that_nobody_reads_hold_up_nobody_and_tell_what_was_lost_when_they_are_read(self):
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        gateway = self.gateway(service(), start=False)
        gateway.gateway["spec"]["log"] = {"format": "json", "access": "stdout", "audit": "log"}
        gateway.write("gateway", gateway.gateway)
        gateway.prefix = ["sh", "-c", f'exec "$@" >/proc/{os.getpid()}/fd/{writer} 2>&1', "sh"]
        gateway.start()
        os.close(writer)
        self.flood(gateway, 20000)  # more than the pipe and the queue hold
        for _ in range(50):
            self.assertEqual(self.logging(gateway, "PATCH", {"pods": "debug"}).status, 200)
        self.assert_status(gateway.generate(), 200, gateway)
        gateway.wait(lambda: self.lost(gateway) > 50, "the lost lines are counted")
        heard = []

        def hear():
            while octets := os.read(reader, 1 << 16):
                heard.append(octets)
        hearer = threading.Thread(target=hear)
        hearer.start()

        def told():
            self.logging(gateway, "PATCH", {"pods": "debug"})
            self.flood(gateway, 50)
            return b"the request log on standard output is written again; lines lost" in b"".join(heard)
        gateway.wait(told, "the lost lines are told")
        gateway.process.terminate()
        gateway.process.wait(10)
        hearer.join(10)
        for line in b"".join(heard).decode().splitlines():
            json.loads(line)
