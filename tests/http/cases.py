"""Raw HTTP cases: octets in, octets out. What the files requests*.txt and responses*.txt say, and how a case is played
against any proxy whose pod is a RecordingPod of ours. Python's standard library, nothing else.

A file is lines:

    == name | tags                  a case; the tags are duties of docs/http.md (L5: row 5 of its table of leniencies)
    > octets                        what the client sends; CRLF is added
    >> octets                       the same, without CRLF
    ~ [MS]                          the client waits before it sends on
    ~ shut                          the client sends no more, and says so
    < octets   << octets            what the pod answers (responses*.txt), from the end of the request's head on
    <~ MS | close | reset | early   the pod waits; closes; resets. early: what comes before it is sent on accept
    <~ body                         the pod reads the request's body before it goes on
    @ octets   @@ octets            what the pod must have seen; nothing: it must have seen nothing. See `own_fields`
    @-- again                       the next message that it must have seen
    $ octets   $$ octets            the answer that the client must have seen, but for the fields that the gateway adds
    = STATUS... open|close [kept|dropped]   what the client is answered, and whether each connection lives on.
                                    200h: the answer to a HEAD; 200!: cut short, and the client can see it.
                                    a|b: either status (where RFCs leave it open); 100?: perhaps
    - variant: octets [=> STATUS... open|close]   one more case, `name-variant`, with {} replaced by the octets

In octets: \\r \\n \\t \\0 \\s (a space) \\xHH \\\\; ${text*N} repeats; $H is the host of the service.
"""
import glob
import os
import re
import socket
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SECONDS = 8.0  # longer than anything that is meant to happen


# --- files -----------------------------------------------------------------------------------------------------------

class Case:
    def __init__(self, name, tags, place):
        self.name, self.tags, self.place = name, tags, place
        self.client = []   # octets to send, or ("wait", seconds), or ("shut",)
        self.pod = []      # octets, or ("wait", seconds), ("close",), ("reset",), ("body",)
        self.early = []    # octets that the pod sends when it is connected to
        self.seen = []     # the messages that the pod must have seen
        self.answer = None
        self.expected = None

    def octets(self):
        return b"".join(part for part in self.client if isinstance(part, bytes))

    def forwarded(self):
        return bool(self.seen)


class Expected:
    def __init__(self, text):
        words = text.split()
        self.statuses = [w for w in words if w[0].isdigit()]
        self.closed = "close" in words
        self.pod = "kept" if "kept" in words else "dropped" if "dropped" in words else None
        wrong = [w for w in words if not re.fullmatch(r"\d{3}(\|\d{3})*[h!?]*|open|close|kept|dropped", w)]
        if wrong or ("open" in words) == self.closed:
            raise ValueError(f"an expectation is statuses and open or close: {text!r}")

    def heads(self):
        return ["h" in s for s in self.statuses if not s.startswith("1")]

    def cut(self):
        return any("!" in s for s in self.statuses)

    def matches(self, answers):
        statuses = [s for s in self.statuses if "?" not in s]
        answers = [a for a in answers if a.status >= 200 or f"{a.status}?" not in self.statuses]
        return len(answers) == len(statuses) and all(
            str(a.status) in s.rstrip("h!").split("|") and a.whole == ("!" not in s)
            for a, s in zip(answers, statuses))

    def __str__(self):
        return " ".join(self.statuses + ["close" if self.closed else "open"] + ([self.pod] if self.pod else []))


ESCAPES = {"r": b"\r", "n": b"\n", "t": b"\t", "0": b"\0", "s": b" ", "\\": b"\\"}


def octets(text):
    """The octets that a line of a case file means, but for $H."""
    def repeat(found):
        return found[1] * int(found[2])
    text = re.sub(r"\$\{(.*?)\*(\d+)\}", repeat, text)
    out, at = bytearray(), 0
    while at < len(text):
        if text[at] != "\\":
            out += text[at].encode("utf-8")
            at += 1
        elif text[at + 1] == "x":
            out.append(int(text[at + 2:at + 4], 16))
            at += 4
        else:
            out += ESCAPES[text[at + 1]]
            at += 2
    return bytes(out)


def add(parts, octets_):
    if parts and isinstance(parts[-1], bytes):
        parts[-1] += octets_
    else:
        parts.append(octets_)


def line_of(case, line, value):
    """One line of a case, with the variant's octets for {}."""
    mark, _, text = line.partition(" ")
    text = text.replace("{}", value)
    if mark in (">", ">>"):
        add(case.client, octets(text) + (b"\r\n" if mark == ">" else b""))
    elif mark == "~":
        case.client.append(("shut",) if text == "shut" else ("wait", int(text or 5) / 1000))
    elif mark in ("<", "<<"):
        add(case.pod, octets(text) + (b"\r\n" if mark == "<" else b""))
    elif mark == "<~" and text == "early":
        case.early, case.pod = case.pod, []
    elif mark == "<~":
        case.pod.append((text,) if not text.isdigit() else ("wait", int(text) / 1000))
    elif mark in ("@", "@@"):
        case.seen = case.seen or [b""]
        case.seen[-1] += octets(text) + (b"\r\n" if mark == "@" else b"")
    elif mark == "@--":
        case.seen.append(b"")
    elif mark in ("$", "$$"):
        case.answer = (case.answer or b"") + octets(text) + (b"\r\n" if mark == "$" else b"")
    elif mark == "=":
        case.expected = Expected(text)
    else:
        raise ValueError("a line begins with one of > >> ~ < << <~ @ @@ @-- $ $$ = -")


def read(path):
    cases, block = [], []

    def finish():
        if not block:
            return
        place, title = block[0]
        name, _, tags = title.partition("|")
        lines = [(p, l) for p, l in block[1:] if not l.startswith("- ")]
        variants = [(p, l[2:]) for p, l in block[1:] if l.startswith("- ")] or [(place, "")]
        for variant_place, variant in variants:
            label, _, value = variant.partition(": ")
            value, _, expectation = value.partition(" => ")
            full = name.strip() + ("-" + label.strip().rstrip(":") if label else "")
            case = Case(full, tags.split(), f"{os.path.basename(path)}:{variant_place}")
            for at, line in lines + ([(variant_place, "= " + expectation)] if expectation else []):
                try:
                    line_of(case, line, value)
                except (ValueError, KeyError, IndexError) as error:
                    raise ValueError(f"{path}:{at}: {error!r}: {line}") from error
            if case.expected is None:
                raise ValueError(f"{path}:{variant_place}: {full} expects nothing")
            if expectation and case.expected.statuses[-1].startswith(("4", "5")):
                case.seen = []  # the table's other rows are forwarded, this one is refused
            cases.append(case)

    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            line = line.rstrip("\n")
            if line.startswith("== "):
                finish()
                block = [(number, line[3:])]
            elif line.strip() and not line.startswith("#"):
                block.append((number, line))
    finish()
    names = [case.name for case in cases]
    if len(set(names)) != len(names):
        raise ValueError(f"{path}: names occur twice: {sorted({n for n in names if names.count(n) > 1})}")
    return cases


def all_of(kind):
    """The cases of requests*.txt or responses*.txt."""
    return [case for path in sorted(glob.glob(os.path.join(HERE, kind + "*.txt"))) for case in read(path)]


# --- messages --------------------------------------------------------------------------------------------------------

class Message:
    def __init__(self, head, body, whole):
        self.head, self.body, self.whole = head, body, whole
        self.first = head.split(b"\r\n", 1)[0]
        self.lines = head.split(b"\r\n")[1:]

    @property
    def status(self):
        try:
            return int(self.first.split(b" ")[1])
        except (IndexError, ValueError):
            return 0

    def all(self, name):
        return [l.partition(b":")[2].strip() for l in self.lines if l.partition(b":")[0].lower() == name.lower()]

    def __repr__(self):
        return f"{self.head!r} {self.body[:200]!r}{'' if self.whole else ' (cut)'}"


def take(buffer, has_body, is_response, ended):
    """The first message of a buffer and the rest; None if it is not whole yet, and its stream has not ended."""
    head, mark, rest = buffer.partition(b"\r\n\r\n")
    if not mark:
        return (Message(buffer, b"", False), b"") if ended and buffer else None
    message = Message(head, b"", True)
    if not has_body:
        return message, rest
    if any(b"chunked" in v.lower() for v in message.all(b"Transfer-Encoding")):
        body = b""
        while True:
            size, mark, after = rest.partition(b"\r\n")
            if not mark:
                break
            count = int(size.split(b";")[0], 16)
            if count == 0:
                trailers, mark, after = (b"\r\n" + after).partition(b"\r\n\r\n")
                if not mark:
                    break
                message.body = body
                return message, after
            body, rest = body + after[:count], after[count + 2:]
            if len(after) < count + 2:
                break
        message.body, message.whole = body, False
        return (message, b"") if ended else None
    lengths = message.all(b"Content-Length")
    if lengths:
        count = int(lengths[0])
        message.body, message.whole = rest[:count], len(rest) >= count
        return (message, rest[count:]) if message.whole or ended else None
    if is_response:
        message.body = rest
        return (message, b"") if ended else None
    return message, rest


# --- the pod ---------------------------------------------------------------------------------------------------------

class Seen:
    """A message that came on one of the pod's connections."""

    def __init__(self, message, connection):
        self.message, self.connection = message, connection


class RecordingPod:
    """Keeps what it is sent. A request for /own... is answered with its own target; any other one as the case says."""

    def __init__(self):
        self.lock = threading.Lock()
        self.seen, self.raw, self.connections, self.case, self.scripted = [], {}, {}, None, None
        self.wanted, self.last = 0, 0
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self.listener.close()
        self.hang_up()

    def begin(self, case):
        with self.lock:
            self.seen, self.case, self.scripted, self.raw = [], case, None, {}

    def hang_up(self):
        """Ends all connections, so that the next request comes on a fresh one."""
        with self.lock:
            connections, self.connections = self.connections, {}
        for raw in connections.values():
            try:
                raw.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def _accept(self):
        while True:
            try:
                raw, _ = self.listener.accept()
            except OSError:
                return
            with self.lock:
                self.last += 1
                number = self.last
                self.connections[number] = raw
            threading.Thread(target=self._serve, args=(raw, number), daemon=True).start()

    def _serve(self, raw, number):
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with raw:
            try:
                early = self._answer_early(raw, number)
                buffer = b""
                while True:
                    while not self._can_go_on(buffer, early):
                        buffer = self._more(raw, number, buffer)
                    if self._is_scripted(buffer, early):
                        with self.lock:
                            again, self.scripted = self.scripted is not None, number
                        if not again:
                            buffer = self._script(raw, buffer, number)
                            continue
                    message, buffer = self._whole(raw, number, buffer)
                    with self.lock:
                        self.seen.append(Seen(message, number))
                    words = message.first.split(b" ")
                    target = (b"late answer to " if early else b"") + b"".join(words[1:2])
                    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(target)
                    raw.sendall(answer + (target if words[0] != b"HEAD" else b""))
                    if any(b"close" in v.lower() for v in message.all(b"Connection")):
                        return
            except (OSError, ValueError, EOFError):
                pass
            finally:
                with self.lock:
                    self.connections.pop(number, None)

    def _answer_early(self, raw, number):
        with self.lock:
            early = self.case is not None and self.case.early and self.scripted is None
            if early:
                self.scripted = number
        if early:
            for part in self.case.early:
                raw.sendall(part)
        return bool(early)

    # A script begins with the end of a head; everything else is heard to its end.
    def _can_go_on(self, buffer, early):
        if self._is_scripted(buffer, early):
            return b"\r\n\r\n" in buffer
        return take(buffer, True, False, False) is not None

    def _is_scripted(self, buffer, early):
        first = buffer.split(b"\r\n")[0]
        return bool(self.case and self.case.pod and not early and b"\r\n" in buffer and b" /own" not in first)

    def _more(self, raw, number, buffer):
        more = raw.recv(1 << 16)
        if not more:
            raise EOFError
        with self.lock:
            self.raw[number] = self.raw.get(number, b"") + more
        return buffer + more

    def _whole(self, raw, number, buffer):
        while True:
            taken = take(buffer, True, False, False)
            if taken:
                return taken
            buffer = self._more(raw, number, buffer)

    def _script(self, raw, buffer, number):
        """Plays the case's part. What is left of the buffer."""
        taken = None
        for part in self.case.pod:
            if isinstance(part, bytes):
                raw.sendall(part)
            elif part[0] == "wait":
                time.sleep(part[1])
            elif part[0] == "body":
                taken = self._whole(raw, number, buffer)
            elif part[0] == "close":
                raw.shutdown(socket.SHUT_WR)  # and reads on, so that no reset takes away what was said
                while True:
                    self._more(raw, number, b"")
            elif part[0] == "reset":
                time.sleep(0.03)  # a reset takes away what was not read yet
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                raise EOFError
        taken = taken or self._whole(raw, number, buffer)
        with self.lock:
            self.seen.append(Seen(taken[0], number))
        return taken[1]


# --- playing ---------------------------------------------------------------------------------------------------------

class Played:
    def __init__(self):
        self.answers, self.closed, self.surplus, self.wrong = [], False, b"", []
        self.octets = b""

    def statuses(self):
        return " ".join(f"{a.status or '???'}{'' if a.whole else '!'}" for a in self.answers) or "nothing"


class Client:
    """One client of a proxy, with a deadline on everything."""

    def __init__(self, port, seconds=SECONDS):
        self.raw = socket.create_connection(("127.0.0.1", port), timeout=seconds)
        self.raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer, self.ended = b"", False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.raw.close()

    def send(self, octets_):
        try:
            self.raw.sendall(octets_)
        except OSError:
            pass  # it has refused already; its answer is there

    def more(self, seconds):
        """False: nothing came in that time, or the end."""
        self.raw.settimeout(seconds)
        try:
            got = self.raw.recv(1 << 18)
        except socket.timeout:
            return False
        except OSError:
            got = b""
        if not got:
            self.ended = True
            return False
        self.buffer += got
        return True

    def answer(self, to_head, seconds):
        """The next message, an interim one too; None: it did not come in that time."""
        end = time.monotonic() + seconds
        while True:
            head = self.buffer.split(b"\r\n\r\n")[0]
            bodyless = to_head or re.match(rb"HTTP/1.\d (1\d\d|204|304)", head) is not None
            taken = take(self.buffer, not bodyless, True, self.ended)
            if taken:
                self.buffer = taken[1]
                return taken[0]
            left = end - time.monotonic()
            if self.ended or left <= 0:
                return None
            self.more(left)


def own(port, host, label, client=None, seconds=SECONDS):
    """A request of somebody else, or the next one of the same client: its own answer must come. Empty, or what is wrong."""
    target = f"/own-{label}".encode()
    text = b"GET " + target + b" HTTP/1.1\r\nHost: " + host + b"\r\n\r\n"
    if client is None:
        with Client(port) as stranger:
            return own(port, host, label, stranger, seconds)
    client.send(text)
    answer = client.answer(False, seconds)
    if answer is None:
        return f"{label}: no answer" + (" (closed)" if client.ended else "")
    if answer.status != 200 or answer.body != target or client.buffer:
        return f"{label}: got {answer!r} and then {client.buffer[:100]!r}"
    return ""


def deliveries(parts, how):
    """The client's part of a case, cut up: whole (as the case says), octets, halves."""
    if how == "whole":
        return parts
    out = []
    for part in parts:
        if not isinstance(part, bytes):
            out.append(part)
        elif how == "octets":
            out += [part[i:i + 1] for i in range(len(part))]
        else:
            middle = len(part) // 2
            out += [part[:middle], ("wait", 0.003), part[middle:]]
    return out


def send_all(client, case, host, how):
    for part in deliveries([p.replace(b"$H", host) if isinstance(p, bytes) else p for p in case.client], how):
        if isinstance(part, bytes):
            client.send(part)
        elif part[0] == "wait":
            time.sleep(part[1])
        else:
            try:
                client.raw.shutdown(socket.SHUT_WR)
            except OSError:
                pass


def play(case, port, host, pod, how="whole"):
    """The case as its expectation leads us to read it. played.wrong: what is not as expected."""
    played, expected = Played(), case.expected
    pod.begin(case)
    with Client(port) as client:
        send_all(client, case, host, how)
        finals = iter(expected.heads())
        for status in expected.statuses:
            if "?" in status:
                continue
            to_head = False if status.startswith("1") else next(finals)
            answer = client.answer(to_head, SECONDS)
            if answer is not None and f"{answer.status}?" in expected.statuses:
                answer = client.answer(to_head, SECONDS)
            if answer is None:
                break
            played.answers.append(answer)
        if not expected.matches(played.answers):
            played.wrong.append(f"answered {played.statuses()} {played.answers[-1:]}")
        if not played.wrong:
            if expected.closed:
                while client.more(SECONDS):
                    pass
                played.closed = client.ended
                if not client.ended:
                    played.wrong.append("the connection is still open")
                if client.buffer:
                    played.wrong.append(f"after the last answer came {client.buffer[:200]!r}")
            elif wrong := own(port, host, "same-client", client):
                played.wrong.append(wrong)
    return played


def observe(case, port, host, pod, seconds=0.25):
    """The case against a proxy of which nothing is expected: what comes, until nothing comes any more."""
    played = Played()
    pod.begin(case)
    with Client(port) as client:
        send_all(client, case, host, "whole")
        finals = iter(case.expected.heads())
        while True:
            peek = client.buffer.split(b"\r\n")[0]
            interim = peek[9:10] == b"1"
            answer = client.answer(False if interim else next(finals, False), seconds)
            if answer is None:
                break
            played.answers.append(answer)
        played.surplus = client.buffer
        while not client.ended and client.more(0.05):
            pass
        played.closed = client.ended
        if not client.ended and own(port, host, "same-client", client, seconds):
            played.wrong.append("the connection is stuck")
    return played
