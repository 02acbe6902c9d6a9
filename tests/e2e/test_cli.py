"""The command line as its users have it: on a terminal, in a script, in a shell that completes."""
import json
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import threading
import time

import fcntl
import termios

import harness
from harness import BIN, ROOT, service, wait_until

PILOTLIGHT = os.path.join(BIN, "pilotlight")
MAN_PAGE = os.path.join(ROOT, "docs", "pilotlight.1")
ESCAPE = "\x1b"


def pilotlight(*arguments, seconds=20, **environment):
    return subprocess.run([PILOTLIGHT, *arguments], capture_output=True, text=True, timeout=seconds, check=False,
                          env={**os.environ, **environment})


def commands():
    """As --help tells them."""
    return re.findall(r"^  ([a-z-]+)\b.*?  +\S", pilotlight("--help").stdout.split("To begin:")[0], re.M)


def flags_of(text):
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text))


def flags_in_help(command):
    return flags_of("\n".join(re.findall(r"^  (?:-\w, |    )(--.*)$", pilotlight(command, "--help").stdout, re.M)).replace("[$", "\n")
                    ) & set(re.findall(r"^  (?:-\w, |    )(--[a-z-]+)", pilotlight(command, "--help").stdout, re.M))


class OnTerminal:
    """The program on a pseudo-terminal of its own; what it draws is collected."""

    def __init__(self, *arguments, columns=100, lines=30, **environment):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.before = termios.tcgetattr(slave)
        self.slave = slave
        names = {"TERM": "xterm-256color", **environment}
        clean = {k: v for k, v in os.environ.items() if k != "NO_COLOR"}
        self.process = subprocess.Popen([PILOTLIGHT, *arguments], stdin=slave, stdout=slave, stderr=slave,
                                        env={**clean, **names}, start_new_session=True,
                                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        self.text = ""

    def read(self, seconds=0.1):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if select.select([self.master], [], [], 0.02)[0]:
                self.text += os.read(self.master, 65536).decode("utf-8", "replace")
        return self.text

    def screen(self):
        """What was drawn last."""
        return self.text.rsplit(ESCAPE + "[H", 1)[-1]

    def wait_for(self, pattern):
        return wait_until(lambda: re.search(pattern, self.read(0.05) and self.screen()), pattern, 10, context=lambda: repr(self.text[-2000:]))

    def type(self, text):
        os.write(self.master, text.encode())

    def resize(self, columns, lines):
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.process.send_signal(signal.SIGWINCH)

    def finish(self):
        status = self.process.wait(5)
        self.read(0.1)
        return status

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(5)
        os.close(self.master)
        os.close(self.slave)


class Running(harness.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.gw = harness.Gateway(service(scale={"min-scale": 1, "max-scale": 1}), service("flux", scale={"max-scale": 1}),
                                 simulator={"SERVICE": "4"})
        cls.gw.wait_for_ready(1)
        cls.server = f"http://127.0.0.1:{cls.gw.admin}"
        # One works for a while and another waits behind it.
        cls.clients = [threading.Thread(target=cls.gw.generate, kwargs={"headers": {"X-Request-Id": name}})
                       for name in ("first-dog", "second-dog")]
        for client in cls.clients:
            client.start()

    @classmethod
    def tearDownClass(cls):
        for client in cls.clients:
            client.join(20)
        cls.gw.end()

    def terminal(self, *arguments, **options):
        terminal = OnTerminal(*arguments, "--server", self.server, **options)
        self.addCleanup(terminal.close)
        return terminal

    def top(self, *arguments, **environment):
        return pilotlight("top", *arguments, "--server", self.server, **environment)

    # --- top

    def test_a_top_on_a_terminal_shows_who_is_busy_and_who_waits_in_colour(self):
        top = self.terminal("top")
        top.wait_for(r"sd-00001-")
        top.wait_for(r"1 busy.*1 waiting, the oldest")
        top.wait_for(r"(first|second)-dog")
        self.assertIn(ESCAPE + "[36m", top.screen())
        self.assertIn(ESCAPE + "[?1049h", top.text)
        top.type("2")
        top.wait_for(r"  waiting\x1b\[0m")
        self.assertNotIn("flux", top.screen())
        top.type("0")
        top.wait_for(r"default/flux")
        top.resize(40, 12)
        top.wait_for(r"1-9 0 q")
        for line in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", top.screen()).splitlines():
            self.assertLessEqual(len(line), 40, line)
        top.type("q")
        self.assertEqual(top.finish(), 0)
        self.assertTrue(top.text.rstrip("\r\n").endswith(ESCAPE + "[?1049l"), repr(top.text[-60:]))
        self.assertEqual(termios.tcgetattr(top.slave), top.before)

    def test_top_gives_the_terminal_back_when_it_is_interrupted(self):
        for how in ("\x03", signal.SIGTERM):
            top = self.terminal("top", NO_COLOR="1")
            top.wait_for("default/sd")
            self.assertEqual(re.findall(r"\x1b\[[1-9]\d*m", top.text), [], "NO_COLOR")
            top.type(how) if isinstance(how, str) else top.process.send_signal(how)
            self.assertEqual(top.finish(), 0)
            self.assertIn(ESCAPE + "[?1049l", top.text)
            self.assertEqual(termios.tcgetattr(top.slave), top.before)

    def test_top_on_a_dumb_terminal_is_a_table(self):
        top = self.terminal("top", TERM="dumb")
        self.assertEqual(top.finish(), 0)
        self.assertNotIn(ESCAPE, top.text)
        self.assertIn("SERVICE", top.text)

    def test_top_in_a_script_is_a_table_without_colours(self):
        done = self.top()
        self.assertEqual((done.returncode, done.stderr), (0, ""), done)
        self.assertRegex(done.stdout, r"^SERVICE +READY +WANTED +BUSY +QUEUE +OLDEST +REASON\ndefault/flux|default/sd")
        self.assertRegex(done.stdout, r"\nPOD +STATE +FOR +SESSIONS +RESTARTS +REQUEST\nsd-00001-")
        self.assertNotIn(ESCAPE, done.stdout)
        self.assertEqual(self.top("-n", "2", "sd").stdout.count("SERVICE"), 2)
        self.assertNotIn("flux", self.top("sd").stdout)

    def test_top_for_programs_keeps_its_names(self):
        whole = json.loads(self.top("-o", "json").stdout)
        self.assertEqual(set(whole), {"time", "version", "serving", "draining", "connections", "requests", "services", "pods"})
        self.assertEqual(set(whole["services"][0]), {
            "name", "revision", "host", "wanted", "ready", "starting", "running", "waiting", "oldestWait", "minScale",
            "maxScale", "crashLooping", "reason"})
        self.assertEqual(set(whole["pods"][0]), {"name", "service", "state", "seconds", "sessions", "restarts", "message", "work"})

    def test_top_without_a_gateway_or_service_says_so(self):
        done = pilotlight("top", "--server", f"http://127.0.0.1:{self.gw.ports.spare}")
        self.assertEqual(done.returncode, 1)
        self.assertIn("no gateway at", done.stderr)
        done = self.top("nobody")
        self.assertEqual(done.returncode, 1)
        self.assertIn('no service "nobody"', done.stderr)
        self.assertEqual(self.top("-n", "0").returncode, 2)

    def test_get_for_programs_keeps_its_names(self):
        pods = json.loads(pilotlight("get", "pods", "-o", "json", "--server", self.server).stdout)
        self.assertLessEqual({"apiVersion", "kind", "items"}, set(pods))
        self.assertLessEqual({"apiVersion", "kind", "metadata", "spec", "status"}, set(pods["items"][0]))
        self.assertLessEqual({"phase", "podIP", "conditions", "containerStatuses"}, set(pods["items"][0]["status"]))

    # --- completion, by bash itself

    def complete(self, *words, word=None):
        """What bash offers after `pilotlight WORDS... WORD`, torn into words as bash tears them."""
        typed = [PILOTLIGHT, *words]
        script = f"""
            source <({PILOTLIGHT} completion bash) || exit 9
            COMP_WORDS=({" ".join("'" + w + "'" for w in typed)}) COMP_CWORD={len(typed) - 1}
            _pilotlight
            printf '%s\\n' "${{COMPREPLY[@]}}" """
        done = subprocess.run(["bash", "--norc", "-c", script], capture_output=True, text=True, timeout=10, check=False,
                              cwd=ROOT, env={**os.environ, "PILOTLIGHT_SERVER": self.server})
        self.assertEqual((done.returncode, done.stderr), (0, ""), done)
        return done.stdout.split()

    def test_bash_completes_commands_flags_and_their_values(self):
        self.assertEqual(self.complete("s"), ["serve", "scale", "simulate"])
        self.assertEqual(self.complete("get", "pods", "--wa"), ["--watch"])
        self.assertEqual(self.complete("get", "pods", "-o", "y"), ["yaml"])
        self.assertEqual(self.complete("get", "pods", "--output", "=", "y"), ["yaml"])
        self.assertEqual(self.complete("completion", ""), ["bash", "zsh", "fish"])

    def test_bash_completes_files(self):
        self.assertEqual(self.complete("serve", "-f", "conf/knative-sd"), ["conf/knative-sd-demo.yaml"])
        self.assertIn("conf", self.complete("serve", "--state-dir", "con"))

    def test_bash_completes_the_names_that_the_gateway_has(self):
        pods = [pod.name for pod in self.gw.pods()]
        self.assertEqual(self.complete("logs", "sd-"), pods)
        self.assertEqual(self.complete("get", "pod", ""), pods)
        self.assertEqual(self.complete("scale", "fl"), ["flux"])
        self.assertEqual(sorted(self.complete("top", "")), ["flux", "sd"])

    def test_without_a_gateway_there_are_no_names_and_no_complaints(self):
        nobody = f"http://127.0.0.1:{self.gw.ports.spare}"
        self.assertEqual(self.complete("logs", "--server", nobody, ""), [])


class Told(harness.TestCase):
    """What is said without any gateway."""

    def test_the_scripts_of_the_shells_are_right_for_them(self):
        for shell in ("bash", "zsh", "fish"):
            script = pilotlight("completion", shell)
            self.assertEqual(script.returncode, 0)
            self.assertIn("__complete", script.stdout)
            if shutil.which(shell):
                checked = subprocess.run([shell, "-n"], input=script.stdout, capture_output=True, text=True, check=False)
                self.assertEqual((checked.returncode, checked.stderr), (0, ""), shell)
        self.assertEqual(pilotlight("completion", "tcsh").returncode, 2)
        self.assertEqual(pilotlight("completion").returncode, 2)

    def test_the_man_page_and_the_help_have_the_same_commands_and_flags(self):
        with open(MAN_PAGE, encoding="utf-8") as page:
            text = page.read().replace("\\-", "-")
        sections = dict(re.findall(r'^\.SS "?([a-z-]+)"?\n(.*?)(?=^\.S[SH] )', text, re.M | re.S))
        self.assertEqual(sorted(sections), sorted(commands()))
        connection = flags_of(re.search(r"^\.SS The connection flags\n(.*?)(?=^\.S[SH] )", text, re.M | re.S).group(1))
        self.assertEqual(len(connection), 5)
        for command in commands():
            told = set(re.findall(r"^(?:\.B\S* )?.*?(--[a-z][a-z-]+)", "\n".join(
                re.findall(r"^\.TP\n(.*)$", sections[command], re.M)), re.M))
            if "connection flags" in sections[command]:
                told |= connection
            self.assertEqual(told | {"--help"}, flags_in_help(command), command)

    def test_the_man_page_has_the_variables_of_the_help(self):
        with open(MAN_PAGE, encoding="utf-8") as page:
            told = set(re.findall(r"PILOTLIGHT_[A-Z_]+", page.read().replace("\\-", "-")))
        known = {name for command in commands() for name in re.findall(r"\$(PILOTLIGHT_\w+)", pilotlight(command, "--help").stdout)}
        self.assertEqual(known - told, set())
        self.assertGreater(len(known), 10)

    def test_the_man_page_is_right_for_groff(self):
        if not shutil.which("groff"):
            return
        done = subprocess.run(["groff", "-man", "-ww", "-z", "-Tutf8", MAN_PAGE], capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_what_is_written_wrong_is_met_with_what_is_right(self):
        for words, advice in ((("serv",), "did you mean serve?"), (("get", "pod", "--namespce", "x"), "did you mean --namespace?"),
                              (("get", "pdos"), "did you mean pods?"), (("get", "pods", "-o", "ymal"), "did you mean yaml?"),
                              (("serve", "conf"), "files are given with -f"), (("scale", "sd"), "--replicas N"),
                              (("serve", "--prot", "80", "-f", "conf"), "did you mean --port?"),
                              (("check", "conf"), "write -f conf"), (("logs", "-w", "sd"), "it is one of pilotlight get")):
            done = pilotlight(*words)
            self.assertEqual(done.returncode, 2, (words, done))
            self.assertIn(advice, done.stderr)
            self.assertEqual(done.stdout, "")

    def test_check_and_explain_for_programs_keep_their_names(self):
        whole = json.loads(pilotlight("check", "-f", os.path.join(ROOT, "conf"), "-o", "json").stdout)
        self.assertEqual(set(whole), {"valid", "problems", "services"})
        self.assertEqual(set(whole["services"][0]), {"namespace", "name", "hosts", "image", "containerConcurrency", "minScale", "maxScale"})
        wrong = pilotlight("check", "-f", "/no/such.yaml", "-o", "json")
        self.assertEqual(wrong.returncode, 1)
        told = json.loads(wrong.stdout)
        self.assertFalse(told["valid"])
        self.assertEqual(set(told["problems"][0]), {"file", "line", "column", "warning", "text"})
        one = json.loads(pilotlight("explain", "POST", harness.TXT2IMG, "-f", harness.DEMO, "-o", "json").stdout)
        self.assertEqual(set(one), {"class", "meaning", "rule", "origin", "taskOnly", "until", "towards", "route"})
        self.assertEqual((one["class"], one["route"]["service"]), ("G", "default/knative-sd-demo"))
        self.assertEqual(set(one["route"]), {"service", "port"})
        tables = json.loads(pilotlight("explain", "--list", "-o", "json").stdout)
        self.assertEqual(set(tables[0]), {"service", "profile", "rules"})
        self.assertEqual(set(tables[0]["rules"][0]), {"class", "rule", "origin"})
