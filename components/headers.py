"""Security headers of every answer of the API server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from components.allowed import PAGES

_Message = MutableMapping[str, Any]
_Send = Callable[[_Message], Awaitable[None]]

_COMMON = {
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
}
#: The framework's page: its own script, inline styles, and one frame, the UI on another port of this host.
_PAGE_POLICY = (
    b"default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-src 'self' http://127.0.0.1:*; "
    b"frame-ancestors 'none'; object-src 'none'; base-uri 'none'; form-action 'none'"
)
_DATA_POLICY = b"default-src 'none'; frame-ancestors 'none'"


def with_security_headers(scope: MutableMapping[str, Any], send: _Send) -> _Send:
    """`send`, adding the headers that the answer does not set itself."""
    path = scope["path"]
    wanted = dict(_COMMON)
    wanted[b"content-security-policy"] = _PAGE_POLICY if path in PAGES else _DATA_POLICY
    wanted[b"cache-control"] = b"max-age=3600" if path.startswith("/static/") else b"no-store"

    async def send_with_headers(message: _Message) -> None:
        if message["type"] == "http.response.start":
            present = {name.lower() for name, _ in message.get("headers", ())}
            added = [item for item in wanted.items() if item[0] not in present]
            message["headers"] = [*message.get("headers", ()), *added]
        await send(message)

    return send_with_headers
