"""The guard in front of the API server: an ASGI wrapper that lets through only what is named and allowed.

The framework's service has no authentication, allows every origin and applies the diffs it receives; browsers will send
it requests from any page a person visits. Host and Origin are compared as raw single headers (never through a parsed
URL, which a header can poison). Everything but the one-time link needs a session or the token of this process, and a
session changes something only from one of our own pages.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from components.allowed import OPEN, PAGES, is_allowed, needed_role
from components.entrance import Entrance
from components.headers import with_security_headers
from components.refusals import (
    GuardRefusal,
    HostRefused,
    LinkUsedUp,
    Locked,
    NoBodyExpected,
    NotServed,
    OriginRefused,
    RoleRefused,
    TooManyRequests,
)
from components.request_body import declares_body, read_body, replay, values
from repo_runner.access import locked_page
from repo_runner.access.gate import Gate
from repo_runner.access.one_time_link import PATH as ENTRANCE
from repo_runner.access.person import Person, Role
from repo_runner.access.proxy import Values
from repo_runner.settings import Settings

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

#: Requests that may wait for their answer at the same time: those that change something (each may hold one of the
#: forty threads for long, and reads need some), and those that read (an open event stream is one).
MAX_PENDING = 32
MAX_READING = 256


class Guard:
    """Nothing reaches the wrapped application unless every check has passed."""

    def __init__(self, app: Application, settings: Settings) -> None:
        if not settings.token:
            raise ValueError("the guard needs a token")
        self._app = app
        self._gate = Gate(settings)
        self._entrance = Entrance(self._gate, settings)
        names = ("127.0.0.1", "localhost", "[::1]")
        hosts = [f"{name}:{settings.port}".encode() for name in names]
        local = frozenset(b"http://" + host for host in hosts)
        #: By each name of ours, the origins of the pages we serve under it.
        self._origins = dict.fromkeys(hosts, local)
        if settings.external_url:
            external = settings.public_address.lower().encode()
            self._origins[external.partition(b"://")[2]] = frozenset([external])
        self._pending = self._reading = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or hand on with the person known, the body read and the security headers set."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        send = with_security_headers(scope, send)
        try:
            self._check(scope)
            if scope["path"] == ENTRANCE:
                hand_on: Application = self._entrance
            else:
                hand_on = self._change if _changes_state(scope) else self._read
            await hand_on(scope, receive, send)
        except GuardRefusal as refusal:
            await _refuse(scope, send, refusal)

    def _check(self, scope: Scope) -> None:
        hosts, origins = values(scope, b"host"), values(scope, b"origin")
        ours = self._origins.get(hosts[0].lower()) if len(hosts) == 1 else None
        if ours is None:
            raise HostRefused
        if len(origins) > 1 or not ours.issuperset(origins) or _comes_from_elsewhere(scope):
            raise OriginRefused
        if not is_allowed(_method(scope), scope["path"]):
            raise NotServed
        if scope["path"] not in OPEN:
            person = self._person(scope, has_origin=bool(origins))
            _require_role(person, needed_role(_method(scope), scope["path"]))
            scope.setdefault("state", {})["person"] = person

    def _person(self, scope: Scope, *, has_origin: bool) -> Person:
        """Who is asking. A cookie comes along unasked, so a change or a WebSocket also needs our page as its origin."""
        shown = _tokens_shown(scope)
        if shown:
            person = self._gate.by_token(shown)
        else:
            person = self._gate.by_browser(values_of(scope))
            if person and not has_origin and _method(scope) != "GET":
                raise OriginRefused
        if person is None:
            raise Locked
        return person

    async def _read(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._reading >= MAX_READING:
            raise TooManyRequests
        if declares_body(scope):
            raise NoBodyExpected
        self._reading += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._reading -= 1

    async def _change(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._pending >= MAX_PENDING:
            raise TooManyRequests
        self._pending += 1
        try:
            body = await read_body(scope, receive)
            if body is not None:
                await self._app(scope, replay(body, receive), send)
        finally:
            self._pending -= 1


def _method(scope: Scope) -> str:
    return "WEBSOCKET" if scope["type"] == "websocket" else str(scope["method"])


def values_of(scope: Scope) -> Values:
    """The request's headers, as the gate reads them."""
    return lambda name: [value.decode("latin-1") for value in values(scope, name.encode())]


def _changes_state(scope: Scope) -> bool:
    return _method(scope) not in ("GET", "WEBSOCKET")


def _require_role(person: Person, needed: Role) -> None:
    if not person.role.covers(needed):
        raise RoleRefused(f"This is for a {needed.value}; {person.name} is a {person.role.value}.")


def _tokens_shown(scope: Scope) -> list[str]:
    bearer = [v[7:] if v.startswith(b"Bearer ") else b"" for v in values(scope, b"authorization")]
    shown = bearer + values(scope, b"x-repo-runner-token")
    return [token.decode("latin-1") for token in shown]


def _comes_from_elsewhere(scope: Scope) -> bool:
    """Requests without an Origin (images, frames, scripts) that a browser says another site has caused."""
    if values(scope, b"sec-fetch-site") != [b"cross-site"]:
        return False
    follows_link = values(scope, b"sec-fetch-dest") == [b"document"] and _method(scope) == "GET"
    return not (follows_link and scope["path"] in PAGES)


async def _refuse(scope: Scope, send: Send, refusal: GuardRefusal) -> None:
    if scope["type"] == "websocket":
        # Closing before accepting makes the server answer the handshake with 403.
        await send({"type": "websocket.close", "code": 1008})
        return
    headers = []
    if isinstance(refusal, TooManyRequests):
        headers.append((b"retry-after", b"1"))
    if isinstance(refusal, Locked):
        headers.append((b"www-authenticate", b"Bearer"))
    if isinstance(refusal, Locked) and _is_read_by_person(scope):
        body, kind = _locked_page(scope, refusal, headers), b"text/html; charset=utf-8"
    else:
        body, kind = json.dumps({"error": refusal.as_dict()}).encode(), b"application/json"
    headers.append((b"content-type", kind))
    await send({"type": "http.response.start", "status": refusal.http_status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _is_read_by_person(scope: Scope) -> bool:
    return any(b"text/html" in value for value in values(scope, b"accept"))


def _locked_page(scope: Scope, refusal: Locked, headers: list[tuple[bytes, bytes]]) -> bytes:
    headers.append((b"content-security-policy", locked_page.POLICY.encode()))
    if values(scope, b"sec-fetch-site") == [b"cross-site"] and scope["path"] not in OPEN:
        # Somebody followed another site's link, and then a browser keeps the session back: ask once more, from here.
        headers.append((b"refresh", b"0"))
    is_used_up = isinstance(refusal, LinkUsedUp)
    return locked_page.locked_page(
        locked_page.USED_UP if is_used_up else locked_page.MISSING
    ).encode()
