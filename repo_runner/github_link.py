"""Any link to a GitHub repository → repository, ref, path. Pure: no network, no git.

What a person pastes is taken apart, every part is checked, and the repository's address is rebuilt
from the parts; the text itself is never handed on. A branch name may hold slashes, so where a link
says `tree/<ref>/<path>` only the remote's refs can tell where the ref ends: such links keep their
`tail` until `source` resolves it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes

from repo_runner.clone_line import url_of_clone_line
from repo_runner.errors import InvalidLink, InvalidRef
from repo_runner.ref_name import check_ref, has_hidden

MAX_LINK_CHARS = 300

_NAME = re.compile(r"(?!-)(?!\.{1,2}\Z)[A-Za-z0-9._-]{1,100}\Z")
_ANCHOR = re.compile(r"[A-Za-z0-9_.-]*\Z")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_SCP_FORM = re.compile(r"git@([^/:@]+):([^/].*)\Z", re.DOTALL)
_REPO_URL = re.compile(r"https://([a-z0-9.-]+(?::\d+)?)/([^/]+)/([^/]+)\Z")
#: Pages that show a file or folder at a ref.
_AT_A_REF = frozenset({"tree", "blob", "raw", "blame", "edit", "commits"})
_RAW_HOST = "raw.githubusercontent.com"


@dataclass(frozen=True)
class GithubLink:
    """A repository, and what else the link names."""

    #: `https://host/owner/repo`, rebuilt from its parts.
    repo_url: str
    #: As asked; while there is a `tail`, the tail as text.
    ref: str = ""
    #: The script or folder the link names.
    path: str = ""
    #: `ref/with/slashes/path` in segments, of which only the remote knows where the ref ends.
    tail: tuple[str, ...] = ()

    def to_text(self) -> str:
        """A link that says the same."""
        tail = self.tail or ((self.ref, *self.path.split("/")) if self.path else ())
        if tail:
            return f"{self.repo_url}/tree/{'/'.join(quote(part, safe='') for part in tail)}"
        return f"{self.repo_url}@{self.ref}" if self.ref else self.repo_url


def parse_link(text: str, *, allowed_hosts: Sequence[str]) -> GithubLink:
    """Take a link apart. Raises InvalidLink (field `link`) that says what is wrong with it."""
    _check_characters(text)
    url, branch = url_of_clone_line(text)
    host, path = _host_and_path(url, allowed_hosts)
    link = _link(_checked_host(host, allowed_hosts), _parts(path))
    return GithubLink(link.repo_url, _checked_ref(branch)) if branch else link


def split_repo_url(repo_url: str) -> tuple[str, str, str]:
    """Host, owner and name of an address that `parse_link` built. Raises InvalidLink."""
    match = _REPO_URL.match(repo_url)
    if match is None or not (_NAME.match(match[2]) and _NAME.match(match[3])):
        raise _wrong("This is not the address of a repository.")
    return match[1], match[2], match[3]


def _check_characters(text: str) -> None:
    if not text:
        raise _wrong("The link is empty.")
    if len(text) > MAX_LINK_CHARS:
        raise _wrong(f"The link is longer than {MAX_LINK_CHARS} characters.")
    if text[0] == "-":
        raise _wrong("A link cannot begin with a dash.")
    if text != text.strip():
        raise _wrong("The link begins or ends with a blank.")
    if has_hidden(text):
        raise _wrong("The link holds a control or invisible character.")
    for mark in ("::", "$", "\\"):
        if mark in text.removeprefix("$ "):
            raise _wrong(f"A link cannot hold {mark!r}.")


def _host_and_path(url: str, allowed_hosts: Sequence[str]) -> tuple[str, str]:
    if " " in url:
        raise _wrong("The link holds a blank.")
    if scp := _SCP_FORM.match(url):
        return scp[1], scp[2]
    if scheme := _SCHEME.match(url):
        if scheme[1].lower() != "https":
            raise _wrong(f"Only https links are accepted, not {scheme[1][:20]}.")
        host, _, path = url[scheme.end() :].partition("/")
        return host, path
    first, _, path = url.partition("/")
    if first.lower() in _known_hosts(allowed_hosts):
        return first, path
    if "." in first or ":" in first or url.partition("@")[0].count("/") != 1:
        raise _wrong("This is neither owner/repository nor a link to a repository of a known host.")
    return allowed_hosts[0], url


def _known_hosts(allowed_hosts: Sequence[str]) -> set[str]:
    raw = [_RAW_HOST] if "github.com" in allowed_hosts else []
    return {*allowed_hosts, *(f"www.{host}" for host in allowed_hosts), *raw}


def _checked_host(host: str, allowed_hosts: Sequence[str]) -> str:
    if "@" in host:
        raise _wrong("A link cannot hold a user name, password or token.")
    if host.lower() not in _known_hosts(allowed_hosts):
        allowed = ", ".join(allowed_hosts)
        raise _wrong(f"The host {host[:80]!r} is not allowed here; allowed: {allowed}.")
    return host.lower() if host.lower() in allowed_hosts else host.lower().removeprefix("www.")


def _parts(path: str) -> list[str]:
    """The segments of the path, decoded and checked."""
    if "?" in path:
        raise _wrong("Leave out the part of the link after the question mark.")
    path, _, anchor = path.partition("#")
    if not _ANCHOR.match(anchor):
        raise _wrong("Leave out the part of the link after the # sign.")
    return [_decoded(part) for part in path.removesuffix("/").split("/")]


def _decoded(part: str) -> str:
    try:
        text = unquote_to_bytes(part).decode()
    except UnicodeDecodeError:
        raise _wrong("The link is not encoded in UTF-8.") from None
    if text in (".", "..") or "/" in text or "\\" in text or has_hidden(text):
        raise _wrong("The link's path holds '.', '..', an encoded slash or a hidden character.")
    return text


def _link(host: str, parts: list[str]) -> GithubLink:
    match parts:
        case [owner, repo, *rest] if all(parts):
            name, at, ref = repo.partition("@")
        case _:
            raise _wrong("The link does not name an owner and a repository.")
    if host == _RAW_HOST:
        return _at_a_ref(_repo_url("github.com", owner, repo), rest)
    url = _repo_url(host, owner, name)
    if at:
        return GithubLink(url, _checked_ref("/".join([ref, *rest])))
    return _page(url, rest) if rest else GithubLink(url)


def _page(url: str, rest: list[str]) -> GithubLink:
    match rest[1:] if rest[0] == "-" else rest:  # GitLab sets its pages apart with a dash.
        case [page, *tail] if page in _AT_A_REF:
            return _at_a_ref(url, tail)
        case ["src", "branch" | "tag", *tail]:  # Gitea's and Forgejo's pages.
            return _at_a_ref(url, tail)
        case ["src", "commit", sha, *path]:
            return GithubLink(url, _checked_ref(sha), "/".join(path))
    return GithubLink(url, _checked_ref(_ref_of_page(rest)))


def _ref_of_page(rest: list[str]) -> str:
    match rest:
        case ["commit", sha] | ["pull", _, "commits", sha] | ["-", "commit", sha]:
            return sha
        case ["releases", "tag", *ref]:
            return "/".join(ref)
        case ["pull" | "pulls", number, *_] if number.isdecimal():
            return f"refs/pull/{int(number)}/head"
        case ["-", "merge_requests", number, *_] if number.isdecimal():
            return f"refs/merge-requests/{int(number)}/head"
    page = "/".join(rest)[:40]
    raise _wrong(f"The link names the page {page!r} of the repository, which holds no code.")


def _at_a_ref(url: str, tail: list[str]) -> GithubLink:
    if not tail or tail[0].startswith("-"):
        raise _wrong("The link does not name a branch, tag or commit.")
    return GithubLink(url, "/".join(tail), tail=tuple(tail))


def _repo_url(host: str, owner: str, repo: str) -> str:
    name = repo.removesuffix(".git")
    if not _NAME.match(owner):
        raise _wrong(f"{owner[:60]!r} cannot be the name of an owner.")
    if not _NAME.match(name):
        raise _wrong(f"{repo[:60]!r} cannot be the name of a repository.")
    return f"https://{host}/{owner}/{name}"


def _checked_ref(ref: str) -> str:
    try:
        return check_ref(ref)
    except InvalidRef as error:
        raise _wrong(error.message) from error


def _wrong(message: str) -> InvalidLink:
    return InvalidLink(message, field="link")
