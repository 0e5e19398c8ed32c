"""What a commit holds: its paths, as `git ls-tree -r -z [--long]` lists them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """One path of a commit."""

    path: str
    #: `100644`, `100755`, `120000` (symbolic link) or `160000` (submodule).
    mode: str
    object_id: str
    #: Known only where it was asked for (`--long`).
    size_bytes: int = 0

    @property
    def is_file(self) -> bool:
        """Whether it has content of its own: a submodule has none."""
        return self.mode != "160000"

    @property
    def is_regular(self) -> bool:
        """Whether it is a file proper: neither a link nor a submodule."""
        return self.mode.startswith("100")


def parse_entries(output: bytes) -> Iterator[Entry]:
    """Read the listing; a name that is not UTF-8 keeps its bytes as surrogates (`os.fsdecode`)."""
    for record in output.split(b"\0")[:-1]:
        facts, _, path = record.partition(b"\t")
        mode, _kind, object_id, *size = facts.decode().split()
        size_bytes = int(size[0]) if size and size[0] != "-" else 0
        yield Entry(path.decode(errors="surrogateescape"), mode, object_id, size_bytes)


def parse_batch(output: bytes) -> Iterator[tuple[str, bytes]]:
    """Id and content of each object, as `git cat-file --batch` writes them."""
    at = 0
    while at < len(output):
        end = output.index(b"\n", at)
        object_id, _kind, size = output[at:end].decode().split()
        at = end + 1 + int(size) + 1
        yield object_id, output[end + 1 : at - 1]
