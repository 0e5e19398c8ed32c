"""The answer to a request for an artifact: which status, which headers, which bytes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

from repo_runner.artifact import Artifact
from repo_runner.byte_range import ByteRange
from repo_runner.errors import RangeUnsatisfiable
from repo_runner.logs import WholeLog

_BEHIND_THE_END = 416


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
        headers = {"ETag": tag, "X-Checksum-Sha256": artifact.sha256, **_inert(artifact.name)}
        if if_none_match is not None and (tag in if_none_match or if_none_match.strip() == "*"):
            artifact.file.close()
            return cls(304, headers, iter(()))
        answer = cls._part_of(
            artifact, range_=range_ if if_range in (None, tag) else None, headers=headers
        )
        if answer.status == _BEHIND_THE_END:
            artifact.file.close()
        return answer

    @classmethod
    def of_log(cls, log: WholeLog, name: str, *, range_: str | None) -> Download:
        """A log as it is now, or a part of it: what is there once stays, so a broken download can go on."""
        return cls._part_of(log, range_=range_, headers=_inert(name))

    @classmethod
    def _part_of(
        cls, content: Artifact | WholeLog, *, range_: str | None, headers: dict[str, str]
    ) -> Download:
        whole = content.size_bytes
        try:
            part = ByteRange.of(range_, whole)
        except RangeUnsatisfiable:
            refusal = headers | {"Content-Range": f"bytes */{whole}"}
            return cls(_BEHIND_THE_END, refusal, iter(()))
        headers = headers | {"Content-Length": str(part.size_bytes if part else whole)}
        if part:
            headers["Content-Range"] = f"bytes {part.first}-{part.last}/{whole}"
        return cls(206 if part else 200, headers, content.read(part))


def _inert(name: str) -> dict[str, str]:
    """A file to be saved, whatever a browser is told to do with it."""
    return {
        "Accept-Ranges": "bytes",
        "Content-Disposition": _attachment(name),
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox; default-src 'none'",
    }


def _attachment(name: str) -> str:
    """A name may hold anything that a file name may."""
    return f"attachment; filename*=UTF-8''{quote(name, safe='')}"
