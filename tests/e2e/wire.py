"""HTTP as the tests speak it: an ordinary client, and a raw socket for what no client would do. Every wait is bounded."""
import json
import socket

HOST = "sd.default.example.com"
SECONDS = 30.0  # longer than anything that is meant to happen


class Response:
    def __init__(self, status, reason, version, fields, body, whole=True):
        self.status, self.reason, self.version = status, reason, version
        self.fields, self.body = fields, body  # fields: (lower-case name, value), in order
        self.whole = whole  # False: the connection ended before the body did

    def __getitem__(self, name):
        """All values of a field, joined; None if there is none."""
        values = [v for n, v in self.fields if n == name.lower()]
        return ", ".join(values) if values else None

    def all(self, name):
        return [v for n, v in self.fields if n == name.lower()]

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.status} {self.reason} {self.fields} {self.body[:300]!r}{'' if self.whole else ' (cut)'}>"


class Broken(Exception):
    """The peer ended the connection, or was silent for too long, before a response head was there."""


class Connection:
    """One client connection. What is sent is exactly what the caller says."""

    def __init__(self, port, seconds=SECONDS, receive_buffer=None, source=None):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(seconds)
        if source:  # one of 127.0.0.0/8: another peer
            self.socket.bind((source, 0))
        try:
            self.socket.connect(("127.0.0.1", port))
        except OSError:
            self.socket.close()
            raise
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def reset(self):
        """Leaves with RST, as a killed process with unread data does."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.socket.close()

    def send(self, octets):
        self.socket.sendall(octets)

    def more(self):
        """Reads what comes next into the buffer; False at the end of the stream."""
        try:
            octets = self.socket.recv(1 << 18)
        except ConnectionError:
            return False
        except socket.timeout as error:
            raise Broken(f"nothing came for {self.socket.gettimeout()} s; so far {self.buffer[:300]!r}") from error
        self.buffer += octets
        return bool(octets)

    def take_until(self, mark):
        while mark not in self.buffer:
            if not self.more():
                raise Broken(f"the connection ended; so far {self.buffer[:300]!r}")
        head, self.buffer = self.buffer.split(mark, 1)
        return head

    def take(self, count):
        """Up to `count` octets; fewer if the stream ends before."""
        parts, have = [self.buffer], len(self.buffer)
        while have < count:
            self.buffer = b""
            try:
                if not self.more():
                    break
            except Broken:
                break
            parts.append(self.buffer)
            have += len(self.buffer)
        octets = b"".join(parts)
        self.buffer = octets[count:]
        return octets[:count]

    def head(self):
        text = self.take_until(b"\r\n\r\n").decode("latin-1")
        lines = text.split("\r\n")
        version, status, reason = (lines[0].split(" ", 2) + [""])[:3]
        fields = [(n.lower(), v.strip()) for n, v in (line.split(":", 1) for line in lines[1:])]
        return Response(int(status), reason, version, fields, b"")

    def response(self, method="GET"):
        """The next final response; interim ones are passed over."""
        answer = self.head()
        while answer.status < 200:
            answer = self.head()
        if method == "HEAD" or answer.status in (204, 304):
            return answer
        if (answer["transfer-encoding"] or "").lower() == "chunked":
            self._chunks(answer)
        elif answer["content-length"] is not None:
            length = int(answer["content-length"])
            answer.body = self.take(length)
            answer.whole = len(answer.body) == length
        else:
            answer.body = self.take(1 << 40)
        return answer

    def _chunks(self, answer):
        parts = []
        try:
            while True:
                size = int(self.take_until(b"\r\n").split(b";")[0], 16)
                if size == 0:
                    while self.take_until(b"\r\n"):
                        pass
                    break
                part = self.take(size)
                parts.append(part)
                if len(part) < size or self.take(2) != b"\r\n":
                    answer.whole = False
                    break
        except Broken:
            answer.whole = False
        answer.body = b"".join(parts)

    def ended(self):
        """True if the peer closes now; waits for it."""
        while True:
            try:
                if not self.more():
                    return True
            except Broken:
                return False


def request_text(method, target, host=HOST, headers=None, body=None, version="1.1"):
    lines = [f"{method} {target} HTTP/{version}"]
    if host is not None:
        lines.append(f"Host: {host}")
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + (body or b"")


def request(port, method, target, host=HOST, headers=None, body=None, seconds=SECONDS, source=None):
    """One request on a connection of its own."""
    with Connection(port, seconds, source=source) as connection:
        connection.send(request_text(method, target, host, {"Connection": "close", **(headers or {})}, body))
        return connection.response(method)


def get_json(port, target, seconds=10.0, headers=None):
    answer = request(port, "GET", target, host=f"127.0.0.1:{port}", headers=headers, seconds=seconds)
    if answer.status != 200:
        raise Broken(f"GET {target}: {answer}")
    return answer.json()


def prompt(text="pretty dog", **more):
    return json.dumps({"prompt": text, **more}).encode()
