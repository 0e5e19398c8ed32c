"""git's smart protocol over https: each request is handed to `git http-backend`.

Beyond serving well, a repository can be made to ask for a password, to redirect, to stall or to cut
the connection, so that clients can be tried against it.
"""

from __future__ import annotations

import base64
import contextlib
import io
import os
import select
import ssl
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from examples.lfs_http import Lfs

#: The same content gives the same commit everywhere and always.
_IDENTITY = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (
        ("NAME", "Example"),
        ("EMAIL", "example@localhost"),
        ("DATE", "1700000000 +0000"),
    )
}
_CHUNK_BYTES = 1 << 16
_HANDSHAKE_TIMEOUT_S = 60
_LOOK_S = 0.1


@dataclass(frozen=True)
class Behaviour:
    """How a repository treats its clients; the default is well."""

    #: `user:password` to ask for; empty: public.
    auth: str = ""
    #: Answer every request with this status and, for a redirect, this target.
    status: int = 0
    location: str = ""
    #: Send so many bytes of each answer to a POST (0: none), then nothing more.
    stall_after_bytes: int | None = None
    #: Send so many bytes of each answer to a POST, then close the connection.
    cut_after_bytes: int | None = None
    #: Its Git LFS objects; stalls and cuts befall their downloads too.
    lfs: Lfs | None = None


def git_environment() -> dict[str, str]:
    """What git needs, and nothing of the person's own configuration."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": os.devnull,
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        **_IDENTITY,
    }


class GitHttpServer(ThreadingHTTPServer):
    """Serves the bare repositories below a folder, on loopback only."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, port: int, home: Path, context: ssl.SSLContext) -> None:
        self.home = home.absolute()
        #: By `owner/name`.
        self.behaviour: dict[str, Behaviour] = {}
        self.requests: list[str] = []
        self.headers: list[dict[str, str]] = []
        #: Set when the server closes; whoever stalls waits for it.
        self.closing = threading.Event()
        self.stalled = threading.Event()
        self._context = context
        super().__init__(("127.0.0.1", port), _Handler)

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Shake hands in the connection's own thread, so that a slow client holds up nobody."""
        with contextlib.suppress(OSError):
            request.settimeout(_HANDSHAKE_TIMEOUT_S)
            with self._context.wrap_socket(request, server_side=True) as secure:
                super().finish_request(secure, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: GitHttpServer

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def log_message(self, *_: object) -> None:
        """Quiet: `requests` holds what was asked."""

    def _serve(self) -> None:
        self.server.requests.append(f"{self.command} {self.path}")
        self.server.headers.append(dict(self.headers.items()))
        path = urlsplit(self.path).path
        name = "/".join(path.split("/")[1:3]).removesuffix(".git")
        behaviour = self.server.behaviour.get(name, Behaviour())
        with tempfile.TemporaryFile() as body:
            self._receive(body)
            if self._is_refused(behaviour):
                return
            if behaviour.lfs and "/info/lfs/" in path:
                self._serve_lfs(behaviour.lfs, path, body, behaviour)
            else:
                self._run_backend(path, body, behaviour)

    def _receive(self, body: IO[bytes]) -> None:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            while size := int(self.rfile.readline(), 16):
                body.write(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
        else:
            body.write(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

    def _is_refused(self, behaviour: Behaviour) -> bool:
        expected = "Basic " + base64.b64encode(behaviour.auth.encode()).decode()
        if behaviour.status:
            self._answer(behaviour.status, {"Location": behaviour.location})
        elif behaviour.auth and self.headers.get("Authorization") != expected:
            self._answer(401, {"WWW-Authenticate": 'Basic realm="git"'})
        else:
            return False
        return True

    def _answer(self, status: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": "0"}.items():
            self.send_header(name, value)
        self.end_headers()

    def _serve_lfs(self, lfs: Lfs, path: str, body: IO[bytes], behaviour: Behaviour) -> None:
        body.seek(0)
        status, headers, content = lfs.answer(path, body.read(), self.headers["Host"])
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        left = None if self.command == "POST" else self._first_bytes(behaviour)
        self.wfile.write(content[:left])
        if left is not None and len(content) > left:
            self._misbehave(behaviour)

    def _run_backend(self, path: str, body: IO[bytes], behaviour: Behaviour) -> None:
        environment = self._cgi_environment(path, body.tell())
        body.seek(0)
        command = ["git", "http-backend"]
        with subprocess.Popen(
            command, env=environment, stdin=body, stdout=subprocess.PIPE
        ) as backend:
            assert isinstance(backend.stdout, io.BufferedReader)
            try:
                self._send_headers(backend.stdout)
                self._send_body(backend.stdout, behaviour)
            finally:
                backend.kill()

    def _cgi_environment(self, path: str, size_bytes: int) -> dict[str, str]:
        owner, name, *rest = path.lstrip("/").split("/")
        return {
            **git_environment(),
            "GIT_PROJECT_ROOT": str(self.server.home),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "PATH_INFO": "/".join(["", owner, name.removesuffix(".git") + ".git", *rest]),
            "REQUEST_METHOD": self.command,
            "QUERY_STRING": urlsplit(self.path).query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(size_bytes),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "REMOTE_ADDR": "127.0.0.1",
        }

    def _send_headers(self, output: IO[bytes]) -> None:
        headers = dict(self._cgi_headers(output))
        self.send_response(int(headers.pop("Status", "200").split()[0]))
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    @staticmethod
    def _cgi_headers(output: IO[bytes]) -> Iterator[tuple[str, str]]:
        while line := output.readline().decode().strip():
            name, _, value = line.partition(":")
            yield name, value.strip()

    def _send_body(self, output: io.BufferedReader, behaviour: Behaviour) -> None:
        left = self._allowance(behaviour)
        while chunk := output.read1(_CHUNK_BYTES):
            self._write_chunk(chunk if left is None else chunk[:left])
            if left is not None and len(chunk) > left:
                self._misbehave(behaviour)
                return
            left = None if left is None else left - len(chunk)
        self.wfile.write(b"0\r\n\r\n")

    def _allowance(self, behaviour: Behaviour) -> int | None:
        return self._first_bytes(behaviour) if self.command == "POST" else None

    @staticmethod
    def _first_bytes(behaviour: Behaviour) -> int | None:
        cut = behaviour.cut_after_bytes
        return behaviour.stall_after_bytes if cut is None else cut

    def _write_chunk(self, chunk: bytes) -> None:
        if chunk:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))

    def _misbehave(self, behaviour: Behaviour) -> None:
        self.close_connection = True
        if behaviour.cut_after_bytes is None:
            self.server.stalled.set()
            self._wait_for_goodbye()

    def _wait_for_goodbye(self) -> None:
        """Until the client gives up, or the server closes."""
        while not self.server.closing.is_set():
            if select.select([self.connection], [], [], _LOOK_S)[0] and not self.connection.recv(1):
                return
