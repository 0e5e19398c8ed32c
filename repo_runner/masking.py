"""Masks secrets in a stream of bytes before it reaches the disk, also where a secret is cut by two writes.

Best effort, as in every runner: the secret as it is, URL-encoded, as a JSON or Python literal, and in base64 (also as a
part of something longer) are masked; other transformations of it are not recognised.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterable, Iterator
from typing import IO
from urllib.parse import quote, quote_plus

MASK = b"***"
#: Shorter values would mask ordinary words.
MIN_SECRET_CHARS = 6


class Masker:
    """Feed chunks, get back what is safe to write; bytes that may be the beginning of a secret are held back."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._needles = sorted({form for secret in secrets for form in _forms(secret)})
        self._held = b""

    def feed(self, chunk: bytes) -> bytes:
        """What may be written now."""
        if not self._needles:
            return chunk
        data = self._held + chunk
        spans = list(_merged(self._found(data)))
        safe = self._safe_length(data)
        for start, end in spans:
            if start < safe < end:
                safe = start
        self._held = data[safe:]
        return _masked(data[:safe], [span for span in spans if span[1] <= safe])

    def finish(self) -> bytes:
        """What was held back, at the end of the stream."""
        rest, self._held = self._held, b""
        return _masked(rest, list(_merged(self._found(rest))))

    def _found(self, data: bytes) -> list[tuple[int, int]]:
        """Where a secret begins and ends, overlapping ones too."""
        spans = []
        for needle in self._needles:
            at = data.find(needle)
            while at >= 0:
                spans.append((at, at + len(needle)))
                at = data.find(needle, at + 1)
        return sorted(spans)

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
    data = masker.feed(text.encode(errors="surrogateescape")) + masker.finish()
    return data.decode(errors="surrogateescape")


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
    for part in {secret, *secret.splitlines()}:
        if len(part.strip()) >= MIN_SECRET_CHARS:
            texts = (part, json.dumps(part)[1:-1], json.dumps(part, ensure_ascii=False)[1:-1])
            yield from (text.encode() for text in (*texts, repr(part)[1:-1]))
            yield from (form(part, safe="").encode() for form in (quote, quote_plus))
            yield from _in_base64(part.encode())


def _in_base64(data: bytes) -> Iterator[bytes]:
    """The characters that the secret alone decides, at each of the three places where it may begin in a group."""
    for before in range(3):
        first, last = -(-before * 8 // 6), (before + len(data)) * 8 // 6
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            yield encode(bytes(before) + data)[first:last]


def _merged(spans: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Overlapping stretches as one."""
    current: tuple[int, int] | None = None
    for start, end in spans:
        if current is None or start >= current[1]:
            if current is not None:
                yield current
            current = (start, end)
        else:
            current = (current[0], max(current[1], end))
    if current is not None:
        yield current


def _masked(data: bytes, spans: list[tuple[int, int]]) -> bytes:
    pieces, at = [], 0
    for start, end in spans:
        pieces += [data[at:start], MASK]
        at = end
    return b"".join([*pieces, data[at:]])
