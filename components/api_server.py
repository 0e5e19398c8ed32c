"""The API server's process: Lightning's own service, reduced to what is allowed, with our router and the guard.

`serve` takes the place of the framework's `start_server`, so it runs inside the server process whatever the start
method is, and it fails closed: unless the guard stands, nothing listens and the main process learns why.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import signal
import socket
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, WebSocket
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from lightning.app.core import api as framework
from starlette.websockets import WebSocketDisconnect

from components import app_log
from components.bounded_protocol import BoundedProtocol
from components.guard import Guard
from components.listener import listener_of
from components.page import framework_page
from components.start_signal import STARTED
from repo_runner import api, process
from repo_runner.app_file import AppAddress
from repo_runner.paths import HomePaths
from repo_runner.settings import Settings

_WS_PERIOD_S = 0.25
#: Beyond these a request is answered 503; well below what descriptors allow.
_MAX_CONNECTIONS = 512
#: What the framework's start needs to mirror the app's state in this process.
_STATE = ("api_publish_state_queue", "api_delta_queue", "api_response_queue", "spec")


def serve(*, has_started_queue: Any, **offered: Any) -> None:
    """Run the API server until the main process ends it. The framework's offer of host and port is not taken."""
    try:
        server, listener = _prepare(has_started_queue, {name: offered[name] for name in _STATE})
    except Exception as error:
        # Whatever it is, the main process must say it instead of waiting for ever.
        has_started_queue.put(f"{type(error).__name__}: {error}")
        raise SystemExit(1) from error
    server.run(sockets=[listener])


def _prepare(has_started: Any, state: Mapping[str, Any]) -> tuple[uvicorn.Server, socket.socket]:
    _belong_to_main()
    settings = Settings.from_env()
    log = HomePaths(settings.home).app_log
    app_log.take_logging(log)
    app_log.take_output(log)
    framework.start_server(**state, uvicorn_run=False)
    service = build_service(settings)
    guarded = Guard(service, settings)
    config = uvicorn.Config(
        guarded,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws_max_size=1 << 16,
        http=BoundedProtocol,
        limit_concurrency=_MAX_CONNECTIONS,
    )
    listener = listener_of(settings)
    api.start_upkeep(service)
    return _Server(config, has_started), listener


def build_service(settings: Settings) -> FastAPI:
    """Lightning's service with only reads left of it: no delta, no state writing, no upload, no docs, no CORS."""
    service = framework.fastapi_service
    service.router.routes.clear()
    service.user_middleware.clear()
    for path, endpoint in _READS.items():
        service.add_api_route(path, endpoint, methods=["GET"], response_model=None)
    service.add_api_websocket_route("/api/v1/ws", _announce_changes)
    _add_page(service)
    _add_form_link(service, settings)
    api.install(service, settings)
    return service


def _add_page(service: FastAPI) -> None:
    page = framework_page(Path(framework.FRONTEND_DIR))

    async def html() -> Response:
        return HTMLResponse(page.html)

    async def script() -> Response:
        return Response(page.script, media_type="text/javascript")

    for path, endpoint in (("/view", html), ("/view/{tab}", html), (page.script_path, script)):
        service.add_api_route(path, endpoint, methods=["GET"], response_model=None)
    service.mount("/static", StaticFiles(directory=framework.frontend_static_dir))


def _add_form_link(service: FastAPI, settings: Settings) -> None:
    """`/new?repo=…`: to the UI itself, because the framework's page hands no query on to its frame."""

    def to_form(request: Request) -> Response:
        # Only the file knows where the UI is; the settings of this process name the app alone.
        ui = AppAddress.find(replace(settings, address="")).ui_address
        return RedirectResponse(f"{ui}/?{request.url.query}", headers={"Cache-Control": "no-store"})

    service.add_api_route("/new", to_form, methods=["GET"], response_model=None)


async def _ready() -> Response:
    """For probes without a session: whether the app is up, and nothing else."""
    has_state = bool(framework.global_app_state_store.get_app_state(framework.TEST_SESSION_UUID))
    return Response("ok\n" if has_state else "starting\n", 200 if has_state else 503)


async def _state(response: Response) -> Mapping[str, Any]:
    """The app's shared state; the framework's handler fails without two headers whose values it never looks at."""
    session = framework.TEST_SESSION_UUID
    return await framework.get_state(response, None, session, session)


async def _layout() -> Any:
    """Where the UI is. The framework's handler cannot read the layout of a root flow that has one frontend."""
    return (await _state(Response()))["vars"]["_layout"]


async def _land_on_page() -> Response:
    return RedirectResponse("/view")


_READS = {
    "/": _land_on_page,
    "/healthz": _ready,
    "/api/v1/state": _state,
    "/api/v1/layout": _layout,
    "/api/v1/status": framework.get_status,
}


async def _announce_changes(websocket: WebSocket) -> None:
    """Tell the page that the state changed (the framework's handler polls 100 times a second and dies noisily)."""
    await websocket.accept()
    told = framework.global_app_state_store.counter
    with contextlib.suppress(WebSocketDisconnect):
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(websocket.receive_text(), _WS_PERIOD_S)
            newest = framework.global_app_state_store.counter
            if newest != told:
                await websocket.send_text(str(newest))
                told = newest


def _belong_to_main() -> None:
    """End with the main process, however it ends; a Ctrl-C in the terminal is the main process's to answer."""
    parent = multiprocessing.parent_process()
    if parent is not None and parent.pid is not None:
        process.die_with_parent(parent.pid)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


class _Server(uvicorn.Server):
    """Says when it listens; leaves the signals as `_belong_to_main` has set them."""

    def __init__(self, config: uvicorn.Config, has_started: Any) -> None:
        super().__init__(config)
        self._has_started = has_started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._has_started.put(STARTED)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
