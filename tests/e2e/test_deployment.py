"""As a service manager runs it, and as a Debian package."""
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest

import harness
from harness import BIN, ROOT, TXT2IMG, service
from wire import prompt, request_text

PACKAGING = os.path.join(ROOT, "packaging")


class ServiceManager(harness.TestCase):
    """We open the sockets and hear the notices, as systemd does."""

    def managed(self, *manifests, **options):
        gateway = self.gateway(*manifests, start=False, **options)
        notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(notices.close)
        path = os.path.join(gateway.folder, "notify")
        notices.bind(path)
        notices.settimeout(20)
        door = socket.create_server(("127.0.0.1", gateway.port), backlog=64)
        self.addCleanup(door.close)
        environment = {**os.environ, "NOTIFY_SOCKET": path, "WATCHDOG_USEC": "400000"}

        def start():
            with open(gateway.log, "ab") as log:
                gateway.process = subprocess.Popen(
                    ["sh", "-c", 'exec 3<&"$0" && LISTEN_FDS=1 LISTEN_PID=$$ exec "$@"', str(door.fileno()),
                     os.path.join(BIN, "pilotlight"), "serve", "-f", gateway.manifests], stdout=log, stderr=log,
                    stdin=subprocess.DEVNULL, cwd=gateway.folder, env=environment, pass_fds=[door.fileno()])
        return gateway, door, notices, start

    def hear(self, gateway, notices, start):
        """The next notice that begins so; others pass by."""
        for _ in range(200):
            try:
                said = notices.recv(4096).decode()
            except TimeoutError:
                raise AssertionError(f"never heard: {start}\n{gateway.tail()}") from None
            if said.startswith(start):
                return said
        raise AssertionError("never heard: " + start)

    def test_a_client_who_comes_before_the_gateway_is_there_is_served_on_the_given_socket(self):
        gateway, _, notices, start = self.managed(service())
        with gateway.connect() as early:
            early.send(request_text("POST", TXT2IMG, body=prompt()))
            start()
            self.hear(gateway, notices, "READY=1")
            self.assert_status(early.response(), 200, gateway)

    def test_it_says_that_it_lives_and_that_it_stops_and_the_socket_outlives_it(self):
        gateway, _, notices, start = self.managed(service())
        start()
        self.hear(gateway, notices, "READY=1")
        self.hear(gateway, notices, "WATCHDOG=1")
        self.hear(gateway, notices, "WATCHDOG=1")
        gateway.process.send_signal(signal.SIGTERM)
        self.hear(gateway, notices, "STOPPING=1")
        self.assertEqual(gateway.process.wait(20), 0)
        with gateway.connect() as waits:  # nobody refuses it
            waits.send(request_text("GET", "/internal/ping"))

    def test_an_upgrade_by_signal_tells_which_process_is_the_main_one_now(self):
        gateway, _, notices, start = self.managed(service())
        start()
        self.hear(gateway, notices, "READY=1")
        gateway.process.send_signal(signal.SIGUSR2)
        successor = int(self.hear(gateway, notices, "MAINPID=").split("=")[1])
        self.addCleanup(lambda: os.path.exists(f"/proc/{successor}") and os.kill(successor, signal.SIGKILL))
        self.assertNotEqual(successor, gateway.process.pid)
        self.assertEqual(gateway.process.wait(20), 0, gateway.tail())
        self.hear(gateway, notices, "WATCHDOG=1")
        self.assert_status(gateway.generate(), 200, gateway)

    @unittest.skipUnless(shutil.which("systemd-analyze"), "needs systemd-analyze")
    def test_the_unit_is_one_that_systemd_reads_and_is_as_hard_as_the_docs_say(self):
        unit = os.path.join(PACKAGING, "pilotlight.service")
        done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager", unit],
                              capture_output=True, text=True, timeout=60, check=False)
        figure = done.stdout.split("Overall exposure level for pilotlight.service: ")[1].split()[0]
        with open(os.path.join(ROOT, "docs", "deployment.md"), encoding="utf-8") as docs:
            self.assertIn(f"exposure level {figure}", docs.read())


@unittest.skipUnless(shutil.which("dpkg") and shutil.which("cpack") and os.geteuid() == 0,
                     "needs dpkg, cpack and root")
class DebianPackage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="pilotlight-deb-")
        cls.root = os.path.join(cls.folder, "root")
        os.makedirs(os.path.join(cls.root, "var/lib/dpkg/updates"))
        os.makedirs(os.path.join(cls.root, "var/lib/dpkg/info"))
        os.makedirs(os.path.join(cls.root, "etc"))
        for name in ("status", "available"):
            open(os.path.join(cls.root, "var/lib/dpkg", name), "w", encoding="utf-8").close()
        config = os.path.join(os.path.dirname(BIN), "CPackConfig.cmake")
        cls.run_well("cpack", "-G", "DEB", "--config", config, "-B", cls.folder)
        cls.deb = [os.path.join(cls.folder, name) for name in os.listdir(cls.folder) if name.endswith(".deb")][0]

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder, ignore_errors=True)

    @staticmethod
    def run_well(*command, **options):
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, **options)
        if done.returncode != 0:
            raise AssertionError(f"{command}\n{done.stdout}{done.stderr}")
        return done.stdout

    def dpkg(self, *what):
        return self.run_well("dpkg", "--root=" + self.root, "--force-depends", "--force-script-chrootless",
                             "--log=" + os.path.join(self.folder, "log"), *what)

    def path(self, name):
        return os.path.join(self.root, name)

    def test_it_installs_runs_keeps_what_was_edited_and_goes(self):
        self.dpkg("-i", self.deb)
        for name in ("usr/bin/pilotlight", "usr/bin/sd-simulator", "usr/lib/systemd/system/pilotlight.service",
                     "usr/lib/systemd/system/pilotlight.socket", "usr/share/doc/pilotlight/copyright",
                     "usr/share/man/man1/pilotlight.1.gz", "usr/share/bash-completion/completions/pilotlight",
                     "usr/share/zsh/vendor-completions/_pilotlight", "usr/share/fish/vendor_completions.d/pilotlight.fish"):
            self.assertTrue(os.path.exists(self.path(name)), name)
        if shutil.which("systemd-sysusers"):
            with open(self.path("etc/passwd"), encoding="utf-8") as users:
                self.assertIn("pilotlight:", users.read())
        self.run_well(self.path("usr/bin/pilotlight"), "check", "-f", self.path("etc/pilotlight"))
        edited = self.path("etc/pilotlight/gateway.yaml")
        with open(edited, "a", encoding="utf-8") as file:
            file.write("# ours\n")
        self.dpkg("-i", self.deb)  # again: as an upgrade
        with open(edited, encoding="utf-8") as file:
            self.assertIn("# ours", file.read())
        self.dpkg("-r", "pilotlight")
        self.assertFalse(os.path.exists(self.path("usr/bin/pilotlight")))
        self.assertTrue(os.path.exists(edited), "an edited conffile went with the package")
        self.dpkg("-P", "pilotlight")
        self.assertFalse(os.path.exists(edited))

    def test_it_names_the_libraries_that_it_needs(self):
        depends = self.run_well("dpkg-deb", "-f", self.deb, "Depends")
        for library in ("libc6", "libssl3", "libboost-json1.81.0", "libyaml-cpp0.7", "libnghttp2-14"):
            self.assertIn(library, depends)
