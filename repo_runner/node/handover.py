"""Receives the secrets of an attempt: shows a key made for this once, and waits for what is sealed for it."""

from __future__ import annotations

import time
from pathlib import Path

from repo_runner.node.outbox import Log
from repo_runner.order import Order, purpose, sealed_name
from repo_runner.sealing import Handover, Reader
from repo_runner.shelf import Shelf
from repo_runner.token_vault import TokenVault

_LOOK_EVERY_S = 0.5
_PATIENCE_S = 900.0


def receive(run_id: str, order: Order, home: Path, shelf: Shelf, log: Log) -> Handover:
    """Put the run's secrets where its supervisor looks for them, and return them."""
    if not order.spec.tickets and not order.spec.secret_refs:
        return Handover({}, {})
    reader = Reader()
    log.fact("key", public=reader.public)
    name = sealed_name(order.attempt)
    deadline = time.monotonic() + _PATIENCE_S
    while (sealed := shelf.read(name)) is None:
        if time.monotonic() > deadline:
            raise SystemExit("The app did not hand over the run's secrets.")
        log.fact("alive")
        time.sleep(_LOOK_EVERY_S)
    shelf.remove(name)
    opened = reader.open(sealed, purpose(run_id, order.attempt))
    if opened is None:
        raise SystemExit("What the app handed over was not sealed for this attempt.")
    given = Handover.from_flat(opened)
    for ticket, secret in given.tickets.items():
        TokenVault(home).place(ticket, secret)
    return given
