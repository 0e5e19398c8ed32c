"""The one-time link: how a person at this machine's terminal gets a session in their browser."""

from __future__ import annotations

import secrets
import time

from repo_runner.access.keys import derive, read_signed, sign

LIFETIME_S = 3600
PATH = "/open"
_NONCE_BYTES = 12
_PURPOSE = "one-time link"


def new_link(address: str, token: str) -> str:
    """An address that opens the app once, within an hour. Whoever knows the token can make one."""
    ends_at = int(time.time()) + LIFETIME_S
    content = secrets.token_bytes(_NONCE_BYTES) + ends_at.to_bytes(6, "big")
    return f"{address}{PATH}?code={sign(derive(token, _PURPOSE), content)}"


class OneTimeCodes:
    """Kept by the one process that accepts codes: which of them were used."""

    def __init__(self, token: str) -> None:
        self._key = derive(token, _PURPOSE)
        self._used: dict[bytes, int] = {}

    def use(self, code: str) -> bool:
        """Whether this code is ours, still valid, and shown for the first time."""
        content = read_signed(self._key, code)
        if content is None:
            return False
        now = time.time()
        self._used = {nonce: end for nonce, end in self._used.items() if end > now}
        nonce, ends_at = content[:_NONCE_BYTES], int.from_bytes(content[_NONCE_BYTES:], "big")
        if ends_at <= now or nonce in self._used:
            return False
        self._used[nonce] = ends_at
        return True
