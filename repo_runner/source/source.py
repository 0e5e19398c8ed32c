"""The door to repositories: what a remote has, what a commit holds, a commit as a work tree."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

from repo_runner.errors import InvalidRef, ScriptNotFound
from repo_runner.github_link import GithubLink, split_repo_url
from repo_runner.models import OnProgress
from repo_runner.ref_name import is_full_sha
from repo_runner.settings import Settings
from repo_runner.source.checkout import Checkout, CheckoutReport, Tree, check_room
from repo_runner.source.failure import UnreadableObjectError
from repo_runner.source.git import Watch
from repo_runner.source.lfs import LfsFiller, halved
from repo_runner.source.mirror import Contents
from repo_runner.source.mirror_cache import note_use
from repo_runner.source.progress import FetchProgress
from repo_runner.source.refs import RemoteRefs, ResolvedSource
from repo_runner.source.remote import Remote
from repo_runner.source.script_path import check_script
from repo_runner.source.snapshot import Snapshot
from repo_runner.source.submodule_fetch import FetchedSubmodule, fetch_submodules
from repo_runner.source.submodules import find_submodules


class Source:
    """Fetches commits into shared mirrors and writes them out; for many threads and processes.

    Every method that meets the network raises RepoNotFound, AuthRequired, RepoMoved,
    HostUnreachable, FetchTimeout or SourceError, with git's own last lines.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def refs(self, repo_url: str) -> RemoteRefs:
        """The remote's refs: one question to it."""
        return self._remote(repo_url).refs()

    def with_token(self, repo_url: str, token: str) -> Source:
        """The same, with a token for this repository's host; an empty one changes nothing."""
        if not token:
            return self
        host, _, _ = split_repo_url(repo_url)
        tokens = {**self._settings.git_tokens, host: token}
        return Source(replace(self._settings, git_tokens=tokens))

    def resolve(
        self, link: GithubLink, ref: str = "", known: RemoteRefs | None = None
    ) -> ResolvedSource:
        """Exactly one commit for a link; `ref`, when given, wins over the link's own.

        With the refs that are `known` already, the remote is not asked for them again.

        Raises InvalidRef and RefNotFound (field `ref`). The whole id of a commit that was fetched
        before asks the network for nothing.
        """
        return self._remote(link.repo_url).resolve(link, ref, known)

    def files(self, repo_url: str, commit_sha: str) -> tuple[str, ...]:
        """All paths at a commit, submodules left out; trees that are not here are fetched."""
        remote = self._remote(repo_url)
        entries = remote.mirror.entries(_checked(commit_sha), remote.watch())
        return tuple(entry.path for entry in entries if entry.is_file)

    def snapshot(self, repo_url: str, commit_sha: str) -> Snapshot:
        """What a commit holds, to be read without a work tree; trees not here are fetched."""
        remote = self._remote(repo_url)
        entries = remote.mirror.entries(_checked(commit_sha), remote.watch())
        by_path = {entry.path: entry for entry in entries}
        return Snapshot(by_path, remote.mirror, self._settings.fetch_timeout_s)

    def read(self, repo_url: str, commit_sha: str, path: str, max_bytes: int = 1 << 20) -> bytes:
        """One file's content (a symbolic link's is its target).

        Raises ScriptNotFound when there is no such file, QuotaExceeded when it is longer.
        """
        remote = self._remote(repo_url)
        watch = replace(remote.watch(), max_output_bytes=max_bytes)
        for entry in remote.mirror.entries(_checked(commit_sha), remote.watch(), path):
            if entry.path == path and entry.is_file:
                return remote.mirror.read_blob(entry.object_id, watch)
        raise ScriptNotFound(f"{path[:200]!r} does not exist at this commit.")

    def check_out(
        self,
        repo_url: str,
        commit_sha: str,
        destination: Path,
        *,
        on_progress: OnProgress,
        cancel: threading.Event | None = None,
        submodules: bool = False,
        lfs: bool = False,
    ) -> CheckoutReport:
        """Write a commit out: a clean work tree with a detached HEAD, all or nothing.

        A destination that already holds this commit is left as it is. Raises RefNotFound,
        QuotaExceeded, DiskFull and ProcessCancelled besides; with `lfs` also LfsObjectMissing and
        LfsHostRefused.
        """
        started = time.monotonic()
        mirror = self._remote(repo_url).mirror
        tree = Tree(repo_url, _checked(commit_sha), mirror.path)
        git_progress = halved(on_progress) if lfs else on_progress
        watch = Watch(
            self._settings.fetch_timeout_s, cancel, on_line=FetchProgress(git_progress).hear
        )
        known = mirror.known(commit_sha)
        contents = known or mirror.complete(commit_sha, watch)
        inner = self._submodules(tree, contents, watch, git_progress) if submodules else ()
        sizes = {part.path: part.contents.bytes for part in inner}
        total = contents.bytes + sum(sizes.values())
        filler = LfsFiller(self._settings, watch, on_progress, total)
        trees = {part.path: part.tree for part in inner}
        finish = partial(filler.fill, {"": tree, **trees}) if lfs else None
        checkout = Checkout(tree, destination, trees, finish)
        if not checkout.exists:
            destination.parent.mkdir(parents=True, exist_ok=True)
            check_room(destination.parent, total)
            self._write(checkout, watch)
        files = contents.files + sum(part.contents.files for part in inner)
        seconds = time.monotonic() - started
        return CheckoutReport(
            bytes=total + filler.bytes,
            files=files,
            reused=known is not None and not filler.fetched_bytes,
            seconds=seconds,
            submodules=sizes,
            lfs_bytes=filler.bytes,
        )

    def check_script(self, destination: Path, script_path: str) -> Path:
        """The script's real path: a regular Python file inside, reached through no link.

        Raises ScriptNotFound and InvalidInput (field `script_path`).
        """
        return check_script(destination, script_path)

    def _submodules(
        self, tree: Tree, contents: Contents, watch: Watch, on_progress: OnProgress
    ) -> tuple[FetchedSubmodule, ...]:
        snapshot = self.snapshot(tree.repo_url, tree.commit_sha)
        gitmodules = snapshot.read([".gitmodules"]).get(".gitmodules", b"")
        found = find_submodules(
            tree.repo_url, snapshot.submodules, gitmodules.decode(errors="replace")
        )
        return fetch_submodules(found, contents, self._settings, watch, on_progress)

    def _write(self, checkout: Checkout, watch: Watch) -> None:
        try:
            checkout.write(self._settings, on_line=watch.on_line, cancel=watch.cancel)
        except UnreadableObjectError:
            for tree in (checkout.tree, *checkout.submodules.values()):
                mirror = self._remote(tree.repo_url).mirror
                mirror.empty(watch)
                mirror.complete(tree.commit_sha, watch)
            checkout.write(self._settings, on_line=watch.on_line, cancel=watch.cancel)

    def _remote(self, repo_url: str) -> Remote:
        remote = Remote(repo_url, self._settings)
        note_use(remote.mirror.path)
        return remote


def _checked(commit_sha: str) -> str:
    if not is_full_sha(commit_sha):
        raise InvalidRef(f"{commit_sha[:60]!r} is not a whole commit id.", field="ref")
    return commit_sha
