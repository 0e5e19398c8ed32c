"""Write a commit out as a work tree with a `.git` of its own, built aside and moved into place."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from repo_runner.errors import DiskFull, FetchTimeout, SourceError
from repo_runner.process import ProcessTimeout, run
from repo_runner.settings import Settings
from repo_runner.source.failure import failure_of
from repo_runner.source.skeleton import write_borrowing
from repo_runner.source.surroundings import git_env


@dataclass(frozen=True)
class CheckoutReport:
    """What a checkout cost."""

    bytes: int
    files: int
    #: Whether the commit was known, so that nothing was fetched.
    reused: bool
    seconds: float
    #: Bytes of each submodule, by its path; they are part of `bytes`.
    submodules: Mapping[str, int] = field(default_factory=dict)
    #: Bytes of what came from Git LFS; they are part of `bytes` too.
    lfs_bytes: int = 0


@dataclass(frozen=True)
class Tree:
    """One commit of one repository, borrowed from its mirror."""

    repo_url: str
    commit_sha: str
    mirror: Path


@dataclass(frozen=True)
class Checkout:
    """One work tree to be."""

    tree: Tree
    destination: Path
    #: By path, what is written inside; all or nothing with the rest.
    submodules: Mapping[str, Tree] = field(default_factory=dict)
    #: Called with the work tree before it is moved into place; raises to give it up.
    finish: Callable[[Path], None] | None = None

    @property
    def exists(self) -> bool:
        """Whether this commit was already written out here; it is then left as the run left it."""
        head = self.destination / ".git" / "HEAD"
        return head.is_file() and head.read_text().strip() == self.tree.commit_sha

    def write(
        self, settings: Settings, *, on_line: Callable[[str], None], cancel: threading.Event | None
    ) -> None:
        """Write it, all or nothing.

        Raises UnreadableObjectError, DiskFull, FetchTimeout, SourceError, ProcessCancelled.
        """
        if self.destination.exists():
            raise SourceError(f"{self.destination.name} already holds something else.")
        partial = self.destination.with_name(self.destination.name + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        try:
            self._fill(self.tree, partial, settings, on_line, cancel)
            for path, tree in self.submodules.items():
                self._fill(tree, _folder_of(partial, path), settings, on_line, cancel)
            if self.finish:
                self.finish(partial)
            partial.rename(self.destination)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise

    def _fill(
        self,
        tree: Tree,
        partial: Path,
        settings: Settings,
        on_line: Callable[[str], None],
        cancel: threading.Event | None,
    ) -> None:
        git_dir = partial / ".git"
        write_borrowing(git_dir, tree.repo_url, commit_sha=tree.commit_sha, lender=tree.mirror)
        env = {
            **git_env(settings, tree.repo_url),
            "GIT_DIR": str(git_dir),
            "GIT_WORK_TREE": str(partial),
        }
        words = ["git", "read-tree", "-m", "-u", "-v", tree.commit_sha]
        try:
            done = run(
                words,
                env=env,
                cwd=partial,
                timeout_s=settings.fetch_timeout_s,
                cancel=cancel,
                on_line=on_line,
            )
        except ProcessTimeout as error:
            raise FetchTimeout from error
        if done.exit_code:
            raise failure_of(done.output, done.exit_code)


def check_room(folder: Path, size_bytes: int) -> None:
    """Raises DiskFull when a work tree of this size does not fit."""
    free = shutil.disk_usage(folder).free
    if size_bytes > free:
        raise DiskFull(
            f"The work tree needs {size_bytes / 1e6:.0f} MB and {free / 1e6:.0f} MB are free."
        )


def _folder_of(top: Path, path: str) -> Path:
    """The empty folder that the repository left for a submodule, reached through no link."""
    folder = top / path
    is_own = ".." not in folder.parts and folder.resolve() == top.resolve() / path
    if not is_own or not folder.is_dir() or any(folder.iterdir()):
        raise SourceError(f"The submodule {path[:200]!r} has no folder of its own.", hint="")
    return folder
