"""The body of a request: bounded in size and time, JSON that means one thing only."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from components.refusals import BadJson, BodyTooLarge, BodyTooSlow, NotJson
from components.strict_json import fault_of

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]

MAX_BODY_BYTES = 1 << 20
BODY_TIMEOUT_S = 10.0


async def read_body(scope: Scope, receive: Receive) -> bytes | None:
    """The whole body, counted while it is read; None when the client has gone."""
    body = await _collect(scope, receive)
    if body and (fault := fault_of(body)):
        raise BadJson(f"The request body cannot be read: {fault}.")
    return body


def values(scope: Scope, name: bytes) -> list[bytes]:
    """All values of a header, as sent."""
    return [value for key, value in scope["headers"] if key == name]


async def _collect(scope: Scope, receive: Receive) -> bytes | None:
    declared = b"".join(values(scope, b"content-length"))
    if declared.isdigit() and int(declared) > MAX_BODY_BYTES:
        raise BodyTooLarge
    if declares_body(scope) and not _is_json(values(scope, b"content-type")):
        raise NotJson
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return None
                body += message.get("body", b"")
                if len(body) > MAX_BODY_BYTES:
                    raise BodyTooLarge
                if not message.get("more_body"):
                    return bytes(body)
    except TimeoutError as error:
        raise BodyTooSlow from error


def declares_body(scope: Scope) -> bool:
    """Whether the headers announce one."""
    declared = b"".join(values(scope, b"content-length"))
    return declared not in (b"", b"0") or bool(values(scope, b"transfer-encoding"))


def _is_json(content_types: list[bytes]) -> bool:
    return [t.partition(b";")[0].strip().lower() for t in content_types] == [b"application/json"]


def replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body again, and then what comes after it."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return messages.pop() if messages else await receive()

    return receive_again
