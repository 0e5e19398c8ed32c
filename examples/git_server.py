"""Serves folders as real git repositories over https on loopback, with a throw-away certificate authority.

Stands in for GitHub in the demo, the benchmarks and the tests: the repositories are bare ones behind `git http-backend`,
so that clients meet git's real protocol, shallow and partial fetches included.

    python examples/git_server.py --port 8443 --home /tmp/served digits=examples/digits

prints a clone URL and the commit of each folder; clients trust `<home>/ca.pem` (GIT_SSL_CAINFO).
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import os
import shutil
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

import trustme

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
_CONFIG = {
    "uploadpack.allowFilter": "true",
    "uploadpack.allowAnySHA1InWant": "true",
    "gc.auto": "0",
}
_CHUNK_BYTES = 1 << 16


@dataclass(frozen=True)
class Behaviour:
    """How a repository's server treats its clients; the default is well."""

    #: `user:password` to ask for; empty: public.
    auth: str = ""
    #: Answer every request with this status and, for a redirect, this target.
    status: int = 0
    location: str = ""
    #: Send this many bytes of a pack, then nothing more.
    stall_after_bytes: int | None = None
    #: Send this many bytes of a pack, then close the connection.
    cut_after_bytes: int | None = None


class GitServer:
    """Bare repositories under `home`, served at `https://localhost:PORT/owner/name` while the context is open."""

    def __init__(
        self, home: Path, *, port: int = 0, behaviour: Mapping[str, Behaviour] | None = None
    ) -> None:
        self.home = home
        #: By `owner/name`; may be changed while serving.
        self.behaviour: dict[str, Behaviour] = dict(behaviour or {})
        #: `METHOD /path` of every request, oldest first.
        self.requests: list[str] = []
        #: The headers of every request, in the same order.
        self.headers: list[dict[str, str]] = []
        #: Set when the server closes; whoever stalls waits for it.
        self.closing = threading.Event()
        #: Set when a client has been left waiting.
        self.stalled = threading.Event()
        home.mkdir(parents=True, exist_ok=True)
        authority = trustme.CA()
        authority.cert_pem.write_to_path(str(self.ca_file))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
        self._http = _HttpServer(port, self, context)
        self._thread = threading.Thread(
            target=self._http.serve_forever, name="git-server", daemon=True
        )

    @property
    def ca_file(self) -> Path:
        """The certificate authority that clients have to trust."""
        return self.home / "ca.pem"

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._http.server_address[1])

    @property
    def host(self) -> str:
        """`localhost:PORT`, as an allow-list names it."""
        return f"localhost:{self.port}"

    def url(self, name: str) -> str:
        """The address of `owner/name`."""
        return f"https://{self.host}/{name}"

    def __enter__(self) -> GitServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def add(self, name: str, folder: Path, *, branch: str = "main") -> str:
        """Serve a folder's content as the only commit of a branch; returns its sha."""
        self._init(name, branch)
        with tempfile.TemporaryDirectory() as scratch:
            index = {"GIT_INDEX_FILE": f"{scratch}/index", "GIT_WORK_TREE": str(folder.absolute())}
            self.git(
                name,
                "add",
                "--all",
                "--force",
                "--",
                ".",
                ":!**/__pycache__/*",
                env=index,
                cwd=folder,
            )
            tree = self.git(name, "write-tree", env=index)
        return self._commit_tree(name, tree, branch, message=f"Add {folder.name}")

    def commit(
        self,
        name: str,
        files: Mapping[str, str | bytes],
        *,
        branch: str = "main",
        links: Mapping[str, str] | None = None,
        submodules: Mapping[str, str] | None = None,
    ) -> str:
        """Commit files, symbolic links and submodules (path: sha) on top of a branch; returns the sha."""
        self._init(name, branch)
        with tempfile.TemporaryDirectory() as scratch:
            index = {"GIT_INDEX_FILE": f"{scratch}/index"}
            parent = self.git(
                name, "for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}"
            )
            if parent:
                self.git(name, "read-tree", parent, env=index)
            entries = [
                f"100644 {self.add_object(name, content)}\t{path}"
                for path, content in files.items()
            ]
            entries += [
                f"120000 {self.add_object(name, to)}\t{path}" for path, to in (links or {}).items()
            ]
            entries += [f"160000 {sha}\t{path}" for path, sha in (submodules or {}).items()]
            self.git(
                name,
                "update-index",
                "-z",
                "--index-info",
                env=index,
                stdin="\0".join(entries).encode() + b"\0",
            )
            tree = self.git(name, "write-tree", env=index)
        return self._commit_tree(
            name, tree, branch, message=f"Change {len(files)} files", parent=parent
        )

    def add_object(self, name: str, content: str | bytes) -> str:
        """Store one blob; returns its id."""
        data = content.encode() if isinstance(content, str) else content
        return self.git(name, "hash-object", "-w", "--stdin", stdin=data)

    def git(
        self,
        name: str,
        *arguments: str,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        stdin: bytes = b"",
    ) -> str:
        """Run git in a served repository; returns what it prints."""
        command = ["git", *arguments]
        done = subprocess.run(
            command,
            cwd=cwd,
            env={**git_environment(), "GIT_DIR": str(self._path(name)), **(env or {})},
            input=stdin,
            capture_output=True,
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr.decode()}")
        return done.stdout.decode().strip()

    def _path(self, name: str) -> Path:
        return self.home.absolute() / f"{name}.git"

    def _init(self, name: str, branch: str) -> None:
        if self._path(name).exists():
            return
        self._path(name).mkdir(parents=True)
        self.git(name, "init", "--quiet", "--bare", "--template=", f"--initial-branch={branch}")
        for key, value in _CONFIG.items():
            self.git(name, "config", key, value)

    def _commit_tree(
        self, name: str, tree: str, branch: str, *, message: str, parent: str = ""
    ) -> str:
        parents = ("-p", parent) if parent else ()
        sha = self.git(name, "commit-tree", tree, *parents, "-m", message)
        self.git(name, "update-ref", f"refs/heads/{branch}", sha)
        return sha


def git_environment() -> dict[str, str]:
    """What git needs and nothing of the person's own configuration."""
    alone = {
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "HOME": os.devnull,
        "LC_ALL": "C",
    }
    return {"PATH": os.environ.get("PATH", os.defpath), **alone, **_IDENTITY}


class _HttpServer(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, port: int, git_server: GitServer, context: ssl.SSLContext) -> None:
        self.git_server = git_server
        self._context = context
        super().__init__(("127.0.0.1", port), _Handler)

    def finish_request(self, request: Any, client_address: Any) -> None:
        # The handshake runs in the connection's own thread, so that a slow client holds up nobody.
        with contextlib.suppress(OSError, ssl.SSLError):
            request.settimeout(60)
            with self._context.wrap_socket(request, server_side=True) as secure:
                super().finish_request(secure, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""


class _Handler(BaseHTTPRequestHandler):
    """One connection: every request is handed to `git http-backend`."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _HttpServer

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def log_message(self, format: str, *args: object) -> None:
        """Quiet: `requests` holds what was asked."""

    def _serve(self) -> None:
        git_server = self.server.git_server
        git_server.requests.append(f"{self.command} {self.path}")
        git_server.headers.append(dict(self.headers.items()))
        with tempfile.TemporaryFile() as body:
            self._receive(body)
            path = urlsplit(self.path).path
            behaviour = git_server.behaviour.get("/".join(path.split("/")[1:3]), Behaviour())
            if not self._is_refused(behaviour):
                self._run_backend(path, body, behaviour)

    def _receive(self, body: IO[bytes]) -> None:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            while size := int(self.rfile.readline(), 16):
                body.write(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
        else:
            body.write(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
        body.flush()

    def _is_refused(self, behaviour: Behaviour) -> bool:
        expected = "Basic " + base64.b64encode(behaviour.auth.encode()).decode()
        if behaviour.status:
            self._answer(
                behaviour.status, {"Location": behaviour.location} if behaviour.location else {}
            )
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

    def _run_backend(self, path: str, body: IO[bytes], behaviour: Behaviour) -> None:
        environment = self._cgi_environment(path, body.tell())
        body.seek(0)
        command = ["git", "http-backend"]
        with subprocess.Popen(
            command, env=environment, stdin=body, stdout=subprocess.PIPE
        ) as backend:
            assert backend.stdout is not None
            try:
                self._send_headers(backend.stdout)
                self._send_body(
                    backend.stdout, behaviour if self.command == "POST" else Behaviour()
                )
            finally:
                backend.kill()

    def _cgi_environment(self, path: str, size_bytes: int) -> dict[str, str]:
        owner, name, *rest = path.lstrip("/").split("/")
        return {
            **git_environment(),
            "GIT_PROJECT_ROOT": str(self.server.git_server.home.absolute()),
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

    def _send_body(self, output: IO[bytes], behaviour: Behaviour) -> None:
        sent = 0
        while chunk := os.read(output.fileno(), _CHUNK_BYTES):
            limit = self._limit(behaviour)
            if limit is not None and sent + len(chunk) > limit:
                self._write_chunk(chunk[: max(0, limit - sent)])
                self._misbehave(behaviour)
                return
            self._write_chunk(chunk)
            sent += len(chunk)
        self.wfile.write(b"0\r\n\r\n")

    @staticmethod
    def _limit(behaviour: Behaviour) -> int | None:
        cut = behaviour.cut_after_bytes
        return behaviour.stall_after_bytes if cut is None else cut

    def _write_chunk(self, chunk: bytes) -> None:
        if chunk:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))

    def _misbehave(self, behaviour: Behaviour) -> None:
        self.close_connection = True
        if behaviour.stall_after_bytes is not None:
            self.server.git_server.stalled.set()
            self.server.git_server.closing.wait()


def main() -> None:
    """Serve until the terminal says stop."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument(
        "--home", type=Path, required=True, help="folder for the repositories and ca.pem"
    )
    parser.add_argument("folders", nargs="+", metavar="[owner/]name=folder")
    options = parser.parse_args()
    with GitServer(options.home, port=options.port) as server:
        for item in options.folders:
            name, _, folder = item.partition("=")
            name = name if "/" in name else f"examples/{name}"
            shutil.rmtree(options.home / f"{name}.git", ignore_errors=True)
            sha = server.add(name, Path(folder))
            print(server.url(name), sha, flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
