"""Keys made of the app's token, one for each purpose, so that no process holds more than it needs."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

_MAC_BYTES = 16


def derive(token: str, purpose: str) -> str:
    """A key for one purpose; it tells nothing of the token or of another purpose's key."""
    return hmac.new(token.encode(), f"repo-runner {purpose}".encode(), hashlib.sha256).hexdigest()


def sign(key: str, content: bytes) -> str:
    """The content with its signature, as text for a URL or a cookie."""
    return base64.urlsafe_b64encode(content + _mac(key, content)).rstrip(b"=").decode()


def read_signed(key: str, text: str) -> bytes | None:
    """What was signed with this key, or None for anything else; compared in constant time."""
    try:
        signed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    content, mac = signed[:-_MAC_BYTES], signed[-_MAC_BYTES:]
    return content if hmac.compare_digest(mac, _mac(key, content)) else None


def _mac(key: str, content: bytes) -> bytes:
    return hmac.new(key.encode(), content, hashlib.sha256).digest()[:_MAC_BYTES]
