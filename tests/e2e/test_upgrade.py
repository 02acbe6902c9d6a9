"""A new binary takes the place of a gateway that works."""
import os
import shutil
import signal
import stat
import subprocess
import threading
import time

import harness
import tls
from harness import AFFINITY, BIN, TXT2IMG, Hey, concurrently, service, stats
from wire import prompt, request_text


class Upgrade(harness.TestCase):
    """The gateway runs from a folder of its own, in which its binary can be replaced."""

    def old(self, *manifests, tls=None, **options):
        gateway = self.gateway(*manifests, start=False, **options)
        if tls:
            gateway.gateway["spec"]["listeners"][0]["tls"] = tls
            gateway.write("gateway", gateway.gateway)
        self.folder = os.path.join(gateway.folder, "bin")
        os.mkdir(self.folder)
        self.install(os.path.join(BIN, "pilotlight"))
        self.processes = []
        self.addCleanup(self.end_successors)
        with open(gateway.log, "ab") as log:
            gateway.process = subprocess.Popen(
                [os.path.join(self.folder, "pilotlight"), "serve", "-f", gateway.manifests], stdout=log, stderr=log,
                stdin=subprocess.DEVNULL, cwd=gateway.folder)
        gateway.wait(gateway.is_ready, "the gateway serves")
        return gateway

    def end_successors(self):
        for pid in self.processes:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def install(self, source, script=None):
        path = os.path.join(self.folder, "pilotlight")
        if script is None:
            shutil.copy(source, path + ".new")
        else:
            with open(path + ".new", "w", encoding="utf-8") as file:
                file.write(script)
            os.chmod(path + ".new", stat.S_IRWXU)
        os.replace(path + ".new", path)

    def upgrade(self, gateway):
        """`pilotlight upgrade`: its exit status and words; a new process is remembered, and ended with the test."""
        done = subprocess.run([os.path.join(BIN, "pilotlight"), "upgrade", "--state-dir",
                               os.path.join(gateway.folder, "state")], capture_output=True, text=True, timeout=60,
                              check=False)
        words = done.stdout + done.stderr
        if done.returncode == 0:
            self.processes.append(int(words.split("process ")[1].split()[0]))
        return done.returncode, words

    @staticmethod
    def lines(gateway):
        with open(gateway.log, encoding="utf-8") as log:
            return [line for line in log if "was started as process" in line]

    def started(self, gateway):
        return len(self.lines(gateway))

    def last_started(self, gateway):
        return int(self.lines(gateway)[-1].split("was started as process ")[1].split('"')[0])

    def assert_ended_well(self, gateway, seconds=30):
        self.assertEqual(gateway.process.wait(seconds), 0, gateway.tail(80))

    def test_hey_runs_without_an_error_through_two_swaps_and_warm_pods_keep_their_process_ids(self):
        gateway = self.old(service(scale={"min-scale": 3, "max-scale": 3}))
        gateway.wait_for_ready(3)
        before = {pod.name: pod.pid for pod in gateway.pods()}
        run = []
        thread = threading.Thread(target=lambda: run.append(Hey(gateway.port, 150, 6, "sd.default.example.com")))
        thread.start()
        for swap in range(2):
            time.sleep(0.7)  # hey is in the middle of it
            self.install(os.path.join(BIN, "pilotlight"))
            status, words = self.upgrade(gateway)
            self.assertEqual(status, 0, words + gateway.tail(80))
            if swap == 0:
                self.assert_ended_well(gateway)
        self.assertTrue(thread.is_alive(), "hey was over before the last swap; the test proves nothing")
        thread.join(60)
        self.assertEqual(run[0].statuses, [200] * 150, run[0].output[-500:] + gateway.tail(80))
        gateway.wait(lambda: not os.path.exists(f"/proc/{self.processes[0]}"), "the second process has ended")
        self.assertEqual({pod.name: pod.pid for pod in gateway.pods()}, before, gateway.tail(80))
        self.assertEqual(len(gateway.ready_pods()), 3)
        self.assert_one_at_a_time(gateway.stats())

    def test_a_generation_runs_across_the_swap_and_its_pod_follows_with_who_waits_for_it_behind(self):
        gateway = self.old(service(scale={"min-scale": 1, "max-scale": 1}), simulator={"SERVICE": "1.5"})
        gateway.wait_for_ready(1)
        pod = gateway.pods()[0].pid
        with gateway.connect() as runs, gateway.connect() as waits:
            runs.send(request_text("POST", TXT2IMG, body=prompt("runs")))
            gateway.wait(gateway.busy, "it works")
            waits.send(request_text("POST", TXT2IMG, body=prompt("waits")))
            time.sleep(0.1)
            status, words = self.upgrade(gateway)
            self.assertEqual(status, 0, words)
            # What takes no slot reaches the pod although the old process still has it: progress, pictures, pages.
            for _ in range(3):
                self.assert_status(gateway.request("GET", "/sdapi/v1/progress"), 200, gateway)
            self.assertIsNone(gateway.process.poll(), "the old process is gone already; the test proves nothing")
            late = gateway.generate("late")
            self.assert_status(runs.response(), 200, gateway)
            self.assert_status(waits.response(), 200, gateway)
            self.assert_status(late, 200, gateway)
            # The very connections live on with the new process.
            runs.send(request_text("POST", TXT2IMG, body=prompt("again")))
            self.assert_status(runs.response(), 200, gateway)
            self.assert_ended_well(gateway)
            waits.send(request_text("GET", "/internal/ping"))
            self.assert_status(waits.response(), 200, gateway)
        self.assertEqual([p.pid for p in gateway.pods()], [pod])
        self.assert_one_at_a_time(gateway.stats())
        # The status of a pod that the new process did not start is known all the same, and it is replaced.
        gateway.pods()[0].kill()
        gateway.wait(lambda: [p.pid for p in gateway.listening()] not in ([], [pod]), "another pod")

    def test_a_slow_upload_that_began_before_the_swap_is_served_after_it(self):
        gateway = self.old(service(scale={"min-scale": 1, "max-scale": 1}))
        gateway.wait_for_ready(1)
        with gateway.connect() as client:
            text = request_text("POST", TXT2IMG, body=prompt("slow"))
            client.send(text[:-10])
            time.sleep(0.2)
            self.assertEqual(self.upgrade(gateway)[0], 0)
            client.send(text[-10:])
            self.assert_status(client.response(), 200, gateway)
        self.assert_ended_well(gateway)

    def test_whoever_comes_over_tls_anew_for_each_request_notices_nothing(self):
        authority = tls.Authority()
        self.addCleanup(authority.folder.cleanup)
        certificate, key = authority.issue("main", ["DNS:*.default.example.com"])
        gateway = self.old(service(scale={"min-scale": 2, "max-scale": 2}), tls={"certificates": [
            {"certificate": certificate, "key": key}]})
        gateway.wait_for_ready(2)
        over = threading.Event()
        context = authority.context()

        def client(_):
            answers = []
            while not over.is_set():
                with tls.Connection(gateway.port, context, name="sd.default.example.com") as connection:
                    connection.send(request_text("POST", TXT2IMG, host="sd.default.example.com", body=prompt()))
                    answers.append(connection.response().status)
            return answers

        def swap(_):
            time.sleep(0.5)
            try:
                return self.upgrade(gateway)[0]
            finally:
                time.sleep(0.5)
                over.set()
        *answers, status = concurrently(4, lambda i: swap(i) if i == 3 else client(i))
        self.assertEqual(status, 0)
        self.assertEqual({one for each in answers for one in each}, {200}, f"{answers}\n{gateway.tail(60)}")
        self.assert_ended_well(gateway)
        self.assert_one_at_a_time(gateway.stats())

    def test_a_browser_finds_its_pod_again(self):
        gateway = self.old(service(scale={"min-scale": 3, "max-scale": 3}, annotations=AFFINITY))
        gateway.wait_for_ready(3)
        answer = gateway.generate("first")
        cookie = answer["set-cookie"].split(";")[0]
        home = [name for name, seen in gateway.stats().items() if seen["runs"]]
        self.assertEqual(self.upgrade(gateway)[0], 0)
        self.assert_ended_well(gateway)
        for answer in concurrently(3, lambda _: gateway.generate("again", headers={"Cookie": cookie})):
            self.assert_status(answer, 200, gateway)
        self.assertEqual([name for name, seen in gateway.stats().items() if seen["runs"]], home)

    def test_a_binary_that_cannot_serve_changes_nothing_and_it_says_why(self):
        gateway = self.old(service(scale={"min-scale": 1, "max-scale": 1}))
        gateway.wait_for_ready(1)
        pod = gateway.pods()[0].pid
        cases = {"crashes": ("#!/bin/sh\nkill -SEGV $$\n", "signal 11"),
                 "ends": ("#!/bin/sh\nexit 3\n", "status 3")}
        with gateway.connect() as client:
            for name, (script, why) in cases.items():
                self.install(None, script)
                status, words = self.upgrade(gateway)
                self.assertEqual(status, 1, f"{name}: {words}")
                self.assertIn(why, words)
                client.send(request_text("POST", TXT2IMG, body=prompt(name)))
                self.assert_status(client.response(), 200, gateway)
            self.install(None, "#!/bin/sh\nexec sleep 100\n")
            hangs = threading.Thread(target=lambda: self.assertEqual(self.upgrade(gateway)[0], 1))
            hangs.start()
            gateway.wait(lambda: self.started(gateway) == 3, "it was started")
            self.assertIn("on its way", self.upgrade(gateway)[1])
            self.assert_status(gateway.generate("meanwhile"), 200, gateway)
            os.kill(self.last_started(gateway), signal.SIGKILL)
            hangs.join(20)
            self.install(os.path.join(BIN, "pilotlight"))
            gateway.write("wrong", "apiVersion: pilotlight.dev/v1\nkind: Gateway\nspec: {nonsense: 1}\n")
            status, words = self.upgrade(gateway)
            self.assertEqual(status, 1, words)
            self.assertIn("a second Gateway", words)
            os.remove(os.path.join(gateway.manifests, "wrong.yaml"))
            client.send(request_text("POST", TXT2IMG, body=prompt("still there")))
            self.assert_status(client.response(), 200, gateway)
            status, words = self.upgrade(gateway)  # and a good one takes over after all
            self.assertEqual(status, 0, words)
        self.assert_ended_well(gateway)
        self.assertEqual([p.pid for p in gateway.pods()], [pod], gateway.tail(80))

    def test_a_changed_container_gets_new_pods_and_never_two_at_once(self):
        gateway = self.old(service(scale={"min-scale": 1, "max-scale": 1}))
        gateway.wait_for_ready(1)
        before = gateway.pods()[0].pid
        name = gateway.ready_pods()[0]
        gateway.write("service-0", service(scale={"min-scale": 1, "max-scale": 1},
                                           container={"env": [{"name": "NEW", "value": "1"}]}))
        with harness.Watcher(gateway) as watcher:
            self.assertEqual(self.upgrade(gateway)[0], 0)
            self.assert_status(gateway.generate("after"), 200, gateway)
            gateway.wait(lambda: [p.pid for p in gateway.listening()] not in ([], [before]), "a new pod")
        self.assertEqual(watcher.peak, 1, gateway.tail(80))
        events = gateway.api("/api/v1/events")["items"]
        self.assertIn((name, "Killing"), [(e["involvedObject"]["name"], e["reason"]) for e in events], "it was not stopped")

    def test_a_pod_that_the_new_gateway_ends_has_its_grace_and_no_other_upgrade_comes_between(self):
        scale = {"min-scale": 1, "max-scale": 1}
        gateway = self.old(service(scale=scale), simulator={"PID1": "on"})  # which takes all its grace
        gateway.wait_for_ready(1)
        before = gateway.pods()[0].pid
        gateway.write("service-0", service(scale=scale, container={"env": [{"name": "NEW", "value": "1"}]},
                                           terminationGracePeriodSeconds=3))
        with harness.Watcher(gateway) as watcher:
            self.assertEqual(self.upgrade(gateway)[0], 0)
            self.assert_ended_well(gateway)
            status, words = self.upgrade(gateway)
            self.assertEqual([p.pid for p in gateway.pods()], [before], "the grace is over; the test proves nothing")
            self.assertEqual(status, 1, words)
            self.assertIn("still ending", words)
            gateway.wait(lambda: [p.pid for p in gateway.listening()] not in ([], [before]), "a new pod")
        self.assertEqual(watcher.peak, 1, gateway.tail(80))
        self.assertEqual(self.upgrade(gateway)[0], 0)

    def test_when_the_new_process_dies_while_the_old_one_still_works_the_old_one_serves_again(self):
        gateway = self.old(service(scale={"min-scale": 1, "max-scale": 1}), simulator={"SERVICE": "3"})
        gateway.wait_for_ready(1)
        with gateway.connect() as runs:
            runs.send(request_text("POST", TXT2IMG, body=prompt("runs")))
            gateway.wait(gateway.busy, "it works")
            self.assertEqual(self.upgrade(gateway)[0], 0)
            os.kill(self.processes[-1], signal.SIGKILL)
            self.assert_status(gateway.request("GET", "/internal/ping"), 200, gateway)
            self.assert_status(runs.response(), 200, gateway)
        self.assertIsNone(gateway.process.poll(), "the old process has ended")
        self.assert_status(gateway.generate("after"), 200, gateway)

    def test_whoever_is_told_to_stop_after_the_swap_takes_the_old_process_along(self):
        gateway = self.old(service(scale={"min-scale": 1, "max-scale": 1}), simulator={"SERVICE": "1.5"})
        gateway.wait_for_ready(1)
        with gateway.connect() as runs:
            runs.send(request_text("POST", TXT2IMG, body=prompt("runs")))
            gateway.wait(gateway.busy, "it works")
            self.assertEqual(self.upgrade(gateway)[0], 0)
            os.kill(self.processes[-1], signal.SIGTERM)
            self.assert_status(runs.response(), 200, gateway)
        self.assert_ended_well(gateway)
        gateway.wait_for_no_pods()
