"""Masks secrets in a stream of bytes before it reaches the disk, also where a secret is cut by two writes.

Best effort, as in every runner: the secret as it is, URL-encoded, as a JSON or Python literal, and in base64 (also as a
part of something longer) are masked; other transformations of it are not recognised.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterable, Iterator
from typing import IO, Any
from urllib.parse import quote, quote_plus

MASK = b"***"
#: Shorter values would mask ordinary words.
MIN_SECRET_CHARS = 6

_Span = tuple[int, int]


class Masker:
    """Feed chunks, get back what is safe to write; bytes that may be the beginning of a secret are held back.

    What is held is never longer than the longest secret: where a secret goes on in the next one without end, its mask
    is written at once and the rest of it swallowed.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        self._needles = sorted({form for secret in secrets for form in _forms(secret)})
        self._held = b""
        #: How many of the held bytes belong to a mask that is already written.
        self._covered = 0

    def feed(self, chunk: bytes) -> bytes:
        """What may be written now."""
        if not self._needles:
            return chunk
        data = self._held + chunk
        return self._take(data, self._safe_length(data))

    def finish(self) -> bytes:
        """What was held back, at the end of the stream."""
        return self._take(self._held, len(self._held))

    def _take(self, data: bytes, safe: int) -> bytes:
        """The first `safe` bytes, masked; the others are held."""
        if not safe:
            self._held = data
            return b""
        pieces, at, beyond = [], 0, 0
        for start, end in self._spans(data):
            if start >= safe:
                break
            if not (self._covered and start == 0):
                pieces += [data[at:start], MASK]
            at, beyond = min(end, safe), max(end - safe, 0)
        self._held, self._covered = data[safe:], beyond
        return b"".join([*pieces, data[at:safe]])

    def _spans(self, data: bytes) -> Iterator[_Span]:
        """Where secrets are, overlapping ones as one; first what is covered by a mask already."""
        found = sorted(span for needle in self._needles for span in _occurrences(needle, data))
        return _merged([(0, self._covered)] * bool(self._covered) + found)

    def _safe_length(self, data: bytes) -> int:
        """Up to where nothing can be the beginning of a secret that goes on in the next chunk."""
        longest = 0
        for needle in self._needles:
            for size in range(min(len(needle) - 1, len(data)), longest, -1):
                if data.endswith(needle[:size]):
                    longest = size
                    break
        return len(data) - longest


def mask_text(text: str, secrets: Iterable[str]) -> str:
    """The text without the secrets, at once."""
    masker = Masker(secrets)
    data = masker.feed(text.encode(errors="surrogatepass")) + masker.finish()
    return data.decode(errors="surrogatepass")


def mask_values(value: Any, secrets: Iterable[str]) -> Any:
    """JSON-like data with every text in it masked, keys too; its shape stays, whatever a secret looks like."""
    if isinstance(value, str):
        return mask_text(value, secrets)
    if isinstance(value, dict):
        return {
            mask_values(key, secrets): mask_values(item, secrets) for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [mask_values(item, secrets) for item in value]
    return value


class MaskedText(io.TextIOBase):
    """A stream of text for what a process says of itself; one print is masked as one text."""

    def __init__(self, stream: IO[str], secrets: Iterable[str]) -> None:
        self._stream = stream
        self._secrets = tuple(secrets)

    def write(self, text: str) -> int:
        """Write it without the secrets."""
        self._stream.write(mask_text(text, self._secrets))
        return len(text)

    def flush(self) -> None:
        """As of any stream."""
        self._stream.flush()


def _forms(secret: str) -> Iterator[bytes]:
    """The secret and the shapes in which tools print it; lines of a long one count by themselves."""
    for part in {secret, secret.replace("\n", "\r\n"), *secret.splitlines()}:
        if len(part.strip()) >= MIN_SECRET_CHARS:
            texts = (part, json.dumps(part)[1:-1], json.dumps(part, ensure_ascii=False)[1:-1])
            yield from (text.encode() for text in (*texts, repr(part)[1:-1], quote(part)))
            yield from (form(part, safe="").encode() for form in (quote, quote_plus))
            yield from _in_base64(part.encode())


def _in_base64(data: bytes) -> Iterator[bytes]:
    """Alone; and the characters that the secret decides at each of the three places where it may begin in a group."""
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        yield encode(data).rstrip(b"=")
        for before in range(3):
            first, last = -(-before * 8 // 6), (before + len(data)) * 8 // 6
            yield encode(bytes(before) + data)[first:last]


def _occurrences(needle: bytes, data: bytes) -> Iterator[_Span]:
    at = data.find(needle)
    while at >= 0:
        yield at, at + len(needle)
        at = data.find(needle, at + 1)


def _merged(spans: list[_Span]) -> Iterator[_Span]:
    """Overlapping stretches as one."""
    current: _Span | None = None
    for start, end in spans:
        if current is None or start >= current[1]:
            if current is not None:
                yield current
            current = (start, end)
        else:
            current = (current[0], max(current[1], end))
    if current is not None:
        yield current
