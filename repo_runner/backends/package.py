"""The small package that travels to a cluster: the supervisor, the probe, and what makes them at home on a node."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent.parent
#: The code, and what its environment is made of.
_PARTS = ("repo_runner", "probe", "requirements-node.lock", "requirements-cloud.txt")
#: Of the app alone.
_LEFT_OUT = ("migrations", "__pycache__")
#: Zip files begin in 1980; a fixed time makes equal content equal bytes.
_TIME = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Package:
    """A zip, and a name by its content: the cluster keeps one of each."""

    name: str
    content: bytes


@cache
def node_package() -> Package:
    """Built once per process."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(_files()):
            entry = zipfile.ZipInfo(str(file.relative_to(_ROOT)), _TIME)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, file.read_bytes())
    content = buffer.getvalue()
    digest = hashlib.sha256(content).hexdigest()[:16]
    return Package(f"_ray_pkg_repo_runner_{digest}.zip", content)


def _files() -> Iterator[Path]:
    for part in _PARTS:
        path = _ROOT / part
        yield from [path] if path.is_file() else (f for f in path.rglob("*") if _belongs(f))


def _belongs(file: Path) -> bool:
    return file.is_file() and not set(_LEFT_OUT) & set(file.relative_to(_ROOT).parts)
