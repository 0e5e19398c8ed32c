"""HTTP connections of the API server that may not linger: without this a client could hold one open for ever."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

#: From the connection, or the last answer, to the end of the next request's headers. Whatever trickles in between
#: (slow headers, the rest of a body that was refused) does not prolong it.
IDLE_TIMEOUT_S = 10.0


class BoundedProtocol(H11Protocol):
    """uvicorn's own, which waits for headers, and swallows the rest of a refused body, without end."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn declares it
        """The client has so long to send its first request."""
        super().connection_made(transport)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is left to watch."""
        self._forget()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """A request may have begun."""
        super().handle_events()
        self._watch()

    def on_response_complete(self) -> None:
        """The client has so long to send the next one."""
        super().on_response_complete()
        self._watch()

    def handle_websocket_upgrade(self, event: Any) -> None:
        """From here on another protocol, with pings of its own, has the connection."""
        self._forget()
        super().handle_websocket_upgrade(event)

    def _watch(self) -> None:
        is_answering = self.cycle is not None and not self.cycle.response_complete
        if is_answering or self.transport.is_closing():
            self._forget()
        elif self._deadline is None and self.transport.get_protocol() is self:
            self._deadline = self.loop.call_later(IDLE_TIMEOUT_S, self.transport.close)

    def _forget(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
