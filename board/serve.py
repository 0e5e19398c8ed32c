"""TensorBoard for one run, on a port of its own: `python serve.py`, started by the app (repo_runner/board.py).

Runs in an environment of its own and imports nothing of the app. What it must know is in REPO_RUNNER_BOARD, as JSON;
there, because other users of the machine can read a command line. It ends when nobody has used it for a while, and at
once when the app has gone: the app holds the other end of a pipe.
"""

from __future__ import annotations

import hmac
import json
import os
import re
import select
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from event_files import Feeder
from tensorboard import program
from werkzeug.serving import WSGIRequestHandler, make_server

_HOST = "127.0.0.1"
_FEED_EVERY_S = 2.0
_LOOK_EVERY_S = 1.0
_FOREIGN = re.compile(r" https?://\S+?(?=[ ;]|$)")


class Guard:
    """Only who knows the first part of the path gets an answer, and only by the name of this machine's loopback."""

    def __init__(self, app: Callable[..., Iterable[bytes]], prefix: str, ancestors: str) -> None:
        self._app = app
        self._prefix = prefix
        self._ancestors = ancestors
        self.used_at = time.monotonic()

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        """Refuse, or hand on."""
        host = f"{_HOST}:{environ['SERVER_PORT']}"
        first = "/" + environ["PATH_INFO"].lstrip("/").partition("/")[0]
        if (
            environ.get("HTTP_HOST") != host
            or environ.get("HTTP_ORIGIN", f"http://{host}") != f"http://{host}"
            or not hmac.compare_digest(first.encode(), self._prefix.encode())
        ):
            start("403 Forbidden", [("Content-Type", "text/plain")])
            return [b"Open TensorBoard from the page of a run."]
        self.used_at = time.monotonic()
        return self._app(environ, self._with_policy(start))

    def _with_policy(self, start: Callable[..., Any]) -> Callable[..., Any]:
        """TensorBoard's own, less the foreign hosts it allows; only the app's pages may frame it."""
        frame = f"frame-ancestors {self._ancestors}"

        def start_strictly(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            given = {name.lower(): value for name, value in headers}
            policy = _FOREIGN.sub("", given.pop("content-security-policy", "default-src 'self'"))
            policy = ";".join(part for part in policy.split(";") if "frame-ancestors" not in part)
            own = {"content-security-policy": f"{policy};{frame}", "referrer-policy": "no-referrer"}
            return start(status, list({**given, **own}.items()), *rest)

        return start_strictly


class _Quiet(WSGIRequestHandler):
    def log(self, *_: object) -> None:
        """The paths of requests hold the secret part."""


class Server:
    """What TensorBoard asks for its pages to be served by."""

    guard: Guard
    port: int

    def __init__(self, app: Callable[..., Iterable[bytes]], config: dict[str, Any]) -> None:
        self.guard = Guard(app, config["prefix"], config["ancestors"])
        self._server = make_server(_HOST, 0, self.guard, threaded=True, request_handler=_Quiet)
        self.port = self._server.server_port
        self.serve_forever = self._server.serve_forever

    def get_url(self) -> str:
        """Asked for by TensorBoard, which prints it; the real address is known to the app alone."""
        return f"http://{_HOST}:{self.port}/"


def main() -> None:
    """Serve until nobody wants it any more."""
    config = json.loads(os.environ.pop("REPO_RUNNER_BOARD"))
    feeder = Feeder(Path(config["events"]), Path(config["checkout"]), Path(config["logdir"]))
    feeder.feed()
    servers: list[Server] = []

    def serve(app: Callable[..., Iterable[bytes]], _flags: object) -> Server:
        servers.append(Server(app, config))
        return servers[0]

    board = program.TensorBoard(server_class=serve)
    board.configure(
        argv=[
            "tensorboard",
            f"--logdir={config['logdir']}",
            f"--path_prefix={config['prefix']}",
            "--load_fast=false",  # one process is easier to end than two
            "--reload_multifile=true",
            "--window_title=TensorBoard",
        ]
    )
    board.launch()
    os.write(config["ready_fd"], f"{servers[0].port}\n".encode())
    os.close(config["ready_fd"])
    threading.Thread(target=_feed, args=(feeder,), daemon=True).start()
    _wait_until_unused(config["alive_fd"], servers[0].guard, config["idle_s"])
    sys.stdout.flush()
    os._exit(0)  # its threads hold nothing that needs saving


def _feed(feeder: Feeder) -> None:
    while True:
        time.sleep(_FEED_EVERY_S)
        feeder.feed()


def _wait_until_unused(alive_fd: int, guard: Guard, idle_s: float) -> None:
    """Each byte on the pipe says that somebody looks at it; its end says that the app has gone."""
    while time.monotonic() - guard.used_at < idle_s:
        if select.select([alive_fd], [], [], _LOOK_EVERY_S)[0]:
            if not os.read(alive_fd, 64):
                return
            guard.used_at = time.monotonic()


if __name__ == "__main__":
    main()
