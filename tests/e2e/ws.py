"""A WebSocket client that can also misbehave (RFC 6455), and Gradio 3's queue protocol on it."""
import base64
import json
import os
import struct

import wire

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def masked(data, key):
    if not data:
        return b""
    mask = int.from_bytes((key * (len(data) // 4 + 1))[:len(data)], "big")
    return (int.from_bytes(data, "big") ^ mask).to_bytes(len(data), "big")


def frame(opcode, data=b"", final=True, masking=True):
    head = bytes([(0x80 if final else 0) | opcode])
    bit = 0x80 if masking else 0
    if len(data) < 126:
        head += bytes([bit | len(data)])
    elif len(data) < 1 << 16:
        head += bytes([bit | 126]) + struct.pack(">H", len(data))
    else:
        head += bytes([bit | 127]) + struct.pack(">Q", len(data))
    key = os.urandom(4) if masking else b""
    return head + key + (masked(data, key) if masking else data)


class Closed(Exception):
    """The peer closed: with a code, or None if the connection simply ended."""

    def __init__(self, code, reason=""):
        super().__init__(f"closed with {code} {reason}")
        self.code, self.reason = code, reason


class Socket:
    def __init__(self, port, target="/queue/join", host=wire.HOST, headers=None, seconds=wire.SECONDS, early=b"",
                 connection=None):
        self.connection = connection or wire.Connection(port, seconds)
        key = base64.b64encode(os.urandom(16)).decode()
        fields = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": key,
                  "Sec-WebSocket-Version": "13", "Sec-WebSocket-Extensions": "permessage-deflate", **(headers or {})}
        self.connection.send(wire.request_text("GET", target, host, fields) + early)
        self.answer = self.connection.head()
        if self.answer.status != 101:
            raise wire.Broken(f"no WebSocket: {self.answer}")
        self.pings = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def send(self, opcode, data=b"", final=True):
        self.connection.send(frame(opcode, data, final))

    def raw(self, data):
        self.connection.send(data)

    def read_frame(self):
        head = self.exactly(2)
        length = head[1] & 0x7F
        if length == 126:
            length = struct.unpack(">H", self.exactly(2))[0]
        elif length == 127:
            length = struct.unpack(">Q", self.exactly(8))[0]
        return head[0] & 0x0F, bool(head[0] & 0x80), self.exactly(length)

    def exactly(self, count):
        data = self.connection.take(count)
        if len(data) < count:
            raise Closed(None)
        return data

    def receive(self):
        """The next message's octets. Pings are answered."""
        parts = []
        while True:
            opcode, final, data = self.read_frame()
            if opcode == PING:
                self.pings += 1
                self.send(PONG, data)
            elif opcode == CLOSE:
                code = struct.unpack(">H", data[:2])[0] if len(data) >= 2 else 1005
                try:
                    self.send(CLOSE, data[:2])
                except OSError:
                    pass
                raise Closed(code, data[2:].decode())
            elif opcode != PONG:
                parts.append(data)
                if final:
                    return b"".join(parts)

    def close_code(self):
        """Reads until the peer closes."""
        try:
            while True:
                self.receive()
        except Closed as closed:
            return closed.code

    def leave(self):
        self.connection.close()


class Event(Socket):
    """One event of Gradio 3's page: `data` to function `fn`. A generation's first datum is "task(...)"."""

    def __init__(self, port, data, fn=1, session="abcdefgh", **options):
        super().__init__(port, **options)
        self.data, self.fn, self.session = data, fn, session
        self.messages = []

    def message(self):
        message = json.loads(self.receive())
        self.messages.append(message)
        return message

    def reply_to(self, message):
        hello = {"fn_index": self.fn, "session_hash": self.session}
        if message["msg"] == "send_hash":
            self.send(TEXT, json.dumps(hello).encode())
        elif message["msg"] == "send_data":
            self.send(TEXT, json.dumps({"data": self.data, "event_data": None, **hello}).encode())

    def submit(self):
        """Both questions are answered: the event is with the gateway."""
        for expected in ("send_hash", "send_data"):
            message = self.message()
            if message["msg"] != expected:
                raise AssertionError(f"{expected} expected, not {message}")
            self.reply_to(message)
        return self

    def wait_for(self, msg):
        while True:
            message = self.message()
            if message["msg"] == msg:
                return message
            self.reply_to(message)

    def result(self):
        """The completion, and the code of the close after it."""
        message = self.wait_for("process_completed")
        return message, self.close_code()


def run(port, data, **options):
    with Event(port, data, **options) as event:
        return event.result()
