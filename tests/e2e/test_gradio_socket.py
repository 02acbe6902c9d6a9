"""Gradio 3's page through the gateway: one WebSocket an event, of which only generations wait for a slot."""
import json
import threading
import time

import harness
import wire
from harness import service, stats
from recording_pod import RecordingPod, static
from test_streams import switch
from ws import BINARY, CLOSE, PING, TEXT, Event, Socket, frame, run

TXT2IMG, INTERRUPT, TOKENS, RESTORE = 1, 2, 4, 7


def picture(task, *more):
    return [f"task({task})", "pretty dog", *more]


class Base(harness.TestCase):
    def one_pod(self, seconds, **options):
        gateway = self.gateway(service(scale={"min-scale": 1, "max-scale": 1}), simulator={"SERVICE": str(seconds)},
                               **options)
        gateway.wait_for_ready(1)
        return gateway, gateway.pods()[0]

    def event(self, gateway, data, **options):
        event = Event(gateway.port, data, **options)
        self.addCleanup(event.leave)
        return event.submit()

    def working(self, gateway, pod):
        gateway.wait(lambda: stats(pod.port)["gpu"] == 1, "the pod works")

    def assert_done(self, result, gateway):
        message, code = result
        self.assertTrue(message["success"], f"{message}\n{gateway.tail()}")
        self.assertEqual(code, 1000)

    def last_access(self, gateway, count):
        return gateway.wait(lambda: len(lines := gateway.access()) >= count and lines, f"{count} lines in the access log")


class GradioTasks(Base):
    def test_a_generation_on_the_page_starts_a_pod_from_zero(self):
        gateway = self.gateway(service())
        with Event(gateway.port, picture("zero")) as event:
            self.assertIsNone(event.answer["sec-websocket-extensions"])
            self.assert_done(event.result(), gateway)
            estimation = next(m for m in event.messages if m["msg"] == "estimation")
            self.assertEqual((estimation["rank"], estimation["queue_size"]), (0, 1), "its place, while the pod starts")
            said = [message["msg"] for message in event.messages]
        self.assertEqual(said[:2], ["send_hash", "send_data"])
        self.assertIn("process_starts", said)
        self.assertEqual(said.count("send_hash"), 1, "the pod's own questions are answered by the gateway")
        line = self.last_access(gateway, 1)[-1]
        self.assertEqual((line["status"], line["class"]), (101, "W"), line)

    def test_two_generations_of_one_page_come_one_after_the_other(self):
        gateway, pod = self.one_pod(0.3)
        events = [self.event(gateway, picture(f"t{n}")) for n in range(3)]
        for event in events:
            self.assert_done(event.result(), gateway)
        seen = stats(pod.port)
        self.assert_one_at_a_time({"pod": seen})
        self.assertEqual([run["task"] for run in seen["runs"]], ["task(t0)", "task(t1)", "task(t2)"])

    def test_generations_of_the_page_and_of_the_api_share_the_slots(self):
        gateway, pod = self.one_pod(0.2)

        def work(number):
            if number % 2:
                return gateway.generate(f"api {number}").status == 200
            return run(gateway.port, picture(f"t{number}"), session=f"s{number}")[0]["success"]
        self.assertEqual(harness.concurrently(6, work), [True] * 6, gateway.tail())
        self.assert_one_at_a_time({"pod": stats(pod.port)})

    def test_a_token_counter_does_not_wait_for_a_slot(self):
        gateway, pod = self.one_pod(1.5)
        task = self.event(gateway, picture("long"))
        self.working(gateway, pod)
        waits = self.event(gateway, picture("waits"))
        counter = self.event(gateway, ["pretty dog", 20], fn=TOKENS)
        gateway.wait(lambda: stats(pod.port)["ws"] == 2, "the counter is with the pod while the task runs")
        self.assertEqual(stats(pod.port)["gpu"], 1, "the first task still runs")
        for event in (counter, task, waits):
            self.assert_done(event.result(), gateway)
        self.assert_one_at_a_time({"pod": stats(pod.port)})

    def test_interrupt_reaches_the_pod_that_works_for_its_page(self):
        gateway = self.gateway(service(scale={"min-scale": 2, "max-scale": 2}), simulator={"SERVICE": "5"})
        gateway.wait_for_ready(2)
        tasks = [self.event(gateway, picture(f"p{n}"), session=f"page{n}") for n in range(2)]
        gateway.wait(lambda: len(gateway.busy()) == 2, "both pods work")
        began = time.monotonic()
        self.assert_done(run(gateway.port, [], fn=INTERRUPT, session="page1"), gateway)
        self.assert_done(tasks[1].result(), gateway)
        self.assertLess(time.monotonic() - began, 4)
        self.assertEqual(len(gateway.busy()), 1, "the other page's pod works on")

    def test_a_reloaded_page_gets_the_result_of_the_task_it_has_left(self):
        gateway, pod = self.one_pod(0.8)
        task = self.event(gateway, picture("left"))
        self.working(gateway, pod)
        task.leave()
        again = self.event(gateway, ["task(left)"], fn=RESTORE)
        gateway.wait(lambda: stats(pod.port)["ws"] == 2, "the question is with the pod while the task runs")
        self.assert_done(again.result(), gateway)

    def test_a_large_picture_travels_in_the_frame(self):
        gateway, pod = self.one_pod(0.1)
        image = "data:image/png;base64," + "A" * (5 << 20)
        self.assert_done(run(gateway.port, picture("big", image)), gateway)
        line = self.last_access(gateway, 1)[-1]
        self.assertGreater(line["bytesIn"], 5 << 20)

    def test_a_frame_that_comes_in_pieces_is_one_message(self):
        gateway, pod = self.one_pod(0.1)
        with Event(gateway.port, []) as event:
            event.reply_to(event.message())
            event.message()
            body = json.dumps({"data": picture("pieces"), "fn_index": 1, "session_hash": event.session}).encode()
            for number in range(0, len(body), 7):
                event.send(TEXT if number == 0 else 0, body[number:number + 7], final=number + 7 >= len(body))
                event.send(PING, b"between")
            self.assert_done(event.result(), gateway)

    def test_light_events_start_no_pod_and_say_so(self):
        gateway = self.gateway(service())
        message, code = run(gateway.port, ["pretty dog", 20], fn=TOKENS)
        self.assertFalse(message["success"])
        self.assertIn("pod", message["output"]["error"])
        self.assertEqual(code, 1000)
        self.assertEqual(gateway.pods(), [])


class GradioDepartures(Base):
    def test_a_page_that_closes_while_its_task_runs_keeps_the_slot_until_the_pod_is_done(self):
        gateway, pod = self.one_pod(0.8)
        leaver = self.event(gateway, picture("leaver"))
        self.working(gateway, pod)
        leaver.leave()
        stays = self.event(gateway, picture("stays"))
        self.assert_done(stays.result(), gateway)
        seen = stats(pod.port)
        self.assert_one_at_a_time({"pod": seen})
        self.assertEqual([run["client_gone"] for run in seen["runs"]], [False, False], "the pod was left alone")
        self.assertGreaterEqual(seen["runs"][1]["start"], seen["runs"][0]["end"])

    def test_a_page_that_closes_while_it_waits_is_forgotten(self):
        gateway, pod = self.one_pod(0.8)
        running = self.event(gateway, picture("runs"))
        self.working(gateway, pod)
        leavers = [self.event(gateway, picture(f"leaves{n}")) for n in range(4)]
        for event in leavers:
            event.leave()
        stays = self.event(gateway, picture("stays"))
        self.assert_done(running.result(), gateway)
        self.assert_done(stays.result(), gateway)
        self.assertEqual([run["task"] for run in stats(pod.port)["runs"]], ["task(runs)", "task(stays)"])

    def test_a_pod_that_dies_before_its_result_costs_a_second_try_not_the_task(self):
        gateway = self.gateway(service(), simulator={"SERVICE": "1"})
        task = self.event(gateway, picture("survives"))
        task.wait_for("process_starts")
        busy = gateway.wait(gateway.busy, "a pod works")
        busy[0].kill()
        self.assert_done(task.result(), gateway)
        line = self.last_access(gateway, 1)[-1]
        self.assertEqual(line["retries"], 1, line)

    def test_a_pod_that_hangs_is_told_to_the_page_and_replaced(self):
        gateway = self.gateway(service(scale={"min-scale": 1, "max-scale": 1}, timeoutSeconds=1))
        gateway.wait_for_ready(1)
        pod = gateway.pods()[0]
        harness.fault(pod.port, "hang")
        message, code = self.event(gateway, picture("hangs")).result()
        self.assertFalse(message["success"], message)
        self.assertIn("timeout", message["output"]["error"])
        gateway.wait_until_gone(pod)

    def test_the_gateways_end_ends_conversations(self):
        gateway, pod = self.one_pod(30, timeouts={"drain": "1s"})
        running = self.event(gateway, picture("runs"))
        waiting = self.event(gateway, picture("waits"))
        self.working(gateway, pod)
        gateway.process.terminate()
        codes = [event.close_code() for event in (running, waiting)]
        self.assertTrue(all(code in (None, 1000, 1001, 1011) for code in codes), codes)
        gateway.process.wait(10)


    def test_a_page_that_is_gone_before_it_has_taken_its_result_leaves_nothing_behind(self):
        result = json.dumps({"msg": "process_completed", "success": True, "output": "x" * (24 << 20)}).encode()

        def answer(seen, peer):
            peer.send(switch(seen) + frame(TEXT, b'{"msg":"send_data"}', masking=False))
            peer.more()
            peer.send(frame(TEXT, result, masking=False) + frame(CLOSE, b"\x03\xe8", masking=False))
            peer.ended()
            done.set()
        done = threading.Event()
        pod = RecordingPod(answer)
        self.addCleanup(pod.close)
        gateway = self.gateway(service(scale={"min-scale": 1}), driver=static(pod))
        gateway.wait_for_ready(1)
        page = self.event(gateway, picture("untaken"))
        self.assertTrue(done.wait(20), "the pod has given its whole result")
        page.connection.reset()
        self.last_access(gateway, 1)
        gateway.process.terminate()
        gateway.process.wait(5)


class GradioHostile(Base):
    def setUp(self):
        super().setUp()
        self.one = self.gateway(service(), limits={"bodyBytes": "96Ki"}, timeouts={"head": "1s", "body": "1s"})

    def closed_after(self, *frames, hash_first=False):
        with Event(self.one.port, []) as event:
            question = event.message()
            if hash_first:
                event.reply_to(question)
                event.message()
            for octets in frames:
                try:
                    event.raw(octets)
                except OSError:
                    break  # it has closed already
            return event.close_code()

    def test_what_is_no_conversation_is_closed_with_its_code(self):
        def text(data, **more):
            return frame(TEXT, data, **more)
        hello = b'{"fn_index":1,"session_hash":"abc"}'
        self.assertEqual(self.closed_after(frame(BINARY, hello)), 1003)
        self.assertEqual(self.closed_after(text(b"nonsense")), 1007)
        self.assertEqual(self.closed_after(text(b"[]")), 1007)
        self.assertEqual(self.closed_after(text(b'{"fn_index":1,"session_hash":"\xff"}')), 1007)
        self.assertEqual(self.closed_after(text(b'{"fn_index":1}')), 1008)
        self.assertEqual(self.closed_after(text(b'{"session_hash":"a b"}')), 1008)
        self.assertEqual(self.closed_after(text(hello, masking=False)), 1002)
        self.assertEqual(self.closed_after(frame(3, hello)), 1002)
        self.assertEqual(self.closed_after(frame(0, hello)), 1002)
        self.assertEqual(self.closed_after(text(b'{"a":"' + b"x" * 70_000)), 1009)
        big = b'{"data":["' + b"x" * 120_000 + b'"]}'
        self.assertEqual(self.closed_after(text(big), hash_first=True), 1009)
        self.assertEqual(self.closed_after(text(big[:60_000], final=False), frame(0, big[60_000:]), hash_first=True), 1009)
        self.assertEqual(self.closed_after(text(b'{"data":[1],"data":["task(a)"]}'), hash_first=True), 1007)
        self.assertEqual(self.closed_after(text(b'{"data":["task(a)"'), hash_first=True), 1007)
        self.assertEqual(self.one.pods(), [], "nobody of these has woken a pod")

    def test_a_silent_client_is_not_waited_for(self):
        self.assertIsNone(self.closed_after())
        self.assertIsNone(self.closed_after(hash_first=True))
        self.assertIsNone(self.closed_after(frame(TEXT, b'{"data":', final=False), hash_first=True))

    def test_a_handshake_of_another_version_gets_round_no_slot(self):
        for version in ({"Sec-WebSocket-Version": "8"}, {"Sec-WebSocket-Version": "8\r\nSec-WebSocket-Version: 13"}):
            with self.assertRaisesRegex(wire.Broken, "400"):
                Socket(self.one.port, headers=version)

    def test_octets_right_behind_the_head_are_not_lost(self):
        early = frame(TEXT, b'{"fn_index":4,"session_hash":"abc"}') + frame(TEXT, b'{"data":["dog",20]}')
        with Socket(self.one.port, early=early) as socket:
            said = [json.loads(socket.receive())["msg"] for _ in range(3)]
        self.assertEqual(said, ["send_hash", "send_data", "process_completed"])

    def test_a_hundred_conversations_broken_off_anywhere_leave_nothing_behind(self):
        octets = frame(TEXT, b'{"fn_index":1,"session_hash":"abc"}') + frame(TEXT, b'{"data":["task(a)","dog"]}')

        def visit(number):
            with Socket(self.one.port, early=octets[:number]) as socket:
                socket.connection.reset()
        harness.concurrently(len(octets), visit)
        self.assert_done(run(self.one.port, picture("after")), self.one)
