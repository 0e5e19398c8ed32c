"""Commits without their files, fetched only when a shortened commit id has to be looked up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from repo_runner.errors import RefNotFound
from repo_runner.settings import Settings
from repo_runner.source.failure import UnknownRevisionError
from repo_runner.source.git import GitCommand, Watch
from repo_runner.source.lock import locked
from repo_runner.source.quota import growth_check
from repo_runner.source.retry import repeated
from repo_runner.source.skeleton import write_bare
from repo_runner.source.surroundings import git_env

#: No trees and no blobs: a commit is some 200 bytes. What is here is told, so that only news comes.
_FETCH = (
    *("-c", "fetch.negotiationAlgorithm=consecutive", "fetch", "--filter=tree:0", "--prune"),
    *("--no-tags", "--no-write-fetch-head", "--no-auto-maintenance", "origin"),
)
_REFSPECS = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")


class History:
    """The commits of all branches and tags of one remote."""

    def __init__(self, path: Path, repo_url: str, settings: Settings) -> None:
        self.path = path
        self.repo_url = repo_url
        self._settings = settings

    def find(self, short_sha: str, watch: Watch) -> str:
        """The id of the one commit that begins so. Raises RefNotFound for none or several."""
        with locked(self.path / "lock", timeout_s=watch.timeout_s, cancel=watch.cancel) as lock:
            write_bare(self.path, self.repo_url)
            self._fetch(watch, lock)
            words = ("rev-parse", "--verify", "--end-of-options", f"{short_sha}^{{commit}}")
            try:
                return self._command(words).run(watch).decode().strip()
            except UnknownRevisionError as error:
                message = f"No single commit of a branch or tag begins with {short_sha}."
                raise RefNotFound(message, field="ref", lines=error.lines) from error

    def _fetch(self, watch: Watch, lock: int) -> None:
        words = (*_FETCH, *_REFSPECS)
        command = replace(self._command(words, is_partial_fetch=True), pass_fds=(lock,))
        pack = self.path / "objects" / "pack"
        watched = replace(watch, check=growth_check(pack, self._settings.max_repo_bytes))
        repeated(lambda: command.run(watched), watch)

    def _command(self, words: tuple[str, ...], *, is_partial_fetch: bool = False) -> GitCommand:
        env = git_env(self._settings, self.repo_url, is_partial_fetch=is_partial_fetch)
        return GitCommand(words, {**env, "GIT_DIR": str(self.path)}, self.path)
