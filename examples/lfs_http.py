"""Git LFS as a host offers it: where objects are (the batch API), and the objects themselves."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

_MEDIA_TYPE = "application/vnd.git-lfs+json"


@dataclass
class Lfs:
    """The objects of one repository; well served unless told otherwise."""

    #: By sha256.
    objects: dict[str, bytes] = field(default_factory=dict)
    #: `host:port` to send clients to; empty: where they asked.
    host: str = ""
    #: What clients are told to send along with a download.
    header: Mapping[str, str] = field(default_factory=dict)
    #: The folder on another host that downloads are sent on to; empty: none.
    redirect: str = ""
    #: What takes the place of an answer to the question where objects are, or of each of its rows.
    says: bytes | None = None
    row: Mapping[str, object] | None = None

    def add(self, content: bytes) -> str:
        """Keep an object; returns the pointer that goes into the repository."""
        oid = hashlib.sha256(content).hexdigest()
        self.objects[oid] = content
        return pointer(oid, len(content))

    def answer(self, path: str, body: bytes, host: str) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and content for one request."""
        if path.endswith("/objects/batch"):
            folder = f"https://{self.host or host}{path.removesuffix('/batch')}"
            if self.says is not None:
                return 200, {}, self.says
            rows = [self._row(asked, folder) for asked in json.loads(body)["objects"]]
            content = json.dumps({"transfer": "basic", "objects": rows}).encode()
            return 200, {"Content-Type": _MEDIA_TYPE}, content
        oid = path.rsplit("/", 1)[-1]
        if oid not in self.objects:
            return 404, {}, b""
        if self.redirect and host not in self.redirect:
            return 307, {"Location": f"{self.redirect}/{oid}"}, b""
        return 200, {"Content-Type": "application/octet-stream"}, self.objects[oid]

    def _row(self, asked: dict[str, object], folder: str) -> dict[str, object]:
        oid = str(asked["oid"])
        if self.row is not None:
            return {**asked, **self.row}
        if oid not in self.objects:
            return {**asked, "error": {"code": 404, "message": "Object does not exist"}}
        action = {"href": f"{folder}/{oid}?signature=abc", "header": dict(self.header)}
        return {**asked, "actions": {"download": action}}


def pointer(oid: str, size_bytes: int) -> str:
    """The short file that stands for an object."""
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {size_bytes}\n"
