"""Seals secrets for one reader: only who holds the private half of the reader's key opens them.

The reader makes a key for one use; its public half may be shown to anybody.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_KEY_BYTES = 32
#: A key pair seals once, so a fixed nonce never meets the same key twice.
_NONCE = bytes(12)


@dataclass(frozen=True)
class Handover:
    """The secrets of one attempt."""

    #: By ticket, for the vault of the node.
    tickets: Mapping[str, str]
    #: By name, for the supervisor's environment.
    variables: Mapping[str, str]

    def flat(self) -> dict[str, str]:
        """As one mapping."""
        named = {f"variable {name}": value for name, value in self.variables.items()}
        return {f"ticket {name}": value for name, value in self.tickets.items()} | named

    @classmethod
    def from_flat(cls, flat: Mapping[str, str]) -> Handover:
        """The reverse."""

        def of(kind: str) -> dict[str, str]:
            return {n.removeprefix(kind): v for n, v in flat.items() if n.startswith(kind)}

        return cls(of("ticket "), of("variable "))


class Reader:
    """A key for one use."""

    def __init__(self) -> None:
        self._private = X25519PrivateKey.generate()

    @property
    def public(self) -> str:
        """What the sender needs; no secret."""
        return base64.b64encode(self._private.public_key().public_bytes_raw()).decode()

    def open(self, sealed: bytes, about: str) -> dict[str, str] | None:
        """The secrets; None for anything that was not sealed for this key and this purpose."""
        try:
            sender = X25519PublicKey.from_public_bytes(sealed[:_KEY_BYTES])
            shared = _cipher(self._private.exchange(sender), about)
            opened: dict[str, str] = json.loads(
                shared.decrypt(_NONCE, sealed[_KEY_BYTES:], about.encode())
            )
        except (ValueError, InvalidTag):
            return None
        return opened


def seal(secrets: Mapping[str, str], public: str, about: str) -> bytes:
    """The secrets, for the holder of this key alone; `about` binds them to one attempt of one run."""
    own = X25519PrivateKey.generate()
    reader = X25519PublicKey.from_public_bytes(base64.b64decode(public))
    shared = _cipher(own.exchange(reader), about)
    sealed = shared.encrypt(_NONCE, json.dumps(dict(secrets)).encode(), about.encode())
    return own.public_key().public_bytes_raw() + sealed


def _cipher(shared: bytes, about: str) -> ChaCha20Poly1305:
    derived = HKDF(hashes.SHA256(), _KEY_BYTES, salt=None, info=about.encode()).derive(shared)
    return ChaCha20Poly1305(derived)
