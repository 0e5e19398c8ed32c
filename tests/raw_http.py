"""HTTP as bytes, for requests that no client library would send."""

from __future__ import annotations

import base64
import os
import socket
from collections.abc import Sequence
from urllib.parse import urlsplit


def exchange(port: int, data: bytes, timeout_s: float = 60) -> bytes:
    """Send these bytes and return all that comes until the server closes, or the answer's first piece."""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout_s) as connection:
        connection.sendall(data)
        return connection.recv(65536)


def status_of(answer: bytes) -> int:
    """The status of an answer; 0 for none."""
    return int(answer.split()[1]) if answer.startswith(b"HTTP/") else 0


def request(method: str, path: str, headers: Sequence[str], body: bytes = b"") -> bytes:
    """A request with exactly these header lines."""
    lines = [f"{method} {path} HTTP/1.1", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


def handshake(
    address: str, path: str, cookie: str, host: str | None = None, origin: str | None = None
) -> int:
    """The status a WebSocket handshake is answered with."""
    url = urlsplit(address)
    assert url.port
    headers = [
        f"Host: {host or url.netloc}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
        "Sec-WebSocket-Version: 13",
        *([f"Origin: {origin}"] if origin else []),
        *([f"Cookie: {cookie}"] if cookie else []),
    ]
    return status_of(exchange(url.port, request("GET", path, headers)))
