"""Serves folders as real git repositories over https on loopback, for the demo and the tests.

Stands in for GitHub: bare repositories behind `git http-backend`, so that clients meet git's real
protocol, shallow and partial fetches included, and a throw-away certificate authority.

    python examples/git_server.py --port 8443 --home /tmp/served digits=examples/digits

prints a link and the commit of each folder; clients trust `<home>/ca.pem` (GIT_SSL_CAINFO).
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import ssl
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import trustme

if not __package__:  # Started as a script: the checkout's top is not on the path yet.
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from examples.git_http import Behaviour, GitHttpServer, git_environment

__all__ = ["Behaviour", "GitServer"]

_CONFIG = {
    "uploadpack.allowFilter": "true",
    "uploadpack.allowAnySHA1InWant": "true",
    "gc.auto": "0",
}


class GitServer:
    """Bare repositories under `home`, served at `https://localhost:PORT/owner/name` while open."""

    def __init__(
        self, home: Path, *, port: int = 0, behaviour: Mapping[str, Behaviour] | None = None
    ) -> None:
        self.home = home
        home.mkdir(parents=True, exist_ok=True)
        authority = trustme.CA()
        authority.cert_pem.write_to_path(str(self.ca_file))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
        self._http = GitHttpServer(port, home, context)
        self._http.behaviour.update(behaviour or {})
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

    @property
    def behaviour(self) -> dict[str, Behaviour]:
        """How each `owner/name` treats its clients; may be changed while serving."""
        return self._http.behaviour

    @property
    def requests(self) -> list[str]:
        """`METHOD /path` of every request, oldest first."""
        return self._http.requests

    @property
    def headers(self) -> list[dict[str, str]]:
        """The headers of every request, in the same order."""
        return self._http.headers

    @property
    def stalled(self) -> threading.Event:
        """Set when a client was left waiting."""
        return self._http.stalled

    def url(self, name: str) -> str:
        """The address of `owner/name`."""
        return f"https://{self.host}/{name}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.closing.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def add(self, name: str, folder: Path, *, branch: str = "main") -> str:
        """Serve a folder's content as the only commit of a branch; returns its sha."""
        self._init(name, branch)
        with tempfile.TemporaryDirectory() as scratch:
            env = {
                "GIT_INDEX_FILE": f"{scratch}/index",
                "GIT_WORK_TREE": str(folder.absolute()),
            }
            what = ("--", ".", ":!**/__pycache__/*")
            self.git(name, "add", "--all", "--force", *what, env=env, cwd=folder)
            tree = self.git(name, "write-tree", env=env)
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
        """Commit files, symbolic links and submodules (path: sha) on top of a branch."""
        self._init(name, branch)
        entries = [f"100644 {self._blob(name, text)}\t{path}" for path, text in files.items()]
        entries += [f"120000 {self._blob(name, to)}\t{path}" for path, to in (links or {}).items()]
        entries += [f"160000 {sha}\t{path}" for path, sha in (submodules or {}).items()]
        parent = self.git(name, "for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}")
        with tempfile.TemporaryDirectory() as scratch:
            env = {"GIT_INDEX_FILE": f"{scratch}/index"}
            if parent:
                self.git(name, "read-tree", parent, env=env)
            listing = "\0".join([*entries, ""]).encode()
            self.git(name, "update-index", "-z", "--index-info", env=env, stdin=listing)
            tree = self.git(name, "write-tree", env=env)
        message = f"Change {len(entries)} files"
        return self._commit_tree(name, tree, branch, message=message, parent=parent)

    def git(
        self,
        name: str,
        *arguments: str,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        stdin: bytes = b"",
    ) -> str:
        """Run git in a served repository; returns what it prints."""
        done = subprocess.run(
            ["git", *arguments],
            cwd=cwd,
            env={**git_environment(), "GIT_DIR": str(self._path(name)), **(env or {})},
            input=stdin,
            capture_output=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"git {' '.join(arguments)}: {done.stderr.decode()}")
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

    def _blob(self, name: str, content: str | bytes) -> str:
        data = content.encode() if isinstance(content, str) else content
        return self.git(name, "hash-object", "-w", "--stdin", stdin=data)

    def _commit_tree(
        self, name: str, tree: str, branch: str, *, message: str, parent: str = ""
    ) -> str:
        parents = ("-p", parent) if parent else ()
        sha = self.git(name, "commit-tree", tree, *parents, "-m", message)
        self.git(name, "update-ref", f"refs/heads/{branch}", sha)
        return sha


def main() -> None:
    """Serve until the terminal says stop."""
    parser = argparse.ArgumentParser(description="Serve folders as git repositories over https.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--home", type=Path, required=True, help="for repositories and ca.pem")
    parser.add_argument("folders", nargs="+", metavar="[owner/]name=folder")
    options = parser.parse_args()
    with (
        GitServer(options.home, port=options.port) as server,
        contextlib.suppress(KeyboardInterrupt),
    ):
        for item in options.folders:
            name, _, folder = item.partition("=")
            name = name if "/" in name else f"examples/{name}"
            shutil.rmtree(options.home / f"{name}.git", ignore_errors=True)
            print(server.url(name), server.add(name, Path(folder)), flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
