"""The socket on which the API server listens."""

from __future__ import annotations

import socket

from repo_runner.settings import Settings

_BACKLOG = 256


def listener_of(settings: Settings) -> socket.socket:
    """Connections inherit what is set here. Otherwise an answer's second packet waits 40 ms for the first's receipt."""
    listener = socket.create_server((settings.bind, settings.port), backlog=_BACKLOG)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener
