"""The answer to a request for an artifact: which status, which headers, which bytes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

from repo_runner.artifact import Artifact
from repo_runner.byte_range import ByteRange
from repo_runner.errors import RangeUnsatisfiable


@dataclass(frozen=True)
class Download:
    """As the HTTP interface sends it."""

    status: int
    headers: dict[str, str]
    body: Iterator[bytes]

    @classmethod
    def of(
        cls,
        artifact: Artifact,
        *,
        range_: str | None,
        if_range: str | None,
        if_none_match: str | None,
    ) -> Download:
        """The whole, a part, or only that nothing has changed: the entity tag is the hash of the content."""
        tag = f'"{artifact.sha256}"'
        headers = {
            "ETag": tag,
            "Accept-Ranges": "bytes",
            "Content-Disposition": _attachment(artifact.name),
            "X-Content-Type-Options": "nosniff",
            "X-Checksum-Sha256": artifact.sha256,
            # Inert even where a browser is told to show it.
            "Content-Security-Policy": "sandbox; default-src 'none'",
        }
        if if_none_match is not None and (tag in if_none_match or if_none_match.strip() == "*"):
            artifact.file.close()
            return cls(304, headers, iter(()))
        try:
            part = ByteRange.of(range_ if if_range in (None, tag) else None, artifact.size_bytes)
        except RangeUnsatisfiable:
            artifact.file.close()
            return cls(416, headers | {"Content-Range": f"bytes */{artifact.size_bytes}"}, iter(()))
        size = part.size_bytes if part else artifact.size_bytes
        headers["Content-Length"] = str(size)
        if part:
            headers["Content-Range"] = f"bytes {part.first}-{part.last}/{artifact.size_bytes}"
        return cls(206 if part else 200, headers, artifact.read(part))


def _attachment(name: str) -> str:
    """A name may hold anything that a file name may."""
    return f"attachment; filename*=UTF-8''{quote(name, safe='')}"
