"""Git LFS, where a run asks for it: pointers in a new work tree give way to what they stand for.

Every object is fetched once per data folder, into `lfs/<aa>/<sha256>` beside the mirrors, and copied
from there, because a script may write to its files. git is told to take these files for unchanged,
so that `git status` stays quiet.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from repo_runner.errors import DiskFull, SourceError
from repo_runner.models import OnProgress
from repo_runner.paths import HomePaths
from repo_runner.settings import Settings
from repo_runner.source.checkout import Tree, check_room
from repo_runner.source.git import GitCommand, Watch
from repo_runner.source.lfs_batch import Download
from repo_runner.source.lfs_pointer import Pointer, find_pointers
from repo_runner.source.lock import locked
from repo_runner.source.mirror import Mirror
from repo_runner.source.mirror_cache import note_use
from repo_runner.source.quota import check_bytes
from repo_runner.source.retry import BROKEN_OR_AWAY, repeated
from repo_runner.source.surroundings import git_env

if TYPE_CHECKING:
    from repo_runner.source.lfs_fetch import LfsRemote

#: Of the whole fetch, what git takes; the objects take the rest.
GIT_SHARE = 0.5

_STAGE = "lfs"
#: Addresses go stale, so no more are asked for than are used in a while.
_ASKED_AT_ONCE = 50
_CHUNK_BYTES = 1 << 20


@dataclass
class LfsFiller:
    """Fills one checkout, submodules included."""

    settings: Settings
    watch: Watch
    on_progress: OnProgress
    #: What the checkout takes without the objects: quotas are for both together.
    git_bytes: int
    #: Bytes of the objects in the checkout, and of those that had to be fetched.
    bytes: int = field(default=0, init=False)
    fetched_bytes: int = field(default=0, init=False)

    def fill(self, trees: Mapping[str, Tree], top: Path) -> None:
        """Replace the pointers in each of these trees, which lie below `top` by their paths.

        Raises LfsObjectMissing, LfsHostRefused, AuthRequired, QuotaExceeded, DiskFull, FetchTimeout,
        SourceError and ProcessCancelled; the checkout is then of no use.
        """
        found = {path: self._pointers(tree, top / path) for path, tree in trees.items()}
        pointers = [pointer for part in found.values() for pointer in part]
        self.bytes = sum(pointer.size_bytes for pointer in pointers)
        missing = sum(pointer.size_bytes for pointer in self._missing(pointers))
        check_bytes(self.git_bytes + self.bytes, self.settings)
        check_room(top, self.bytes + missing)
        progress = _Progress(self.on_progress, missing)
        for path, tree in trees.items():
            if found[path]:
                self._fetch(tree, found[path], progress)
                self._place(tree, found[path], top / path)
        self.fetched_bytes += progress.done
        size = f"{self.bytes / 1e6:.1f} MB"
        self.on_progress(_STAGE, 1.0, f"Git LFS: {len(pointers)} files, {size}")

    def _pointers(self, tree: Tree, folder: Path) -> list[Pointer]:
        mirror = Mirror(tree.mirror, tree.repo_url, self.settings)
        return list(find_pointers(folder, mirror.sized_entries(tree.commit_sha, self.watch)))

    def _missing(self, pointers: Sequence[Pointer]) -> list[Pointer]:
        """One pointer for each object that is not here."""
        by_oid = {pointer.oid: pointer for pointer in pointers}
        return [pointer for pointer in by_oid.values() if not self._is_here(pointer)]

    def _fetch(self, tree: Tree, pointers: list[Pointer], progress: _Progress) -> None:
        if not self._missing(pointers):
            return
        # Late: a run without Git LFS need not wait for the network's modules.
        from repo_runner.source.lfs_fetch import LfsRemote

        lock, aside = tree.mirror / "lfs_lock", tree.mirror / "lfs_partial"
        with locked(lock, timeout_s=self.watch.timeout_s, cancel=self.watch.cancel):
            shutil.rmtree(aside, ignore_errors=True)
            aside.mkdir()
            try:
                self._fetch_missing(
                    LfsRemote(tree.repo_url, self.settings), pointers, aside, progress
                )
            finally:
                shutil.rmtree(aside, ignore_errors=True)

    def _fetch_missing(
        self, remote: LfsRemote, pointers: list[Pointer], aside: Path, progress: _Progress
    ) -> None:
        missing = self._missing(pointers)
        for first in range(0, len(missing), _ASKED_AT_ONCE):
            asked = missing[first : first + _ASKED_AT_ONCE]
            ask = partial(remote.locate, asked, self.watch)
            for found in repeated(ask, self.watch, after=BROKEN_OR_AWAY):
                self._download(remote, found, aside / found.pointer.oid, progress)

    def _download(
        self, remote: LfsRemote, found: Download, aside: Path, progress: _Progress
    ) -> None:
        hear = progress.hearing(found.pointer)
        get = partial(remote.download, found, aside, self.watch, hear)
        repeated(get, self.watch, after=BROKEN_OR_AWAY)
        progress.done += found.pointer.size_bytes
        kept = self._kept(found.pointer)
        kept.parent.mkdir(parents=True, exist_ok=True)
        aside.replace(kept)

    def _place(self, tree: Tree, pointers: list[Pointer], folder: Path) -> None:
        aside = folder / ".git" / "lfs_new"
        for pointer in pointers:
            file = folder / pointer.path
            if file.parent.resolve() != folder.resolve() / Path(pointer.path).parent:
                raise SourceError(f"{pointer.name} lies behind a link.", hint="")
            self._copy(self._kept(pointer), aside)
            aside.chmod(file.stat(follow_symlinks=False).st_mode)
            aside.replace(file)
        self._hide(tree, pointers, folder)

    def _copy(self, kept: Path, to: Path) -> None:
        try:
            with kept.open("rb") as content, to.open("wb") as file:
                while chunk := content.read(_CHUNK_BYTES):
                    self.watch.tick()
                    file.write(chunk)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise DiskFull from error
            raise

    def _hide(self, tree: Tree, pointers: list[Pointer], folder: Path) -> None:
        """Otherwise git would call them modified: it runs no filters here."""
        env = git_env(self.settings, tree.repo_url)
        env |= {"GIT_DIR": str(folder / ".git"), "GIT_WORK_TREE": str(folder)}
        paths = "".join(f"{pointer.path}\0" for pointer in pointers)
        words = ("update-index", "-z", "--assume-unchanged", "--stdin")
        GitCommand(words, env, folder, os.fsencode(paths)).run(self.watch)

    def _is_here(self, pointer: Pointer) -> bool:
        note_use(self._kept(pointer))
        try:
            return self._kept(pointer).stat().st_size == pointer.size_bytes
        except FileNotFoundError:
            return False

    def _kept(self, pointer: Pointer) -> Path:
        return HomePaths(self.settings.home).mirrors / "lfs" / pointer.oid[:2] / pointer.oid


@dataclass
class _Progress:
    """Says how much of all the objects is here."""

    on_progress: OnProgress
    total: int
    done: int = 0
    share: float = 0.0

    def hearing(self, pointer: Pointer) -> Callable[[int], None]:
        """Takes how much of one object is here."""

        def hear(size_bytes: int) -> None:
            # Never back, also when an object is fetched anew.
            share = min(1.0, (self.done + size_bytes) / max(self.total, 1))
            self.share = share = max(self.share, share)
            amount = f"{(self.done + size_bytes) / 1e6:.1f} of {self.total / 1e6:.1f} MB"
            message = f"Git LFS: {share:.0%}, {amount} ({pointer.name})"
            self.on_progress(_STAGE, GIT_SHARE + (1 - GIT_SHARE) * share, message)

        return hear


def halved(on_progress: OnProgress) -> OnProgress:
    """For git's part of a fetch that objects follow."""

    def tell(stage: str, fraction: float | None, message: str) -> None:
        on_progress(stage, None if fraction is None else fraction * GIT_SHARE, message)

    return tell
