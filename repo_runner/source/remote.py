"""One repository as its host shows it: its refs, and what a person means by a name."""

from __future__ import annotations

import difflib
import re
from pathlib import Path

from repo_runner.errors import RefNotFound
from repo_runner.github_link import GithubLink, split_repo_url
from repo_runner.paths import HomePaths
from repo_runner.ref_name import check_ref, is_full_sha
from repo_runner.settings import Settings
from repo_runner.source.git import GitCommand, Watch
from repo_runner.source.history import History
from repo_runner.source.mirror import Mirror
from repo_runner.source.refs import RemoteRefs, ResolvedSource, parse_refs
from repo_runner.source.retry import repeated
from repo_runner.source.surroundings import empty_home, git_env

_SHORT_SHA = re.compile(r"[0-9a-f]{4,39}\Z")


class Remote:
    """A repository's address, its mirror, and how names become commits."""

    def __init__(self, repo_url: str, settings: Settings) -> None:
        host, owner, repo = split_repo_url(repo_url)
        self.repo_url = repo_url
        self._settings = settings
        self._folder = HomePaths(settings.home).mirrors / host.replace(":", "_") / owner
        self.mirror = Mirror(self._path(repo, "git"), repo_url, settings)
        self._history = History(self._path(repo, "history"), repo_url, settings)

    def watch(self) -> Watch:
        """The time a fetch may take, from now."""
        return Watch(self._settings.fetch_timeout_s)

    def refs(self) -> RemoteRefs:
        """Ask the host for the refs, once."""
        env = git_env(self._settings, self.repo_url, asks_host=True)
        words = ("ls-remote", "--symref", "--", self.repo_url)
        command = GitCommand(words, env, empty_home(self._settings))
        watch = Watch(self._settings.lookup_timeout_s)
        output = repeated(lambda: command.run(watch), watch)
        return parse_refs(output.decode(errors="replace"))

    def resolve(
        self, link: GithubLink, ref: str, known: RemoteRefs | None = None
    ) -> ResolvedSource:
        """The commit a link and a ref mean; the whole id of a commit that is here asks nobody."""
        asked = check_ref(ref) if ref else ""
        if not asked and link.tail and is_full_sha(link.tail[0]):
            return self._commit(link.tail[0], "/".join(link.tail[1:]))
        if not link.tail and is_full_sha(asked or link.ref):
            return self._commit(asked or link.ref, link.path)
        refs = known or self.refs()
        named, path = _split(link, refs)
        wanted = asked or (check_ref(named) if named else "")
        sha = refs.sha_of(wanted) or self._sha_of_commit(wanted, refs)
        return ResolvedSource(self.repo_url, wanted or refs.default_branch, sha, path)

    def _commit(self, commit_sha: str, path: str) -> ResolvedSource:
        watch = self.watch()
        if not self.mirror.has_commit(commit_sha, watch):
            self.mirror.fetch_commit(commit_sha, watch)
        return ResolvedSource(self.repo_url, commit_sha, commit_sha, path)

    def _sha_of_commit(self, ref: str, refs: RemoteRefs) -> str:
        """A ref that is no branch and no tag can only be a commit id, whole or shortened."""
        if is_full_sha(ref):
            return self._commit(ref, "").commit_sha
        if not _SHORT_SHA.match(ref):
            raise _unknown(ref, refs)
        tips = refs.tips_that_start_with(ref)
        return tips.pop() if len(tips) == 1 else self._history.find(ref, self.watch())

    def _path(self, repo: str, kind: str) -> Path:
        return self._folder / f"{repo}.{kind}"


def _split(link: GithubLink, refs: RemoteRefs) -> tuple[str, str]:
    """Ref and path of a link; where no ref fits its tail, the first segment is taken for one."""
    if not link.tail:
        return link.ref, link.path
    return refs.split_tail(link.tail) or (link.tail[0], "/".join(link.tail[1:]))


def _unknown(ref: str, refs: RemoteRefs) -> RefNotFound:
    if not ref:
        return RefNotFound("The repository has no default branch; it may be empty.", field="ref")
    near = difflib.get_close_matches(ref, [*refs.branches, *refs.tags], n=3)
    hint = f"Did you mean {' or '.join(near)}?" if near else None
    message = f"The repository has no branch, tag or commit {ref[:80]!r}."
    return RefNotFound(message, field="ref", hint=hint)
