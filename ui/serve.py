"""The UI's process: Streamlit behind a strict Host and Origin check. The app starts it as `python -m ui.serve`.

Unguarded, Streamlit takes WebSockets from any page on this machine, and from any page at all whose host name resolves
to it. Everything here needs the session that the one-time link has set, and no page gets more rights than its own.

Streamlit runs this same file as its page, once per rerun: then its runtime exists, and there is only `render` to call.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Iterable
from typing import Any

from streamlit import runtime
from streamlit.web import bootstrap
from streamlit.web.server import Server
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPHeaders, HTTPServerRequest
from tornado.netutil import bind_sockets
from tornado.web import Application, OutputTransform, RequestHandler

from repo_runner.access import locked_page
from repo_runner.access.gate import Gate
from repo_runner.settings import UI_PATH, Settings
from ui import front_page
from ui.page_messages import send_pages_whole
from ui.page_requests import forget_left_pages

_HOST = "127.0.0.1"
_MAX_SESSIONS = 64
#: From the connection, or the last answer, to the end of the next request's headers.
_IDLE_TIMEOUT_S = 10.0
_BODY_TIMEOUT_S = 10.0
_MAX_HEADER_BYTES = 1 << 16
_MAX_BODY_BYTES = 1 << 20
_OPTIONS: dict[str, Any] = {
    "server.headless": True,
    "server.enableXsrfProtection": True,
    "server.enableCORS": True,
    "server.enableStaticServing": False,
    "server.maxUploadSize": 1,
    "server.fileWatcherType": "none",
    "server.runOnSave": False,
    "server.disconnectedSessionTTL": 60,
    "server.maxMessageSize": 64,
    "browser.gatherUsageStats": False,
    "client.showErrorDetails": "none",
    "logger.hideWelcomeMessage": True,
    "logger.level": "warning",
}


LOCKED, FULL = 401, 429


class Refused(RequestHandler):
    """The answer to a request that is not let through, whatever it asked for."""

    def initialize(self, status: int) -> None:
        """Tornado's way to hand something over."""
        self._status = status

    def prepare(self) -> None:
        """Answer."""
        self.set_status(self._status)
        if self._status == FULL:
            self.set_header("Retry-After", "30")
        self.finish(locked_page.locked_page() if self._status == LOCKED else self._reason)


class GuardedServer(Server):
    """Streamlit's server; a request is routed only if it comes from the app's own pages and carries a session."""

    def __init__(self, port: int, settings: Settings) -> None:
        place = {"server.port": port, "server.address": settings.bind}
        self._base = UI_PATH if settings.external_url else ""
        base = {"server.baseUrlPath": self._base}
        bootstrap.load_config_options({**_OPTIONS, **place, **base})
        super().__init__(__file__, is_hello=False)
        self._port = port
        self._bind = settings.bind
        self._gate = Gate(settings)
        hosts = [f"{name}:{port}" for name in (_HOST, "localhost")]
        #: By each name of ours, the origins of the pages we serve under it.
        self._origins = dict.fromkeys(hosts, frozenset(f"http://{host}" for host in hosts))
        self._framers = [settings.address, settings.address.replace(_HOST, "localhost")]
        if settings.external_url:
            external = settings.public_address.lower()
            self._origins[external.partition("://")[2]] = frozenset([external])
            self._framers.append(external)

    async def start(self) -> None:
        """Listen, as Streamlit does, but on connections that may not linger."""
        server = HTTPServer(
            self._create_app(),
            max_buffer_size=_MAX_BODY_BYTES,
            max_header_size=_MAX_HEADER_BYTES,
            idle_connection_timeout=_IDLE_TIMEOUT_S,
            body_timeout=_BODY_TIMEOUT_S,
        )
        server.add_sockets(listeners(self._port, self._bind))
        await self._runtime.start()

    def _create_app(self) -> Application:
        app = super()._create_app()
        find_handler = app.find_handler

        def find_allowed(request: HTTPServerRequest, **kwargs: Any) -> Any:
            status = self._refusal(request)
            if status:
                return app.get_handler_delegate(request, Refused, {"status": status})
            if front_page.is_page(request.method, request.path, self._base):
                return app.get_handler_delegate(request, front_page.FrontPage, {"base": self._base})
            return find_handler(request, **kwargs)

        app.find_handler = find_allowed
        app.add_transform(_security_headers(self._framers, self._origins, self._base))
        return app

    def _refusal(self, request: HTTPServerRequest) -> int:
        """The status to refuse with, or 0. Only Host and Origin as sent count, and each only once."""
        hosts, origins = request.headers.get_list("Host"), request.headers.get_list("Origin")
        ours = self._origins.get(hosts[0].lower()) if len(hosts) == 1 else None
        if ours is None:
            return 421
        if not ours.issuperset(origins) or len(origins) > 1:
            return 403
        if self._gate.by_browser(request.headers.get_list) is None:
            return LOCKED
        if request.headers.get("Upgrade") is None:
            return 0
        # A browser always names the origin of a WebSocket.
        return 403 if not origins else FULL if self._is_full() else 0

    def _is_full(self) -> bool:
        sessions = self._runtime._session_mgr  # noqa: SLF001  # Streamlit counts its sessions nowhere else
        return len(sessions.list_active_sessions()) >= _MAX_SESSIONS


def listeners(port: int, bind: str) -> list[socket.socket]:
    """Connections inherit what is set here. Otherwise a message waits 40 ms for the receipt of the one before."""
    sockets = bind_sockets(port, bind)
    for listener in sockets:
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sockets


def _security_headers(
    framers: Iterable[str], hosts: Iterable[str], base: str
) -> type[OutputTransform]:
    sockets = " ".join(f"ws://{host} wss://{host}" for host in sorted(hosts))
    # Streamlit needs inline styles, one inline script, and no script made of text. Whatever a run makes
    # the page say, it has nowhere to send it and nothing to load.
    policy = (
        f"default-src 'self'; script-src 'self' blob: {front_page.script_hash(base)}; "
        "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
        f"connect-src 'self' {sockets}; worker-src 'self' blob:; media-src 'self'; frame-src 'self' http://{_HOST}:*; "
        f"object-src 'none'; base-uri 'self'; form-action 'none'; frame-ancestors {' '.join(framers)}"
    )

    class SecurityHeaders(OutputTransform):
        """Nobody but the app's page may frame the UI."""

        def transform_first_chunk(
            self,
            status_code: int,
            headers: HTTPHeaders,
            chunk: bytes,
            finishing: bool,  # noqa: ARG002  # Tornado's
        ) -> tuple[int, HTTPHeaders, bytes]:
            headers["Content-Security-Policy"] = policy
            headers["X-Content-Type-Options"] = "nosniff"
            # Pages of other ports of this host are of our own site: they get no picture or script either.
            headers["Cross-Origin-Resource-Policy"] = "same-origin"
            headers["Referrer-Policy"] = "no-referrer"
            return status_code, headers, chunk

    return SecurityHeaders


async def _serve(port: int) -> None:
    forget_left_pages()
    send_pages_whole()
    server = GuardedServer(port, Settings.from_env())
    await server.start()
    bootstrap.prepare_streamlit_environment(__file__)
    await server.stopped


if __name__ == "__main__":
    if runtime.exists():
        from ui.main import render

        render()
    else:
        from repo_runner.process import die_with_parent

        _port, _parent = map(int, sys.argv[1:])
        die_with_parent(_parent)
        asyncio.run(_serve(_port))
