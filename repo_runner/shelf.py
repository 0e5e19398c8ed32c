"""The place that app and nodes share (a folder, a bucket): the only user of fsspec.

A file is kept by its content, `objects/<sha256>/<number>`, in pieces: what was cut off goes on at the piece where it
was, in both directions, on any kind of storage.
"""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import fsspec

from repo_runner.errors import InvalidInput, RunnerError

PIECE_BYTES = 32 << 20
_CHUNK_BYTES = 1 << 20
#: Storages that obstore speaks, by the scheme of their URLs.
_CLOUD = ("s3", "gs", "az", "abfs")

Progress = Callable[[int], None]


class ShelfUnreachable(RunnerError):
    """The place shared with the cluster does not answer."""

    code = "shelf_unreachable"
    http_status = 503
    hint = "Check REPO_RUNNER_SHELF_URL, and that this machine and every node may read and write there."


@dataclass(frozen=True)
class ShelfFile:
    """A file on the shelf: where it belongs in the run folder, and what it is."""

    path: str
    sha256: str
    size_bytes: int

    def as_dict(self) -> dict[str, Any]:
        """The wire form."""
        return {"path": self.path, "sha256": self.sha256, "size_bytes": self.size_bytes}

    @classmethod
    def of(cls, root: Path, path: str) -> ShelfFile:
        """Describe a file of a run folder."""
        digest, file = hashlib.sha256(), root / path
        with file.open("rb") as reader:
            while chunk := reader.read(_CHUNK_BYTES):
                digest.update(chunk)
        return cls(path, digest.hexdigest(), file.stat().st_size)


class Shelf:
    """One run's part of the shelf."""

    def __init__(self, url: str, run_id: str) -> None:
        self._files = _filesystem(url)
        path = urlsplit(url).path if url.startswith("file:") else url
        self._root = f"{path.rstrip('/')}/{run_id}"

    def write(self, name: str, data: bytes) -> None:
        """A small file, whole or not at all."""
        with _speaking():
            self._files.makedirs(f"{self._root}/{name}".rpartition("/")[0], exist_ok=True)
            aside = f"{self._root}/{name}.partial"
            self._files.pipe_file(aside, data)
            self._files.mv(aside, f"{self._root}/{name}")

    def read(self, name: str) -> bytes | None:
        """A small file; None when there is none."""
        with _speaking():
            try:
                content: bytes = self._files.cat_file(f"{self._root}/{name}")
            except FileNotFoundError:
                return None
            return content

    def remove(self, name: str) -> None:
        """Remove a small file; a second time nothing happens."""
        with _speaking():
            try:
                self._files.rm_file(f"{self._root}/{name}")
            except FileNotFoundError:
                return

    def put(self, source: Path, file: ShelfFile) -> int:
        """Send a file; pieces that are there already are passed over. Returns the bytes sent."""
        folder, sent = f"{self._root}/objects/{file.sha256}", 0
        with _speaking(), source.open("rb") as reader:
            self._files.makedirs(folder, exist_ok=True)
            for number, size in _pieces(file.size_bytes):
                if self._size(f"{folder}/{number}") != size:
                    reader.seek(number * PIECE_BYTES)
                    self._send(f"{folder}/{number}", reader, size)
                    sent += size
        return sent

    def get(self, root: Path, file: ShelfFile) -> bool:
        """Bring a file into a run folder, going on where a try was cut off; False when it is not its content."""
        target = root / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f"{target.name}.{file.sha256[:8]}.partial")
        try:
            with _speaking():
                self._fill(partial, file)
        except FileNotFoundError:
            partial.unlink(missing_ok=True)
            raise
        whole = ShelfFile.of(partial.parent, partial.name).sha256 == file.sha256
        if whole:
            partial.chmod(0o600)
            partial.replace(target)
        else:
            partial.unlink()
        return whole

    def drop(self, sha256: str) -> None:
        """Remove a file by its content."""
        with _speaking():
            if self._files.exists(f"{self._root}/objects/{sha256}"):
                self._files.rm(f"{self._root}/objects/{sha256}", recursive=True)

    def clear(self) -> None:
        """Remove everything of this run."""
        with _speaking():
            if self._files.exists(self._root):
                self._files.rm(self._root, recursive=True)

    def _fill(self, partial: Path, file: ShelfFile) -> None:
        with partial.open("ab") as writer:
            have = writer.tell() // PIECE_BYTES
            writer.truncate(have * PIECE_BYTES)
            for number, _ in list(_pieces(file.size_bytes))[have:]:
                with self._files.open(
                    f"{self._root}/objects/{file.sha256}/{number}", "rb"
                ) as piece:
                    while chunk := piece.read(_CHUNK_BYTES):
                        writer.write(chunk)

    def _send(self, name: str, reader: Any, size: int) -> None:
        with self._files.open(name, "wb") as piece:
            while size > 0 and (chunk := reader.read(min(size, _CHUNK_BYTES))):
                piece.write(chunk)
                size -= len(chunk)

    def _size(self, name: str) -> int:
        try:
            return int(self._files.info(name)["size"])
        except FileNotFoundError:
            return -1


def check_url(url: str) -> None:
    """Raise InvalidInput for a URL that cannot be a shelf."""
    if not url:
        raise InvalidInput(
            "Runs on a cluster need a place that this machine and every node can reach.",
            field="backend",
            hint="Set REPO_RUNNER_SHELF_URL to a shared folder (file:///mnt/shared) or a bucket (s3://name/folder).",
        )
    if "@" in urlsplit(url).netloc:
        raise InvalidInput(
            "REPO_RUNNER_SHELF_URL holds a user name or password.",
            field="REPO_RUNNER_SHELF_URL",
            hint="Everybody who reads the cluster's dashboard would see it. Give each machine its own credentials.",
        )


def _filesystem(url: str) -> Any:
    check_url(url)
    scheme = urlsplit(url).scheme or "file"
    if scheme in _CLOUD:
        try:
            importlib.import_module("obstore.fsspec").register(scheme)
        except ImportError as error:
            raise InvalidInput(
                f"Storage of the kind {scheme}:// needs the package obstore, which is not installed here.",
                field="REPO_RUNNER_SHELF_URL",
                hint="Install it beside the app: .venv/bin/uv pip install -r requirements-cloud.txt",
            ) from error
    return fsspec.filesystem(scheme)


def _pieces(size_bytes: int) -> Iterator[tuple[int, int]]:
    """Number and size of each piece; an empty file is one empty piece."""
    for number in range(max(-(-size_bytes // PIECE_BYTES), 1)):
        yield number, min(PIECE_BYTES, size_bytes - number * PIECE_BYTES)


@contextmanager
def _speaking() -> Iterator[None]:
    """A storage's own errors are of any class; what a file of ours lacks stays FileNotFoundError."""
    try:
        yield
    except (FileNotFoundError, RunnerError):
        raise
    except Exception as error:
        raise ShelfUnreachable(
            f"The place shared with the cluster does not answer: {error}"
        ) from error
