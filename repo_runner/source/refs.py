"""What a remote calls its commits, and which of them a person means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

_HEADS, _TAGS, _PEELED = "refs/heads/", "refs/tags/", "^{}"


@dataclass(frozen=True)
class ResolvedSource:
    """Exactly one commit, and what of it was asked for."""

    repo_url: str
    #: The branch, tag or commit as asked; the default branch when nothing was asked.
    ref: str
    commit_sha: str
    #: The script or folder the link named; empty: none.
    path: str = ""


@dataclass(frozen=True)
class RemoteRefs:
    """The refs of a remote; annotated tags lead to their commit."""

    #: Empty when the remote's HEAD names no branch.
    default_branch: str = ""
    head_sha: str = ""
    branches: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    #: All other refs by their full name, such as `refs/pull/7/head`.
    others: Mapping[str, str] = field(default_factory=dict)

    def sha_of(self, ref: str) -> str | None:
        """The commit of a ref, or None.

        Of a branch and a tag with one name the branch is meant, as with `git clone --branch`.
        """
        if ref in ("", "HEAD"):
            return self.head_sha or None
        full = ref if ref.startswith("refs/") else f"refs/{ref}"
        for known, name in (
            (self.branches, ref),
            (self.tags, ref),
            (self.branches, full.removeprefix(_HEADS)),
            (self.tags, full.removeprefix(_TAGS)),
            (self.others, full),
        ):
            if name in known:
                return known[name]
        return None

    def split_tail(self, tail: tuple[str, ...]) -> tuple[str, str] | None:
        """Ref and path of `ref/with/slashes/path`: the longest beginning that is a ref."""
        for length in range(len(tail), 0, -1):
            ref = "/".join(tail[:length])
            if self.sha_of(ref):
                return ref, "/".join(tail[length:])
        return None

    def tips_that_start_with(self, prefix: str) -> set[str]:
        """The commits, among those that refs lead to, whose id starts so."""
        tips = {*self.branches.values(), *self.tags.values(), *self.others.values(), self.head_sha}
        return {sha for sha in tips if sha.startswith(prefix)}


def parse_refs(output: str) -> RemoteRefs:
    """Read `git ls-remote --symref`."""
    default_branch, shas = "", dict[str, str]()
    for line in output.splitlines():
        value, _, name = line.partition("\t")
        if value.startswith("ref: "):
            default_branch = (
                value.removeprefix("ref: ").removeprefix(_HEADS)
                if name == "HEAD"
                else default_branch
            )
        elif name:
            shas[name] = value
    peeled = {
        name: shas.get(name + _PEELED, sha)
        for name, sha in shas.items()
        if not name.endswith(_PEELED)
    }
    return RemoteRefs(
        default_branch=default_branch,
        head_sha=peeled.pop("HEAD", ""),
        branches=_within(peeled, _HEADS),
        tags=_within(peeled, _TAGS),
        others={name: sha for name, sha in peeled.items() if not name.startswith((_HEADS, _TAGS))},
    )


def _within(shas: Mapping[str, str], folder: str) -> dict[str, str]:
    return {name.removeprefix(folder): sha for name, sha in shas.items() if name.startswith(folder)}
