"""The repositories inside a repository: which of them may be fetched, and from where."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from repo_runner.errors import InvalidLink
from repo_runner.github_link import parse_link, split_repo_url

#: More than this nobody means.
MAX_SUBMODULES = 50

_SECTION = re.compile(r'\[submodule "(?P<name>[^"]*)"\]')
_VALUE = re.compile(r"(?P<key>path|url)\s*=\s*(?P<value>.*)")


@dataclass(frozen=True)
class Submodule:
    """One commit of another repository, at a path of this one."""

    path: str
    commit_sha: str
    #: `https://host/owner/repo` on the same host; empty when it cannot be fetched.
    repo_url: str = ""
    #: Why it cannot be fetched.
    problem: str = ""


def find_submodules(
    repo_url: str, commits: Mapping[str, str], gitmodules: str
) -> tuple[Submodule, ...]:
    """Every submodule of a commit, in the order of their paths."""
    urls = dict(_urls(gitmodules))
    return tuple(
        _submodule(repo_url, path, commit_sha, urls.get(path, ""))
        for path, commit_sha in sorted(commits.items())
    )


def _submodule(repo_url: str, path: str, commit_sha: str, url: str) -> Submodule:
    host, _, _ = split_repo_url(repo_url)
    if not url:
        return Submodule(path, commit_sha, problem="its address is not in .gitmodules")
    try:
        link = parse_link(_absolute(repo_url, url), allowed_hosts=[host])
    except InvalidLink:
        return Submodule(path, commit_sha, problem=f"only https repositories of {host} are fetched")
    if link.ref or link.path:
        return Submodule(path, commit_sha, problem="its address is not that of a repository")
    return Submodule(path, commit_sha, link.repo_url)


def _absolute(repo_url: str, url: str) -> str:
    """As git reads `./x` and `../x`: from the address of the repository they are in."""
    if not url.startswith(("./", "../")):
        return url
    parts = urlsplit(repo_url)
    folders = parts.path.split("/")
    while url.startswith(("./", "../")):
        if url.startswith("../"):
            folders = folders[:-1]
        url = url.partition("/")[2]
    return f"https://{parts.netloc}{'/'.join([*folders, url])}"


def _urls(gitmodules: str) -> Iterator[tuple[str, str]]:
    """Path and address of each section; git's own file format as far as .gitmodules uses it."""
    found: dict[str, dict[str, str]] = {}
    section: dict[str, str] = {}
    for line in gitmodules.splitlines():
        if header := _SECTION.match(line.strip()):
            section = found.setdefault(header["name"], {})
        elif value := _VALUE.match(line.strip()):
            section[value["key"]] = value["value"].strip().strip('"')
    for values in found.values():
        if "path" in values and "url" in values:
            yield values["path"], values["url"]
