"""A packet is sent when it is written, on both ports: an update is many small ones."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from components.listener import listener_of
from repo_runner.settings import Settings
from ui import serve

HOST = "127.0.0.1"
LISTENERS = {
    "API": lambda: listener_of(Settings(home=Path("/nowhere"), port=0)),
    "UI": lambda: serve.listeners(0, HOST)[0],
}


@pytest.mark.parametrize("server", LISTENERS)
def test_no_answer_waits_for_the_receipt_of_the_one_before(server: str) -> None:
    with (
        LISTENERS[server]() as listener,
        socket.create_connection((HOST, listener.getsockname()[1])),
    ):
        listener.setblocking(True)
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
