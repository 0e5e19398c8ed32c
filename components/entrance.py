"""Where the one-time link leads: a session for the browser, and on to the page without the code."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from components.refusals import LinkUsedUp
from repo_runner.access.gate import Gate
from repo_runner.access.one_time_link import OneTimeCodes
from repo_runner.access.session import cookie_name, seal
from repo_runner.settings import Settings

_PAGE = "/view"
_Message = MutableMapping[str, Any]


class Entrance:
    """Lives in the server's process, which thereby knows the codes that were used."""

    def __init__(self, gate: Gate, settings: Settings) -> None:
        self._gate = gate
        self._settings = settings
        self._codes = OneTimeCodes(settings.token)

    async def __call__(
        self,
        scope: _Message,
        receive: Callable[[], Awaitable[_Message]],
        send: Callable[[_Message], Awaitable[None]],
    ) -> None:
        """Answer the link."""
        await self._answer(Request(scope))(scope, receive, send)

    def _answer(self, request: Request) -> Response:
        """The page, with the session's cookie; a browser that has one already needs no code."""
        answer = RedirectResponse(_PAGE, status_code=303)
        if self._gate.by_browser(request.headers.getlist):
            return answer
        if not self._codes.use(request.query_params.get("code", "")):
            raise LinkUsedUp
        answer.set_cookie(
            cookie_name(self._settings.port),
            seal(self._settings.session_key, self._gate.operator),
            httponly=True,
            samesite="strict",
            secure=self._settings.public_address.startswith("https:"),
        )
        return answer
