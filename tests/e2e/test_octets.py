"""The raw cases of tests/http, through a real gateway with recording pods: octets in, octets out, both ways."""
import os
import re
import signal
import sys
import threading
import unittest

import harness
from harness import service

sys.path.insert(0, os.path.join(harness.ROOT, "tests", "http"))
import cases as http  # noqa: E402

# What the gateway adds to each request, as it must be where a case says nothing of it.
OWN_FIELDS = {
    b"x-forwarded-for": rb"127\.0\.0\.1", b"x-forwarded-host": None, b"x-forwarded-proto": rb"http",
    b"via": rb"1\.1 pilotlight", b"x-request-id": rb"[0-9a-f]{16}",
    b"traceparent": rb"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}"}
OWN_ANSWER_FIELDS = {b"server-timing": rb"queue;dur=.*", b"x-request-id": rb"[0-9a-f]{16}",
                     b"date": rb"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT"}
LANES = 4  # services side by side, each with a pod of its own and a client that plays one case after another


def without_own(message, fields, said):
    """The message's octets without the fields that the gateway adds, if each is there once and as it should be."""
    kept, wrong = [], []
    host = b"".join(message.all(b"Host")[:1])
    for name, pattern in fields.items():
        values = message.all(name)
        if re.search(rb"(?im)^" + re.escape(name) + rb":", said):
            continue
        if len(values) != 1 or not re.fullmatch(pattern if pattern is not None else re.escape(host), values[0]):
            wrong.append(f"{name.decode()} is {values}")
    for line in message.lines:
        name = line.partition(b":")[0].lower()
        if name not in fields or re.search(rb"(?im)^" + re.escape(name) + rb":", said):
            kept.append(line)
    return b"\r\n".join([message.first, *kept, b"", b""]) + message.body, wrong


def compared(got, want):
    return "" if got == want else f"\n      got  {got!r}\n      want {want!r}"


class Octets(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.requests, cls.responses = http.all_of("requests"), http.all_of("responses")
        cls.pods = [http.RecordingPod() for _ in range(LANES)]
        names = [chr(ord("a") + lane) for lane in range(LANES)]
        cls.hosts = [f"{name}.default.example.com".encode() for name in names]
        before = os.environ.get("PILOTLIGHT_WORKERS")
        os.environ["PILOTLIGHT_WORKERS"] = "1"  # all clients share one store of idle pod connections
        try:
            cls.gw = harness.Gateway(
                *(service(name, concurrency=0, own={"profile": "strict", "retry": "0"}, scale={"min-scale": 1, "max-scale": 1})
                  for name in names),
                driver={"static": {"pods": {f"default/{n}": [p.address] for n, p in zip(names, cls.pods)}}})
        finally:
            os.environ.pop("PILOTLIGHT_WORKERS")
            if before is not None:
                os.environ["PILOTLIGHT_WORKERS"] = before
        for host in cls.hosts:
            cls.gw.wait(lambda h=host: not http.own(cls.gw.port, h, "warm"), "the pod answers")

    @classmethod
    def tearDownClass(cls):
        cls.gw.end()
        for pod in cls.pods:
            pod.close()

    def in_lanes(self, cases, play):
        """play(case, host, pod) for all cases, in several lanes; fails with everything that was wrong."""
        wrong, only = [], os.environ.get("OCTETS")  # OCTETS=name: a part of a case's name
        cases = [case for case in cases if not only or only in case.name]

        def run(lane):
            for case in cases[lane::LANES]:
                try:
                    complaints = play(case, self.hosts[lane], self.pods[lane])
                except Exception as error:  # a lane goes on: all that is wrong in one run
                    complaints = [repr(error)]
                wrong.extend(f"{case.name} ({case.place}): {c}" for c in complaints)
        threads = [threading.Thread(target=run, args=(lane,)) for lane in range(LANES)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if wrong:
            self.fail(f"{len(wrong)} complaints about {len(cases)} cases:\n" + "\n".join(sorted(wrong)))

    def request_case(self, case, host, pod, how):
        played = http.play(case, self.gw.port, host, pod, how)
        complaints = list(played.wrong)
        if not complaints and (stranger := http.own(self.gw.port, host, "stranger")):
            complaints.append(stranger)
        seen = [s.message for s in pod.seen if b" /own-" not in s.message.first]
        if len(seen) != len(case.seen):
            complaints.append(f"the pod has seen {len(seen)} requests, not {len(case.seen)}: {seen}")
        for message, want in zip(seen, case.seen):
            want = want.replace(b"$H", host)
            got, wrong = without_own(message, OWN_FIELDS, want)
            complaints += wrong
            if difference := compared(got, want):
                complaints.append(difference)
        if case.answer is not None and played.answers:
            got, wrong = without_own(played.answers[-1], OWN_ANSWER_FIELDS, case.answer)
            complaints += wrong + [d for d in [compared(got, case.answer.replace(b"$H", host))] if d]
        return complaints

    def test_every_request_is_read_in_one_way_or_refused(self):
        self.in_lanes(self.requests, lambda *args: self.request_case(*args, "whole"))

    def test_every_request_is_read_the_same_octet_by_octet(self):
        small = [case for case in self.requests if len(case.octets()) < 1000]
        self.in_lanes(small, lambda *args: self.request_case(*args, "octets"))

    def test_some_requests_in_two_halves(self):
        self.in_lanes(self.requests[::5], lambda *args: self.request_case(*args, "halves"))

    def response_case(self, case, host, pod):
        pod.hang_up()
        played = http.play(case, self.gw.port, host, pod)
        complaints = list(played.wrong)
        for number in range(3):
            if stranger := http.own(self.gw.port, host, f"stranger-{number}"):
                complaints.append(stranger)
        scripted = [s for s in pod.seen if s.connection == pod.scripted]
        own = [s for s in scripted if b" /own-" in s.message.first]
        if case.expected.pod == "dropped" and own:
            complaints.append("the pod's connection was used again")
        if case.expected.pod == "kept" and not own:
            complaints.append("the pod's connection was not used again")
        if case.answer is not None and played.answers:
            got, wrong = without_own(played.answers[-1], OWN_ANSWER_FIELDS, case.answer)
            complaints += wrong + [d for d in [compared(got, case.answer)] if d]
        return complaints

    def test_every_answer_of_a_pod_is_read_in_one_way_or_refused(self):
        self.in_lanes(self.responses, self.response_case)

    def test_there_are_as_many_cases_as_we_say_and_the_table_names_them(self):
        self.assertGreaterEqual(len(self.requests), 250)
        self.assertGreaterEqual(len(self.responses), 100)
        names = {case.name for case in self.requests + self.responses}
        with open(os.path.join(harness.ROOT, "docs", "http.md"), encoding="utf-8") as file:
            said = set(re.findall(r"`([a-z0-9][\w.*-]*)`", re.sub(r"(?s)```.*?```", "", file.read().split("## Choices")[0])))
        self.assertGreater(len(said), 100, "docs/http.md names hardly any case")
        for name in said:
            pattern = re.compile(re.escape(name).replace(r"\*", ".*"))
            self.assertTrue(any(pattern.fullmatch(n) for n in names), f"docs/http.md names {name}, which is no case")


class Instances(harness.TestCase):
    def test_another_pod_at_the_same_address_gets_nothing_on_its_predecessors_connections(self):
        pod = http.RecordingPod()
        self.addCleanup(pod.close)
        alone = {"own": {"profile": "strict"}, "scale": {"min-scale": 1, "max-scale": 1}, "concurrency": 0}
        gateway = self.gateway(service("old", **alone), driver={"static": {"pods": {"*": [pod.address]}}})

        def ask(name):
            return http.own(gateway.port, f"{name}.default.example.com".encode(), name)
        gateway.wait(lambda: not ask("old"), "the old service's pod answers")
        gateway.write("service-0", service("new", **alone))
        gateway.process.send_signal(signal.SIGHUP)
        gateway.wait(lambda: not ask("new"), "the new service's pod, at the same address, answers")
        of = {name: {s.connection for s in pod.seen if s.message.first.startswith(f"GET /own-{name} ".encode())}
              for name in ("old", "new")}
        self.assertTrue(of["old"] and of["new"])
        self.assertFalse(of["old"] & of["new"], "a connection of another instance was used")
