"""A client of HTTP/2 that speaks in frames and can also misbehave (RFC 9113). Fields are written as literals; of an
answer's head it reads the status only."""
import socket
import struct
import time

import wire

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM = ACK = 1
END_HEADERS = 4
NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, CANCEL, ENHANCE_YOUR_CALM = 0, 1, 2, 8, 11
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
TABLE_SIZE, INITIAL_WINDOW, CONNECT_PROTOCOL = 1, 4, 8
STATUSES = {8: 200, 9: 204, 10: 206, 11: 304, 12: 400, 13: 404, 14: 500}  # RFC 7541 appendix A


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def integer(value, prefix=7):
    most = (1 << prefix) - 1
    if value < most:
        return bytes([value])
    out, value = bytes([most]), value - most
    while value >= 128:
        out, value = out + bytes([value % 128 | 128]), value // 128
    return out + bytes([value])


def block(fields):
    out = b""
    for name, value in fields:
        name, value = (text.encode() if isinstance(text, str) else text for text in (name, value))
        out += b"\0" + integer(len(name)) + name + integer(len(value)) + value
    return out


def digits(octets):
    """RFC 7541 appendix B, as far as a status needs it."""
    bits, out = "".join(f"{octet:08b}" for octet in octets), ""
    codes = {f"{n:05b}": str(n) for n in range(3)} | {f"{n + 22:06b}": str(n) for n in range(3, 10)}
    while len(out) < 3:
        code = bits[:5] if bits[:5] in codes else bits[:6]
        out, bits = out + codes[code], bits[len(code):]
    return int(out)


def status_of(head):
    at = 0
    while head[at] & 0xE0 == 0x20:  # a size of the dynamic table
        at += 1
    if head[at] & 0x80:
        return STATUSES[head[at] & 0x7F]
    length = head[at + 1]
    text = head[at + 2:at + 2 + (length & 0x7F)]
    return digits(text) if length & 0x80 else int(text)


def fields(method="GET", path="/", host=wire.HOST, more=(), scheme="http"):
    return [(":method", method), (":scheme", scheme), (":authority", host), (":path", path), *more]


class Stream:
    def __init__(self):
        self.status, self.interim, self.body, self.ended, self.reset = None, [], b"", False, None

    @property
    def over(self):
        return self.ended or self.reset is not None

    def __repr__(self):
        return f"status {self.status}, {len(self.body)} octets, ended {self.ended}, reset {self.reset}"


class Client:
    def __init__(self, port, settings=(), seconds=wire.SECONDS, window=True, connection=None):
        self.socket = connection or socket.create_connection(("127.0.0.1", port), seconds)
        self.socket.settimeout(seconds)
        self.buffer, self.streams, self.next_id = b"", {}, 1
        self.goaway, self.closed, self.window, self.peer_settings, self.pongs = None, False, window, {}, 0
        self.credit = {0: 65535}
        payload = b"".join(struct.pack(">HI", *pair) for pair in ((TABLE_SIZE, 0), *settings))
        self.send(PREFACE + frame(SETTINGS, payload=payload))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, octets):
        """Ignores that the peer has closed: what it said before is still to be read."""
        try:
            self.socket.sendall(octets)
        except (BrokenPipeError, ConnectionResetError):
            self.closed = True

    def open(self, all_fields, body=b"", end=True):
        stream, self.next_id = self.next_id, self.next_id + 2
        self.streams[stream] = Stream()
        self.credit[stream] = self.peer_settings.get(INITIAL_WINDOW, 65535)
        self.send(frame(HEADERS, END_HEADERS | (END_STREAM if end and not body else 0), stream, block(all_fields)))
        if body:
            self.data(stream, body, end)
        return stream

    def data(self, stream, octets, end=False):
        """At the pace of the windows."""
        while octets:
            room = min(self.credit[0], self.credit[stream], 16384)
            if room <= 0:
                if not self.pump():
                    return
                continue
            piece, octets = octets[:room], octets[room:]
            self.credit[0] -= len(piece)
            self.credit[stream] -= len(piece)
            self.send(frame(DATA, END_STREAM if end and not octets else 0, stream, piece))

    def reset(self, stream, code=CANCEL):
        self.send(frame(RST_STREAM, 0, stream, struct.pack(">I", code)))

    def exactly(self, count):
        while len(self.buffer) < count:
            try:
                octets = self.socket.recv(1 << 16)
            except ConnectionResetError:
                octets = b""
            if not octets:
                self.closed = True
                return None
            self.buffer += octets
        out, self.buffer = self.buffer[:count], self.buffer[count:]
        return out

    def pump(self):
        """One frame; False: the connection is over."""
        head = self.exactly(9)
        if head is None:
            return False
        payload = self.exactly(int.from_bytes(head[:3], "big"))
        if payload is None:
            return False
        kind, flags, number = head[3], head[4], struct.unpack(">I", head[5:])[0]
        stream = self.streams.setdefault(number, Stream())
        if kind == SETTINGS and not flags & ACK:
            for at in range(0, len(payload), 6):
                key, value = struct.unpack(">HI", payload[at:at + 6])
                self.peer_settings[key] = value
                if key == INITIAL_WINDOW:
                    for known in self.credit:
                        self.credit[known] += value - 65535 if known else 0
            self.send(frame(SETTINGS, ACK))
        elif kind == PING:
            self.pongs += bool(flags & ACK)
        elif kind == HEADERS:
            status = status_of(payload)
            if status < 200:
                stream.interim.append(status)
            else:
                stream.status = status
        elif kind == DATA:
            stream.body += payload
            if self.window and payload:
                for where in (0, number):
                    self.open_window(where, len(payload))
        elif kind == RST_STREAM:
            stream.reset = struct.unpack(">I", payload)[0]
        elif kind == GOAWAY:
            self.goaway = struct.unpack(">I", payload[4:8])[0]
        elif kind == WINDOW_UPDATE:
            self.credit[number] = self.credit.get(number, 65535) + struct.unpack(">I", payload)[0]
        if kind in (HEADERS, DATA) and flags & END_STREAM:
            stream.ended = True
        return True

    def open_window(self, stream, octets):
        self.send(frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", octets)))

    def until(self, condition, seconds=wire.SECONDS):
        deadline = time.monotonic() + seconds
        while not condition():
            self.socket.settimeout(max(0.01, deadline - time.monotonic()))
            if not self.pump():
                return condition()
        return True

    def answer(self, stream):
        one = self.streams[stream]
        self.until(lambda: one.over or self.goaway)
        return one

    def request(self, *args, body=b"", **options):
        return self.answer(self.open(fields(*args, **options), body))

    def until_closed(self, seconds=wire.SECONDS):
        return self.until(lambda: self.closed, seconds)


class Tunnel:
    """A stream with :protocol websocket, as wire.Connection is a connection: for ws.Socket and by itself."""

    def __init__(self, client, path, host=wire.HOST):
        self.client = client
        client.until(lambda: client.peer_settings)
        assert client.peer_settings.get(CONNECT_PROTOCOL) == 1
        self.stream = client.open(fields("CONNECT", path, host, [(":protocol", "websocket"),
                                                                ("sec-websocket-version", "13")]), end=False)
        self.state, self.at = client.streams[self.stream], 0

    def opened(self):
        self.client.until(lambda: self.state.status or self.state.over)
        return self.state.status

    def send(self, octets):
        self.client.data(self.stream, octets)

    def take(self, count):
        self.client.until(lambda: len(self.state.body) - self.at >= count or self.state.over)
        out = self.state.body[self.at:self.at + count]
        self.at += len(out)
        return out

    def end(self):
        self.client.send(frame(DATA, END_STREAM, self.stream))
