"""Tokens of runs that are not fetched yet: sealed, each under a ticket that says nothing of it."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import time
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

_TICKET = re.compile(r"[0-9a-f]{32}\Z")
#: What no run has asked for in this time belongs to none any more.
_KEPT_S = 30 * 86400


class TokenVault:
    """Sealed tokens in the data folder; for many processes. The key never leaves its file of mode 0600."""

    def __init__(self, home: Path) -> None:
        self._folder = home / "secrets"

    def seal(self, token: str) -> str:
        """Keep a token; returns its ticket."""
        ticket = secrets.token_hex(16)
        self.place(ticket, token)
        return ticket

    def place(self, ticket: str, token: str) -> None:
        """Keep a token under a ticket that another vault gave."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._forget_old()
        file = self._file(ticket)
        file.unlink(missing_ok=True)
        _write(file, self._cipher().encrypt(token.encode()))

    def open(self, ticket: str) -> str:
        """The token; nothing when there is none (any more)."""
        try:
            return self._cipher().decrypt(self._file(ticket).read_bytes()).decode()
        except (OSError, ValueError, InvalidToken):
            return ""

    def discard(self, ticket: str) -> None:
        """Forget a token; a second time nothing happens."""
        if ticket:
            self._file(ticket).unlink(missing_ok=True)

    def _file(self, ticket: str) -> Path:
        if not _TICKET.match(ticket):
            raise ValueError("This is no ticket.")
        return self._folder / ticket

    def _cipher(self) -> Fernet:
        key = self._folder / "key"
        if not key.exists():
            self._make_key(key)
        return Fernet(key.read_bytes())

    def _make_key(self, key: Path) -> None:
        """The first of several processes wins: a link replaces nothing."""
        aside = self._folder / f"key.{secrets.token_hex(8)}"
        _write(aside, Fernet.generate_key())
        try:
            os.link(aside, key)
        except FileExistsError:
            return
        finally:
            aside.unlink()

    def _forget_old(self) -> None:
        for path in self._folder.iterdir():
            with contextlib.suppress(FileNotFoundError):  # another process may be faster
                if path.name != "key" and path.stat().st_mtime < time.time() - _KEPT_S:
                    path.unlink()


def _write(path: Path, content: bytes) -> None:
    """Durable, and readable by its owner only from its first moment."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
