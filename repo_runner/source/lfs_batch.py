"""The question where Git LFS objects are, and what of the answer is believed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from repo_runner.errors import AuthRequired, LfsHostRefused, LfsObjectMissing, SourceError
from repo_runner.source.lfs_pointer import Pointer

MEDIA_TYPE = "application/vnd.git-lfs+json"

_HEADER_NAME = re.compile(r"[A-Za-z0-9-]{1,100}\Z")
#: What the connection itself decides.
_OWN_HEADERS = {"host", "connection", "content-length", "transfer-encoding", "accept-encoding"}


@dataclass(frozen=True)
class Download:
    """Where an object is, and what its host wants to be told there."""

    pointer: Pointer
    url: str
    #: For this address's host and no other.
    headers: Mapping[str, str]


def question(pointers: Collection[Pointer]) -> bytes:
    """The body of a batch request."""
    objects = [{"oid": pointer.oid, "size": pointer.size_bytes} for pointer in pointers]
    asked = {"operation": "download", "transfers": ["basic"], "hash_algo": "sha256"}
    return json.dumps({**asked, "objects": objects}).encode()


def read_answer(
    content: bytes,
    pointers: Collection[Pointer],
    allowed: Collection[str],
    mask: Callable[[str], str],
) -> list[Download]:
    """A download for every pointer.

    Raises LfsObjectMissing, LfsHostRefused, AuthRequired, and SourceError for what is no answer.
    """
    found = dict(_rows(content))
    return [_download(pointer, found.get(pointer.oid, {}), allowed, mask) for pointer in pointers]


def check_address(url: str, allowed: Collection[str]) -> str:
    """The address, if it is https and on one of these hosts. Raises LfsHostRefused."""
    try:
        parts, origin = urlsplit(url), origin_of(url)
    except ValueError:
        raise LfsHostRefused("The address of a Git LFS object cannot be read.", hint="") from None
    if parts.scheme != "https" or not origin or parts.username is not None:
        message = (
            f"A Git LFS object on {origin[:200] or 'no host'} is not at a plain https address."
        )
        raise LfsHostRefused(message, hint="")
    if origin not in allowed:
        raise LfsHostRefused(
            f"The host keeps its Git LFS objects on {origin[:200]}, which is not allowed.",
            hint=f"The operator can add {origin[:200]} to REPO_RUNNER_LFS_HOSTS.",
        )
    return url


def origin_of(url: str) -> str:
    """`host` or `host:port` of an https address. Raises ValueError."""
    parts = urlsplit(url)
    return same_form(f"{parts.hostname or ''}:{parts.port or 443}")


def same_form(host: str) -> str:
    """A host as it is compared."""
    return host.lower().removesuffix(":443")


def _rows(content: bytes) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        answer = json.loads(content)
        if answer.get("transfer", "basic") != "basic":
            raise SourceError("The host offers Git LFS objects in a way that is not supported.")
        for row in answer["objects"]:
            yield row["oid"], row
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SourceError("The host's answer about Git LFS objects cannot be read.") from error


def _download(
    pointer: Pointer, row: dict[str, Any], allowed: Collection[str], mask: Callable[[str], str]
) -> Download:
    if problem := row.get("error"):
        raise _refusal(pointer, problem, mask)
    try:
        action = row["actions"]["download"]
        url, headers = str(action["href"]), dict(action.get("header") or {})
    except (KeyError, TypeError, ValueError):
        raise LfsObjectMissing(f"The host has no Git LFS object for {pointer.name}.") from None
    return Download(pointer, check_address(url, allowed), dict(_plain(headers)))


def _refusal(
    pointer: Pointer, problem: Any, mask: Callable[[str], str]
) -> SourceError | AuthRequired:
    facts = problem if isinstance(problem, dict) else {}
    lines = [mask(str(facts.get("message", "")))[:300]]
    if facts.get("code") in (404, 410):
        return LfsObjectMissing(f"The host has no Git LFS object for {pointer.name}.", lines=lines)
    if facts.get("code") in (401, 403):
        return AuthRequired(f"The host keeps back the content of {pointer.name}.", lines=lines)
    return SourceError(f"The host does not give the content of {pointer.name}.", lines=lines)


def _plain(headers: Mapping[Any, Any]) -> Iterator[tuple[str, str]]:
    for name, value in ((str(n), str(v)) for n, v in headers.items()):
        is_theirs = _HEADER_NAME.match(name) and name.lower() not in _OWN_HEADERS
        if is_theirs and value.isprintable() and value.isascii():
            yield name, value
