"""Certificates made with the openssl command, and clients that speak TLS. Every wait is bounded."""
import os
import select
import socket
import ssl
import struct
import subprocess
import tempfile
import time

import wire


def openssl(*arguments, **options):
    return subprocess.run(["openssl", *arguments], check=True, capture_output=True, timeout=30, **options)


class Authority:
    """A certificate authority in a folder of its own, and what it signs."""

    def __init__(self, name="Test CA"):
        self.folder = tempfile.TemporaryDirectory(prefix="pilotlight-ca-")
        self.certificate, self._key = self.path("ca.pem"), self.path("ca.key")
        openssl("req", "-x509", *self._new_key(self._key), "-out", self.certificate, "-days", "90", "-subj",
                f"/CN={name}")

    def path(self, name):
        return os.path.join(self.folder.name, name)

    @staticmethod
    def _new_key(path):
        return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", path]

    def issue(self, file, names=(), subject="/CN=test", days=90):
        """(certificate, key), files named after `file`; a certificate for clients if there are no names."""
        certificate, key, request, extensions = (self.path(file + end) for end in (".pem", ".key", ".csr", ".ext"))
        openssl("req", "-new", *self._new_key(key), "-out", request, "-subj", subject)
        with open(extensions, "w", encoding="utf-8") as out:
            out.write("basicConstraints=CA:FALSE\n" + (f"subjectAltName={','.join(names)}\n" if names else ""))
        openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self._key, "-CAcreateserial",
                "-out", certificate, "-days", str(days), "-extfile", extensions)
        os.chmod(key, 0o600)
        return certificate, key

    def revoke(self, *certificates):
        """A file of all that were revoked so far."""
        settings, index, out = self.path("ca.conf"), self.path("index"), self.path("revoked.pem")
        with open(settings, "w", encoding="utf-8") as file:
            file.write(f"[ca]\ndefault_ca=us\n[us]\ndatabase={index}\ndefault_md=sha256\ndefault_crl_days=30\n")
        with open(index, "a", encoding="utf-8"):
            pass
        common = ["ca", "-config", settings, "-keyfile", self._key, "-cert", self.certificate]
        for certificate in certificates:
            openssl(*common, "-revoke", certificate)
        openssl(*common, "-gencrl", "-out", out + ".new")
        os.replace(out + ".new", out)
        return out

    def context(self, version=None, alpn=None, client=None):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(self.certificate)
        if version:
            context.minimum_version = context.maximum_version = version
        if alpn:
            context.set_alpn_protocols(alpn)
        if client:
            context.load_cert_chain(*client)
        return context


class Connection(wire.Connection):
    """wire.Connection over TLS. `before` goes out in the clear, ahead of the handshake."""

    def __init__(self, port, context, name=wire.HOST, before=b"", session=None, **options):
        super().__init__(port, **options)
        try:
            if before:
                self.socket.sendall(before)
            self.socket = context.wrap_socket(self.socket, server_hostname=name, session=session)
        except BaseException:
            self.socket.close()
            raise

    def more(self):
        try:
            return super().more()
        except ssl.SSLEOFError:  # it ended without saying so
            return False

    def exchange(self, octets, count):
        """Sends while it reads `count` octets. In one thread: OpenSSL's connections are not for two at a time."""
        self.socket.setblocking(False)
        sent, got, until = 0, bytearray(self.buffer), time.monotonic() + wire.SECONDS
        self.buffer = b""
        while len(got) < count and time.monotonic() < until:
            wants = [self.socket] if sent < len(octets) else []
            select.select([self.socket], wants, [], 1)
            try:
                if wants:
                    sent += self.socket.send(octets[sent:sent + (64 << 10)])
            except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
                pass
            try:
                more = self.socket.recv(64 << 10)
                if not more:
                    break
                got += more
            except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
                pass
        self.socket.setblocking(True)
        return bytes(got)

    @property
    def names(self):
        return sorted(value for _, value in self.socket.getpeercert()["subjectAltName"])


def proxy_1(client, family="TCP4", to="127.0.0.1"):
    return f"PROXY {family} {client} {to} 4711 443\r\n".encode()


def proxy_2(client=None, tlv=b"", command=0x21, family=0x11):
    addresses = b"" if client is None else socket.inet_aton(client) + socket.inet_aton("127.0.0.1") + b"\x12\x34\x01\xbb"
    return b"\r\n\r\n\0\r\nQUIT\n" + bytes([command, family]) + struct.pack(">H", len(addresses + tlv)) + addresses + tlv
