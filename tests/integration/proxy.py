"""A real nginx with the example's configuration, TLS by a test CA, and a stand-in for oauth2-proxy."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import trustme

from examples.app_process import ROOT, free_port
from tests.waiting import wait_for

HOST = "runner.example"
CONFIGURATION = ROOT / "examples" / "team" / "nginx.conf"
#: Unpacked by `make nginx` where the machine has none of its own.
UNPACKED = ROOT / "build" / "nginx" / "usr" / "sbin" / "nginx"

_FRAME = """
daemon off;
master_process off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 128; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/site.conf;
}}
"""

#: Whom the stand-in knows: the cookie's value, and what oauth2-proxy would answer.
PEOPLE = {
    "vera": ("vera@example.org", "staff"),
    "sam": ("sam@example.org", "staff,ml"),
    "sue": ("sue@example.org", "ml"),
    "olga": ("olga@example.org", "ml-admins"),
    "nobody": ("nobody@example.org", "guests"),
}


class _SignIn(BaseHTTPRequestHandler):
    """`/oauth2/auth` as oauth2-proxy answers it: 202 and who it is, or 401."""

    def do_GET(self) -> None:
        cookie = SimpleCookie(self.headers.get("Cookie", "")).get("signed_in")
        person = PEOPLE.get(cookie.value) if cookie else None
        self.send_response(202 if person else 401)
        if person:
            self.send_header("X-Auth-Request-Email", person[0])
            self.send_header("X-Auth-Request-Groups", person[1])
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Quiet."""


class Proxy:
    """Where it listens, and what its clients must trust."""

    def __init__(self, folder: Path, secret: str, app_port: int, ui_port: int) -> None:
        self.folder = folder
        self.port = free_port()
        self.address = f"https://{HOST}:{self.port}"
        self._secret = secret
        self._ports = (app_port, ui_port)
        authority = trustme.CA()
        self.trust = ssl.create_default_context()
        authority.configure_trust(self.trust)
        self.ca_file = folder / "ca.pem"
        authority.cert_pem.write_to_path(str(self.ca_file))
        certificate = authority.issue_cert(HOST)
        certificate.private_key_pem.write_to_path(str(folder / "runner.key"))
        for pem in certificate.cert_chain_pems:
            pem.write_to_path(str(folder / "runner.crt"), append=True)

    def configure(self, sign_in_port: int) -> Path:
        """The example, with this test's places."""
        site = CONFIGURATION.read_text()
        for example, ours in {
            "listen 443 ssl": f"listen 127.0.0.1:{self.port} ssl",
            "/etc/nginx/runner.example.crt": f"{self.folder}/runner.crt",
            "/etc/nginx/runner.example.key": f"{self.folder}/runner.key",
            "/etc/nginx/repo-runner-secret.conf": f"{self.folder}/secret.conf",
            "127.0.0.1:4180": f"127.0.0.1:{sign_in_port}",
            "127.0.0.1:7501": f"127.0.0.1:{self._ports[0]}",
            "127.0.0.1:7502": f"127.0.0.1:{self._ports[1]}",
        }.items():
            assert example in site, f"{example} is not in the example any more"
            site = site.replace(example, ours)
        (self.folder / "site.conf").write_text(site)
        secret = self.folder / "secret.conf"
        secret.touch(mode=0o600)
        secret.write_text(f'set $runner_secret "{self._secret}";\n')
        path = self.folder / "nginx.conf"
        path.write_text(_FRAME.format(folder=self.folder))
        return path

    @contextmanager
    def running(self) -> Iterator[Proxy]:
        """Until the end of the block."""
        sign_in = ThreadingHTTPServer(("127.0.0.1", 0), _SignIn)
        thread = threading.Thread(target=sign_in.serve_forever, daemon=True)
        thread.start()
        path = self.configure(sign_in.server_port)
        command = [nginx(), "-p", str(self.folder), "-c", str(path)]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        try:
            wait_for((self.folder / "nginx.pid").exists, what="nginx", log=self.said)
            yield self
        finally:
            process.terminate()
            process.wait(20)
            sign_in.shutdown()
            sign_in.server_close()
            thread.join()

    def said(self) -> str:
        """What nginx complained about."""
        log = self.folder / "error.log"
        return log.read_text() if log.exists() else "nothing"


def nginx() -> str:
    """The machine's own, or the unpacked one."""
    found = shutil.which("nginx") or (str(UNPACKED) if UNPACKED.exists() else None)
    assert found, "no nginx: run `make nginx`"
    return found
