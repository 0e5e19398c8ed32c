"""Calls an ASGI application in this process, as plainly as possible: thousands of calls in seconds."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI

from repo_runner.access.person import Person, Role


@dataclass
class Answer:
    """What came back; `broken` when the application gave up in the middle of its body."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    broken: bool = False

    def json(self) -> Any:
        return json.loads(self.body)


class Asgi:
    """One event loop for all calls."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        #: Who asks.
        self.person = Person("ada", Role.OPERATOR)
        self._runner = asyncio.Runner()

    def __enter__(self) -> Asgi:
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.close()

    def call(
        self,
        method: str,
        path: str,
        *,
        query: bytes = b"",
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        hangs_up: bool = False,
    ) -> Answer:
        """`path` as the server has decoded it; a client that hangs up leaves once its body is sent."""
        raw = [(n.lower().encode(), v.encode("utf-8")) for n, v in (headers or {}).items()]
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode("utf-8", "surrogateescape"),
            "root_path": "",
            "query_string": query,
            "headers": [(b"host", b"127.0.0.1"), *raw],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
            # As the guard says who is asking.
            "state": {"person": self.person},
        }
        return self._runner.run(self._exchange(scope, body, hangs_up))

    async def _exchange(self, scope: dict[str, Any], body: bytes, hangs_up: bool) -> Answer:
        answer = Answer()
        messages = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> dict[str, Any]:
            if messages:
                return messages.pop()
            if not hangs_up:
                await asyncio.Event().wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                answer.status = message["status"]
                pairs = message["headers"]
                answer.headers = {n.decode("latin-1"): v.decode("latin-1") for n, v in pairs}
            else:
                answer.body += message.get("body", b"")

        try:
            await self._app(scope, receive, send)
        except Exception:  # noqa: BLE001  # a server would log it and hang up
            answer.broken = True
        return answer
