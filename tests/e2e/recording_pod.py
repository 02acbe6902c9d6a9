"""A pod that writes down exactly what it is sent, and answers as the test says."""
import json
import socket
import threading

import wire


class Seen:
    """One request as it came."""

    def __init__(self, head, body):
        self.head, self.body = head, body
        lines = head.split("\r\n")
        self.method, self.target, self.version = lines[0].split(" ")
        self.fields = [(n.lower(), v.strip()) for n, v in (line.split(":", 1) for line in lines[1:])]

    def __getitem__(self, name):
        values = [v for n, v in self.fields if n == name.lower()]
        return ", ".join(values) if values else None

    def names(self):
        return {n for n, _ in self.fields}


def sized(body=b"{}", status="200 OK", **fields):
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{lines}\r\n".encode() + body


class Pod:
    """One that does with each connection what serve(peer) says."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self.listener.close()

    def serve(self, peer):
        raise NotImplementedError

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, raw):
        peer = wire.Connection.__new__(wire.Connection)
        peer.socket, peer.buffer = raw, b""
        raw.settimeout(60)
        with raw:
            try:
                self.serve(peer)
            except (wire.Broken, OSError, ValueError):
                pass  # a probe, or a gateway that left


class RecordingPod(Pod):
    """Answers every request with what `answer(seen, connection)` returns, or sends itself and returns None."""

    def __init__(self, answer=None, name="recorder"):
        self.seen, self.name = [], name
        self.answer = answer or (lambda seen, _: sized(json.dumps({"pod": name, "target": seen.target}).encode(),
                                                       Content_Type="application/json"))
        super().__init__()

    def serve(self, peer):
        while self._one(peer):
            pass

    def _one(self, peer):
        head = peer.take_until(b"\r\n\r\n").decode("latin-1")
        seen = Seen(head, b"")
        if seen["transfer-encoding"]:
            body = wire.Response(0, "", "", seen.fields, b"")
            peer._chunks(body)
            seen.body = body.body
        elif seen["content-length"]:
            seen.body = peer.take(int(seen["content-length"]))
        self.seen.append(seen)
        octets = self.answer(seen, peer)
        if octets is None:
            return False
        if seen.method == "HEAD":
            octets = octets[:octets.index(b"\r\n\r\n") + 4]
        peer.send(octets)
        return (seen["connection"] or "").lower() != "close"


def static(*pods, **by_service):
    """The driver of a Gateway manifest for pods that run already."""
    if pods:
        return {"static": {"pods": [pod.address for pod in pods]}}
    return {"static": {"pods": {f"default/{name}": [pod.address] for name, pod in by_service.items()}}}
