"""The script's own checkpoints, copied into the run folder as soon as they improve, pruned as Lightning prunes.

A checkpoint is opaque bytes: copied aside, hashed while it is copied, renamed; never opened as what it is.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from repo_runner.events import Event, EventWriter
from repo_runner.models import Checkpoint

_CHUNK_BYTES = 1 << 20
_COPY_TRIES = 3


class CheckpointKeeper:
    """Keeps the best and the last checkpoint of each ModelCheckpoint; what the script deleted is deleted here too."""

    def __init__(
        self,
        folder: Path,
        writer: EventWriter,
        cwd: Path,
        known: tuple[Checkpoint, ...] = (),
        *,
        hidden: Path | None = None,
    ) -> None:
        self._folder = folder
        #: The data folder: a script gets nothing out of it by calling it a checkpoint, but from its own run.
        self._hidden = hidden
        self._writer = writer
        #: Where the script runs, which its relative paths start from.
        self._cwd = cwd
        #: By source path: the copy, and the (mtime, size) of the source it was made from.
        self._kept: dict[str, Checkpoint] = {c.path: c for c in known}
        self._stamps: dict[str, tuple[int, int]] = {}
        self._said: set[str] = set()

    def see(self, event: Event) -> None:
        """Take in a probe's `checkpoint` event: the state of every ModelCheckpoint of the Trainer."""
        callbacks = event.get("ckpts", [])
        main = next((c for c in callbacks if c.get("monitor")), callbacks[0] if callbacks else None)
        for callback in callbacks:
            self._see_callback(callback, event, is_main=callback is main)
        gone = self._forget_deleted()
        items = [c.model_dump(mode="json") for c in self._kept.values()]
        self._writer.write("checkpoints", t=event["t"], items=items)
        for (
            copy
        ) in gone:  # after it is said: killed in between, no checkpoint is listed that is not there
            copy.unlink(missing_ok=True)

    def _see_callback(self, callback: dict[str, Any], event: Event, *, is_main: bool) -> None:
        best, last = (
            callback.get("best_path"),
            callback.get("last_path") or callback.get("last_saved"),
        )
        for path in dict.fromkeys(p for p in (best, last) if p):
            self._keep(path, event, callback)
        if is_main:
            for path, kept in self._kept.items():
                self._kept[path] = kept.model_copy(
                    update={"is_best": path == best, "is_last": path == last}
                )
            self._score(best, callback)

    def _score(self, best: str | None, callback: dict[str, Any]) -> None:
        if best in self._kept:
            facts = {k: callback.get(k) for k in ("monitor", "mode")}
            score = callback.get("best_score")
            facts["score"] = score if isinstance(score, int | float) else None
            self._kept[best] = self._kept[best].model_copy(update=facts)

    def _keep(self, path: str, event: Event, callback: dict[str, Any]) -> None:
        try:
            source = _real(self._cwd / path)
            stamp = _stamp(source)
            if self._stamps.get(path) == stamp:
                return
            target = self._folder / self._name(path)
            sha256, size = self._copy_settled(source, target)
        except OSError as error:
            self._say(path, error)
            return
        self._stamps[path] = stamp
        self._kept[path] = Checkpoint(
            name=target.name,
            path=path,
            monitor=callback.get("monitor"),
            mode=callback.get("mode"),
            epoch=event.get("epoch"),
            step=event.get("step"),
            sha256=sha256,
            size_bytes=size,
            saved_at=datetime.fromtimestamp(event["t"], UTC),
        )

    def _copy_settled(self, source: Path, target: Path) -> tuple[str, int]:
        """Copy a file that may still be written: again when it changed meanwhile."""
        for _ in range(_COPY_TRIES):
            before = _stamp(source)
            _check_room(source, target.parent, before[1])
            copied = _copy(self._open(source), target)
            if _stamp(source) == before:
                return copied
        raise OSError(0, "it is still being written", str(source))

    def _open(self, source: Path) -> int:
        """By what was opened, not by what it was called: a link on the way may have been swapped."""
        file = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        real = Path(f"/proc/self/fd/{file}").readlink()
        own = self._folder.parent.resolve()
        if self._hidden and real.is_relative_to(self._hidden) and not real.is_relative_to(own):
            os.close(file)
            raise PermissionError(0, "it belongs to the app", str(source))
        return file

    def _name(self, path: str) -> str:
        """The file's own name, made unique: two callbacks may use the same one in two folders."""
        if path in self._kept:
            return self._kept[path].name
        name, taken = Path(path).name, {c.name for c in self._kept.values()}
        if name not in taken:
            return name
        return f"{hashlib.sha256(path.encode()).hexdigest()[:8]}-{name}"

    def _forget_deleted(self) -> list[Path]:
        """The copies of what the script has deleted."""
        deleted = [
            p for p, c in self._kept.items() if not c.is_best and not (self._cwd / p).exists()
        ]
        for path in deleted:
            self._stamps.pop(path, None)
        return [self._folder / self._kept.pop(path).name for path in deleted]

    def _say(self, path: str, error: OSError) -> None:
        """A remote or vanished checkpoint is said once, and is not fatal."""
        if path not in self._said:
            self._said.add(path)
            reason = error.strerror or str(error)
            self._writer.write(
                "note", code="checkpoint_missing", message=f"Not copied: {path} ({reason})."
            )


def _real(source: Path) -> Path:
    """The file itself; a link to a file beside it, such as Lightning's `last.ckpt`, is followed, any other is not."""
    if source.is_symlink():
        target = source.resolve(strict=True)
        if target.parent != source.parent.resolve():
            raise OSError(0, "it is a link to another folder", str(source))
        return target
    return source


def _stamp(source: Path) -> tuple[int, int]:
    info = source.stat()
    if not stat.S_ISREG(info.st_mode):
        raise FileNotFoundError(0, "it is a folder or a special file", str(source))
    return info.st_mtime_ns, info.st_size


def _check_room(source: Path, folder: Path, size_bytes: int) -> None:
    """A file with holes may be larger than any disk."""
    free = shutil.disk_usage(folder.parent).free
    if size_bytes > free:
        raise OSError(0, f"it has {size_bytes} bytes, and {free} are free", str(source))


def _copy(source: int, target: Path) -> tuple[str, int]:
    """Copy an open file aside, hash on the way, rename; returns sha256 and size in bytes."""
    target.parent.mkdir(exist_ok=True)
    partial = target.with_name(target.name + ".partial")
    digest, size = hashlib.sha256(), 0
    try:
        with os.fdopen(source, "rb") as reader, partial.open("wb") as writer:
            while chunk := reader.read(_CHUNK_BYTES):
                digest.update(chunk)
                writer.write(chunk)
                size += len(chunk)
            writer.flush()
            os.fsync(writer.fileno())
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return digest.hexdigest(), size
