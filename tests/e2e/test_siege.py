"""While somebody besieges the gateway from 127.0.0.1, an ordinary client at 127.0.0.2 is served; afterwards all is as before."""
import contextlib
import os
import signal
import threading

import harness
import wire
from harness import TXT2IMG, service, stats

OTHER = "127.0.0.2"


def fds(gateway):
    return len(os.listdir(f"/proc/{gateway.process.pid}/fd"))


def counter(gateway, name):
    """A number of /metrics, by its name with labels; it is at most a second old."""
    for line in gateway.metrics().splitlines():
        if line.startswith(name + " "):
            return float(line.rsplit(" ", 1)[1])
    raise AssertionError(f"no metric {name}")


class Flood:
    """Many sockets of one peer that say what they are told and then wait."""

    def __init__(self, gateway, source="127.0.0.1"):
        self.gateway, self.source, self.clients = gateway, source, []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for client in self.clients:
            client.close()

    def add(self, count, octets=b""):
        for _ in range(count):
            client = wire.Connection(self.gateway.port, source=self.source)
            self.clients.append(client)
            with contextlib.suppress(OSError):
                client.send(octets)
        return self

    def drip(self, octets):
        for client in self.clients:
            with contextlib.suppress(OSError):
                client.send(octets)

    def ended(self):
        """How many of them the gateway has closed; takes what it said into their buffers."""
        count = 0
        for client in self.clients:
            client.socket.setblocking(False)
            try:
                while octets := client.socket.recv(1 << 16):
                    client.buffer += octets
                count += 1
            except BlockingIOError:
                pass
            except OSError:
                count += 1
        return count


class Siege(harness.TestCase):
    def besieged(self, own=None, **options):
        """A gateway with one ready pod, and what it has open when nothing happens."""
        gateway = self.gateway(service(scale={"min-scale": 1, "max-scale": 1}, own=own), **options)
        gateway.wait_for_ready(1)
        self.assert_status(self.ask(gateway), 200, gateway)
        gateway.base = fds(gateway)
        return gateway

    def wait_for_counter(self, gateway, name, least):
        gateway.wait(lambda: counter(gateway, name) >= least, f"{name} is {least} at least")

    def assert_served(self, gateway):
        self.assert_status(self.ask(gateway), 200, gateway)
        self.assert_status(gateway.generate(source=OTHER), 200, gateway)

    def assert_normal_again(self, gateway):
        self.assert_served(gateway)
        most = gateway.base + 8  # idle connections to the pod are kept for some seconds
        gateway.wait(lambda: fds(gateway) <= most, f"no more than {most} descriptors are open")
        gateway.wait(lambda: counter(gateway, "pilotlight_load_level") == 0, "the load is normal")
        self.assertEqual(self.ask(gateway, source="127.0.0.1").status, 200, gateway.tail())

    def ask(self, gateway, source=OTHER):
        return gateway.request("GET", "/sdapi/v1/samplers", source=source)

    def test_heads_that_drip_are_cut_at_the_deadline_of_the_whole_head(self):
        gateway = self.besieged(timeouts={"head": "1s"})
        with Flood(gateway).add(150, b"GET / HTTP/1.1\r\nHost: sd.default.example.com\r\nX-a: ") as flood:
            self.assert_served(gateway)

            def over():
                flood.drip(b"b")
                return flood.ended() == 150
            harness.wait_until(over, "every dripping head is cut", every=0.1)
        self.assert_normal_again(gateway)
        self.wait_for_counter(gateway, 'pilotlight_connections_closed_total{reason="slow_head"}', 150)

    def test_who_says_nothing_or_only_a_first_octet_late_has_no_more_time(self):
        gateway = self.besieged(timeouts={"head": "1s"})
        with Flood(gateway).add(150) as flood:
            self.assert_served(gateway)
            gateway.wait(lambda: flood.ended() == 150, "every silent connection is closed")
        self.assert_normal_again(gateway)

    def test_bodies_that_drip_are_answered_408_and_take_no_slot(self):
        gateway = self.besieged(timeouts={"body": "500ms"}, limits={"bodyRate": "10Ki"})
        head = wire.request_text("POST", TXT2IMG, headers={"Content-Length": "100000"})
        with Flood(gateway).add(100, head) as flood:
            self.assert_served(gateway)

            def over():
                flood.drip(b"b" * 10)
                return flood.ended() == 100
            harness.wait_until(over, "every dripping body is cut", every=0.1)
            self.assertTrue(all(c.buffer.startswith(b"HTTP/1.1 408 ") for c in flood.clients), flood.clients[0].buffer)
        self.assert_normal_again(gateway)
        self.assertEqual(stats(gateway.pods()[0].port)["byPath"].get(TXT2IMG), 2)  # the ordinary client's

    def test_a_slow_line_above_the_rate_is_not_cut(self):
        gateway = self.besieged(timeouts={"body": "300ms"}, limits={"bodyRate": "1Ki"})
        body = wire.prompt("x" * 20000)
        with gateway.connect() as client:
            client.send(wire.request_text("POST", TXT2IMG, headers={"Content-Length": str(len(body))}))
            for at in range(0, len(body), 2500):
                client.send(body[at:at + 2500])
                threading.Event().wait(0.1)
            self.assert_status(client.response(), 200, gateway)

    def test_idle_connections_are_closed_first_and_the_oldest_before_the_others(self):
        gateway = self.besieged(limits={"connections": 40})
        with Flood(gateway) as flood:
            for _ in range(30):
                flood.add(1, wire.request_text("GET", "/sdapi/v1/samplers"))
                flood.clients[-1].response()
            oldest, newest = flood.clients[0], flood.clients[-1]
            with Flood(gateway, "127.0.0.3").add(60):  # silent: they would fill it twice
                self.assert_served(gateway)
                gateway.wait(lambda: flood.ended() >= 1, "an idle connection made room")
                self.assertTrue(oldest.ended())
        self.assert_normal_again(gateway)
        self.wait_for_counter(gateway, 'pilotlight_connections_closed_total{reason="idle_shed"}', 1)

    def test_a_peer_has_its_connections_and_others_have_theirs(self):
        gateway = self.besieged(limits={"connectionsPerPeer": 20})
        with Flood(gateway).add(60) as flood:
            gateway.wait(lambda: flood.ended() == 40, "all above the limit are closed")
            self.assertIn(b"connectionsPerPeer", b"".join(c.buffer for c in flood.clients))
            self.assert_served(gateway)
            self.assertLessEqual(fds(gateway), gateway.base + 22)
        self.assert_normal_again(gateway)
        self.wait_for_counter(gateway, 'pilotlight_connections_closed_total{reason="peer_limit"}', 40)

    def test_a_trusted_proxy_has_no_such_limit(self):
        gateway = self.besieged(limits={"connectionsPerPeer": 5}, trustedProxies=["127.0.0.9"])
        with Flood(gateway, "127.0.0.9").add(20, b"GET / HTTP/1.1\r\n") as flood:
            self.assert_served(gateway)
            self.assertEqual(flood.ended(), 0)

    def test_churn_leaves_nothing_behind(self):
        gateway = self.besieged()
        stop = threading.Event()

        def churn(number):
            count = 0
            while not stop.is_set() and count < 2000:
                with contextlib.suppress(OSError):
                    client = wire.Connection(gateway.port)
                    client.send([b"", b"GET / HT", wire.request_text("GET", "/sdapi/v1/samplers")][count % 3])
                    client.reset() if number % 2 else client.close()
                count += 1
            return count
        threads = [threading.Thread(target=churn, args=(n,), daemon=True) for n in range(4)]
        for thread in threads:
            thread.start()
        for _ in range(5):
            self.assert_served(gateway)
        stop.set()
        for thread in threads:
            thread.join(20)
        self.assert_normal_again(gateway)

    def test_header_bombs_are_431_each_and_their_memory_is_gone(self):
        gateway = self.besieged(timeouts={"head": "2s"})
        with Flood(gateway) as flood:
            flood.add(100, b"GET / HTTP/1.1\r\n" + b"X-bomb: " + b"b" * 31_000)  # nearly all there may be, no end
            flood.add(20, b"GET / HTTP/1.1\r\n" + b"X-bomb: bbbb\r\n" * 4000)
            self.assert_served(gateway)
            gateway.wait(lambda: flood.ended() == 120, "all are cut")
            self.assertTrue(flood.clients[-1].buffer.startswith(b"HTTP/1.1 431 "), flood.clients[-1].buffer[:200])
        self.assert_normal_again(gateway)

    def test_without_descriptors_accepting_pauses_and_the_admin_address_answers(self):
        gateway = self.besieged(timeouts={"head": "1s"}, limits={"connections": 250},
                                prefix=["sh", "-c", 'ulimit -n 256; exec "$@"', "sh"])
        self.assertIn("256 descriptors are allowed", gateway.tail())
        with Flood(gateway).add(400, b"GET / HTTP/1.1\r\nX-a: ") as flood:  # not idle: nobody can be closed for another
            gateway.wait(lambda: counter(gateway, "pilotlight_accept_pauses_total") > 0, "accepting pauses")
            self.assertLess(fds(gateway), 256 - 16)
            for _ in range(20):
                self.assertTrue(gateway.is_ready())
            before = cpu_seconds(gateway)
            self.assertTrue(gateway.is_ready())
            self.assertLess(cpu_seconds(gateway) - before, 1)
            self.assert_served(gateway)  # in its turn: the deadline of heads makes room
            gateway.wait(lambda: flood.ended() == 400, "all are cut")
        self.assert_normal_again(gateway)

    def test_short_of_descriptors_idle_connections_make_room_at_once(self):
        gateway = self.besieged(prefix=["sh", "-c", 'ulimit -n 256; exec "$@"', "sh"])
        with Flood(gateway).add(400) as flood:  # silent: their deadline is ten seconds away
            self.assert_served(gateway)
            self.assertGreater(flood.ended(), 100)
        self.assert_normal_again(gateway)

    def test_memory_that_runs_out_ends_keep_alive_then_refuses_then_sheds(self):
        gateway = self.besieged(limits={"spoolMemory": "1Gi", "bodyMemory": "64Mi"}, simulator={"SERVICE": "2"})
        with open(f"/proc/{gateway.process.pid}/statm", encoding="utf-8") as file:
            resident = int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        limit = max(16 << 20, int(resident * 2.1))  # half of it is for bodies: with them it is nearly full
        gateway.gateway["spec"]["limits"]["memory"] = limit
        gateway.write("gateway", gateway.gateway)
        gateway.process.send_signal(signal.SIGHUP)
        gateway.wait(lambda: "Reloaded" in gateway.tail(), "the new limit is in force")
        body = wire.prompt("x" * (limit // 40))
        first = wire.Connection(gateway.port, source=OTHER)
        self.addCleanup(first.close)
        first.send(wire.request_text("POST", TXT2IMG, body=wire.prompt("works")))
        gateway.wait(gateway.busy, "the pod works")
        with Flood(gateway) as waiting:
            for _ in range(18):
                waiting.add(1, wire.request_text("POST", TXT2IMG, body=body))
            gateway.wait(lambda: "load: shed_queue" in gateway.tail(200), "the queue is shed")
            gateway.wait(waiting.ended, "somebody who waited was turned away")
            self.assertTrue(any(c.buffer.startswith(b"HTTP/1.1 503 ") for c in waiting.clients))
            self.assertEqual(waiting.clients[0].buffer, b"", "who came first waits on")
            refused = gateway.generate(source=OTHER)
            self.assert_status(refused, 503, gateway)
            self.assertTrue(refused["retry-after"])
            self.assertEqual(refused.json()["error"], "overloaded")
            self.assert_status(first.response(), 200, gateway)  # what works is left alone
        gateway.wait(lambda: counter(gateway, "pilotlight_load_level") == 0, "the load is normal again")
        self.assert_normal_again(gateway)
        self.wait_for_counter(gateway, 'pilotlight_overload_refused_total{what="waiting"}', 1)
        self.wait_for_counter(gateway, 'pilotlight_overload_refused_total{what="new"}', 1)

    def test_an_access_log_on_a_full_disk_loses_lines_and_no_request(self):
        gateway = self.besieged(log={"level": "info", "format": "json", "access": "/dev/full"})
        for _ in range(20):
            self.assert_served(gateway)
        gateway.wait(lambda: counter(gateway, "pilotlight_log_lines_lost_total") >= 20, "the lost lines are counted")
        self.assert_normal_again(gateway)

    def test_an_access_log_into_a_pipe_that_nobody_reads_holds_up_nobody(self):
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        os.set_inheritable(writer, True)
        gateway = self.besieged(log={"level": "info", "format": "json", "access": f"/proc/{os.getpid()}/fd/{writer}"})
        self.addCleanup(os.close, writer)
        with gateway.connect(source=OTHER) as client:
            text = wire.request_text("GET", "/status-that-is-nowhere?" + "x" * 500, host="nowhere.example.org") * 50
            for _ in range(200):  # some 10 MB of lines: more than the pipe and the queue hold
                client.send(text)
                for _ in range(50):
                    client.response()
        self.assert_served(gateway)
        gateway.wait(lambda: counter(gateway, "pilotlight_log_lines_lost_total") > 0, "the lost lines are counted")
        gateway.process.terminate()
        gateway.process.wait(10)  # nor does it hold up the end


def cpu_seconds(gateway):
    with open(f"/proc/{gateway.process.pid}/stat", encoding="utf-8") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
