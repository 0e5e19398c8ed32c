"""A package index on loopback that serves a folder of wheels, well or not."""

from __future__ import annotations

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self


class WheelIndex(ThreadingHTTPServer):
    """Open while entered; how it behaves may be changed meanwhile."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder = folder
        #: Answer every request with this status; 0: serve.
        self.status = 0
        #: Answer no request at all.
        self.stalls = False
        #: Where the wheels really come from, whatever hashes were promised.
        self.sends_from = folder
        self.requests: list[str] = []
        self.closing = threading.Event()
        self._thread = threading.Thread(
            target=self.serve_forever, args=(0.02,), name="wheel-index", daemon=True
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/simple"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self.shutdown()
        self.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: WheelIndex

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        self.server.requests.append(self.path)
        if self.server.stalls:
            self.server.closing.wait()
            self.close_connection = True
        elif self.server.status:
            self._answer(b"", status=self.server.status)
        elif self.path.startswith("/files/"):
            wheel = self.server.sends_from / self.path.rpartition("/")[2]
            self._answer(wheel.read_bytes())
        else:
            self._answer(self._links(self.path.rstrip("/").rpartition("/")[2]).encode())

    def log_message(self, *_: object) -> None:
        """Quiet: `requests` holds what was asked."""

    def _links(self, package: str) -> str:
        found = sorted(self.server.folder.glob(f"{package}-*.whl"))
        hashes = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in found}
        return "".join(f'<a href="/files/{n}#sha256={h}">{n}</a>\n' for n, h in hashes.items())

    def _answer(self, body: bytes, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)
