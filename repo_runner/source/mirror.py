"""A bare repository that all runs of one remote share: single commits, blobs only where needed.

Nothing in it is changed or removed, so reading needs no lock. Writing holds `lock`, which git's
processes keep open too: when the app is killed, the next writer waits for the orphaned git, then
sweeps away what was left half done.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from repo_runner.errors import RefNotFound
from repo_runner.settings import Settings
from repo_runner.source.entries import Entry, parse_batch, parse_entries
from repo_runner.source.failure import UnreadableObjectError
from repo_runner.source.git import GitCommand, Watch
from repo_runner.source.lock import locked
from repo_runner.source.quota import check_bytes, check_files, growth_check
from repo_runner.source.retry import BROKEN_OR_AWAY, repeated
from repo_runner.source.skeleton import write_bare
from repo_runner.source.surroundings import empty_home, git_env

#: As git's own lazy fetching does it: objects by id, no refs, no record.
_FETCH = (
    *("fetch", "--progress", "--filter=blob:none", "--no-tags", "--no-write-fetch-head"),
    *("--recurse-submodules=no", "--no-auto-maintenance"),
)
#: For a look at a few files; a file may be far larger than anybody reads.
_MAX_LOOKED_AT_BYTES = 64 << 20
_LEFT_BY_KILLED_GIT = ("*.lock", "objects/pack/tmp_*", "objects/tmp_*", "known/*.new")


@dataclass(frozen=True)
class Contents:
    """How much a whole commit is."""

    files: int
    bytes: int


class Mirror:
    """The mirror of one remote."""

    def __init__(self, path: Path, repo_url: str, settings: Settings) -> None:
        self.path = path
        self.repo_url = repo_url
        self._settings = settings

    def has_commit(self, commit_sha: str, watch: Watch) -> bool:
        """Whether the commit and its trees are here."""
        try:
            self._git(watch, "cat-file", "-e", f"{commit_sha}^{{tree}}")
        except UnreadableObjectError:
            return False
        return True

    def fetch_commit(self, commit_sha: str, watch: Watch) -> None:
        """Fetch a commit and its trees, no history, no blobs. Raises RefNotFound."""
        with self._writing(watch) as lock:
            if self.has_commit(commit_sha, watch):
                return
            try:
                self._fetch(watch, lock, "--depth=1", "origin", commit_sha)
            except RefNotFound as error:
                message = f"The repository has no commit {commit_sha}."
                raise RefNotFound(message, field="ref", lines=error.lines) from error
            if not self.has_commit(commit_sha, watch):
                message = f"{commit_sha} is no commit but another object of the repository."
                raise RefNotFound(message, field="ref")

    def entries(self, commit_sha: str, watch: Watch, path: str = "") -> list[Entry]:
        """All paths of a commit, or those at a path; trees that are not here are fetched."""
        words = (commit_sha, "--", path) if path else (commit_sha,)
        # Unknown at first; what is still unreadable after it was fetched is damaged.
        for mend in (self.fetch_commit, self._fetch_anew):
            try:
                return self._list(watch, *words)
            except UnreadableObjectError:
                mend(commit_sha, watch)
        return self._list(watch, *words)

    def read_blob(self, object_id: str, watch: Watch) -> bytes:
        """One file's content, fetched when it is not here; long ones raise QuotaExceeded."""
        try:
            return self._git(watch, "cat-file", "blob", object_id)
        except UnreadableObjectError:
            with self._writing(watch) as lock:
                self._fetch_objects([object_id], watch, lock)
            return self._git(watch, "cat-file", "blob", object_id)

    def read_blobs(
        self, object_ids: Sequence[str], watch: Watch, max_bytes: int
    ) -> dict[str, bytes]:
        """Contents by id, what is not here fetched together; longer ones are left out."""
        sizes = self._sizes(object_ids, watch)
        if missing := [object_id for object_id in object_ids if object_id not in sizes]:
            with self._writing(watch) as lock:
                self._fetch_objects(missing, watch, lock, _MAX_LOOKED_AT_BYTES)
            sizes |= self._sizes(missing, watch)
        wanted = [object_id for object_id, size in sizes.items() if size <= max_bytes]
        watch = replace(watch, max_output_bytes=_MAX_LOOKED_AT_BYTES)
        return dict(parse_batch(self._git(watch, "cat-file", "--batch", stdin=_lines(wanted))))

    def known(self, commit_sha: str) -> Contents | None:
        """How much a commit is, if it is here as a whole."""
        try:
            return Contents(**json.loads(self._mark(commit_sha).read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def complete(self, commit_sha: str, watch: Watch) -> Contents:
        """Fetch what is missing of a commit. Raises QuotaExceeded before it grows too large."""
        check_files(len(self.entries(commit_sha, watch)), self._settings)
        with self._writing(watch) as lock:
            if contents := self.known(commit_sha):
                return contents
            self._fetch_objects(self._missing(commit_sha, watch), watch, lock)
            sizes = [e.size_bytes for e in self.sized_entries(commit_sha, watch) if e.is_file]
            check_bytes(sum(sizes), self._settings)
            return self._write_mark(commit_sha, Contents(len(sizes), sum(sizes)))

    def sized_entries(self, commit_sha: str, watch: Watch) -> list[Entry]:
        """All paths of a commit that is here as a whole, with their sizes."""
        return self._list(watch, "--long", commit_sha)

    def empty(self, watch: Watch) -> None:
        """Forget all: an object is damaged, and git does not fetch what it believes to have."""
        with self._writing(watch):
            for name in ("known", "objects"):
                shutil.rmtree(self.path / name, ignore_errors=True)
            for name in ("HEAD", "shallow"):
                (self.path / name).unlink(missing_ok=True)
            write_bare(self.path, self.repo_url)

    def _fetch_anew(self, commit_sha: str, watch: Watch) -> None:
        self.empty(watch)
        self.fetch_commit(commit_sha, watch)

    def _list(self, watch: Watch, *arguments: str) -> list[Entry]:
        return list(parse_entries(self._git(watch, "ls-tree", "-r", "-z", *arguments)))

    def _missing(self, commit_sha: str, watch: Watch) -> list[str]:
        words = ("--objects", "--no-object-names", "--missing=print", "--no-walk", commit_sha)
        lines = self._git(watch, "rev-list", *words).decode().split()
        return [line[1:] for line in lines if line.startswith("?")]

    def _sizes(self, object_ids: Sequence[str], watch: Watch) -> dict[str, int]:
        """Sizes of those that are here, by id."""
        output = self._git(watch, "cat-file", "--batch-check", stdin=_lines(object_ids))
        rows = [line.split() for line in output.decode().splitlines()]
        return {row[0]: int(row[2]) for row in rows if row[1] == "blob"}

    def _fetch_objects(
        self, object_ids: list[str], watch: Watch, lock: int, max_bytes: int = 0
    ) -> None:
        if object_ids:
            stdin = _lines(object_ids)
            self._fetch(watch, lock, "--stdin", "origin", stdin=stdin, max_bytes=max_bytes)

    def _fetch(
        self, watch: Watch, lock: int, *arguments: str, stdin: bytes = b"", max_bytes: int = 0
    ) -> None:
        """Fetching by id can be repeated: what arrived before a connection broke is thrown away."""
        env = git_env(self._settings, self.repo_url, is_partial_fetch=True)
        env["GIT_DIR"] = str(self.path)
        command = GitCommand((*_FETCH, *arguments), env, self.path, stdin, pass_fds=(lock,))
        pack = self.path / "objects" / "pack"
        allowed = max_bytes or self._settings.max_repo_bytes
        watched = replace(watch, check=growth_check(pack, allowed))
        repeated(lambda: command.run(watched), watch, self._sweep, BROKEN_OR_AWAY)

    def _git(self, watch: Watch, *arguments: str, stdin: bytes = b"") -> bytes:
        env = {**git_env(self._settings, self.repo_url), "GIT_DIR": str(self.path)}
        return GitCommand(arguments, env, empty_home(self._settings), stdin).run(watch)

    @contextmanager
    def _writing(self, watch: Watch) -> Iterator[int]:
        with locked(self.path / "lock", timeout_s=watch.timeout_s, cancel=watch.cancel) as lock:
            write_bare(self.path, self.repo_url)
            self._sweep()
            try:
                yield lock
            except BaseException:
                self._sweep()
                raise

    def _sweep(self) -> None:
        for pattern in _LEFT_BY_KILLED_GIT:
            for path in self.path.glob(pattern):
                path.unlink(missing_ok=True)

    def _mark(self, commit_sha: str) -> Path:
        return self.path / "known" / commit_sha

    def _write_mark(self, commit_sha: str, contents: Contents) -> Contents:
        mark = self._mark(commit_sha)
        mark.parent.mkdir(exist_ok=True)
        new = mark.with_suffix(".new")
        new.write_text(json.dumps(asdict(contents)))
        new.replace(mark)
        return contents


def _lines(object_ids: Sequence[str]) -> bytes:
    return "".join(f"{object_id}\n" for object_id in object_ids).encode()
