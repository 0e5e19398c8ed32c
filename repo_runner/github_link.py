"""Any link to a GitHub repository → repository, ref, path. Pure: no network, no git.

What a person pastes is taken apart, every part is checked, and the repository's address is rebuilt
from the parts; the text itself is never handed on. A branch name may hold slashes, so where a link
says `tree/<ref>/<path>` only the remote's refs can tell where the ref ends: such links keep their
`tail` until `source` resolves it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes

from repo_runner.clone_line import url_of_clone_line
from repo_runner.errors import InvalidLink, InvalidRef

MAX_LINK_CHARS = 300
MAX_REF_CHARS = 255

_NAME = re.compile(r"(?!-)(?!\.{1,2}\Z)[A-Za-z0-9._-]{1,100}\Z")
_SHA = re.compile(r"[0-9a-f]{40}\Z")
_ANCHOR = re.compile(r"[A-Za-z0-9_.-]*\Z")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_SCP_FORM = re.compile(r"git@([^/:@]+):([^/].*)\Z", re.DOTALL)
_NOT_IN_A_REF = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//")
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
        """The shortest link that says the same."""
        if self.tail:
            return f"{self.repo_url}/tree/{'/'.join(quote(part, safe='') for part in self.tail)}"
        return f"{self.repo_url}@{self.ref}" if self.ref else self.repo_url


def parse_link(text: str, *, allowed_hosts: Sequence[str]) -> GithubLink:
    """Take a link apart. Raises InvalidLink (field `link`) that says what is wrong with it."""
    _check_characters(text)
    url, ref = url_of_clone_line(text)
    host, parts = _host_and_parts(url, allowed_hosts)
    link = _link(host, parts)
    if not ref:
        return link
    return GithubLink(link.repo_url, _checked_ref(ref))


def check_ref(ref: str) -> str:
    """Return a ref that git could know (`git check-ref-format --allow-onelevel`), or raise InvalidRef (field `ref`)."""
    if not ref or len(ref) > MAX_REF_CHARS:
        raise InvalidRef(f"A ref has 1 to {MAX_REF_CHARS} characters, not {len(ref)}.", field="ref")
    parts = ref.split("/")
    is_wrong = (
        _NOT_IN_A_REF.search(ref)
        or ref.startswith("-")
        or ref.endswith(".")
        or ref == "@"
        or any(not part or part.startswith(".") or part.endswith(".lock") for part in parts)
        or _has_hidden(ref)
    )
    if is_wrong:
        raise InvalidRef(
            f"{ref[:60]!r} cannot be the name of a branch, tag or commit.", field="ref"
        )
    return ref


def is_full_sha(ref: str) -> bool:
    """Whether this is a whole commit id."""
    return bool(_SHA.match(ref))


def split_repo_url(repo_url: str) -> tuple[str, str, str]:
    """Host, owner and repository of an address `parse_link` built. Raises InvalidLink for anything else."""
    scheme, _, rest = repo_url.partition("://")
    host, *names = rest.split("/")
    if (
        scheme != "https"
        or len(names) != 2
        or not all(map(_NAME.match, names))
        or not re.match(r"[a-z0-9.:-]+\Z", host)
    ):
        raise _wrong("This is not the address of a repository.")
    return host, names[0], names[1]


def _check_characters(text: str) -> None:
    if not text:
        raise _wrong("The link is empty.")
    if len(text) > MAX_LINK_CHARS:
        raise _wrong(f"The link is longer than {MAX_LINK_CHARS} characters.")
    if text[0] == "-":
        raise _wrong("A link cannot begin with a dash.")
    if text != text.strip():
        raise _wrong("The link begins or ends with a blank.")
    if _has_hidden(text):
        raise _wrong("The link holds a control or invisible character.")
    for mark in ("::", "$", "\\"):
        if mark in text.removeprefix("$ "):
            raise _wrong(f"A link cannot hold {mark!r}.")


def _has_hidden(text: str) -> bool:
    """Control, formatting (right-to-left marks, joiners), private and unassigned characters; any blank but a space."""
    return any(
        unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") for char in text
    )


def _host_and_parts(url: str, allowed_hosts: Sequence[str]) -> tuple[str, list[str]]:
    """The host and the segments of the path, decoded and checked."""
    if " " in url:
        raise _wrong("The link holds a blank.")
    if scp := _SCP_FORM.match(url):
        host, path = scp.groups()
    elif scheme := _SCHEME.match(url):
        if scheme[1].lower() != "https":
            raise _wrong(f"Only https links are accepted, not {scheme[1][:20]}.")
        host, _, path = url[scheme.end() :].partition("/")
    else:
        host, path = _without_scheme(url, allowed_hosts)
    return _checked_host(host, allowed_hosts), _parts(path)


def _without_scheme(url: str, allowed_hosts: Sequence[str]) -> tuple[str, str]:
    """`host/owner/repo` of a known host, or `owner/repo` on the first one."""
    first, _, path = url.partition("/")
    if first.lower() in _known_hosts(allowed_hosts):
        return first, path
    if "." in first or ":" in first or url.partition("@")[0].count("/") != 1:
        raise _wrong("This is neither owner/repository nor a link to one.")
    return allowed_hosts[0], url


def _known_hosts(allowed_hosts: Sequence[str]) -> set[str]:
    aliases = {f"www.{host}" for host in allowed_hosts}
    return {*allowed_hosts, *aliases, *([_RAW_HOST] if "github.com" in allowed_hosts else [])}


def _checked_host(host: str, allowed_hosts: Sequence[str]) -> str:
    if "@" in host:
        raise _wrong("A link cannot hold a user name, password or token.")
    if host.lower() not in _known_hosts(allowed_hosts):
        raise _wrong(
            f"The host {host[:80]!r} is not allowed here; allowed: {', '.join(allowed_hosts)}."
        )
    return host.lower().removeprefix("www.")


def _parts(path: str) -> list[str]:
    if "?" in path:
        raise _wrong("Leave out the part of the link after the question mark.")
    path, _, anchor = path.partition("#")
    if not _ANCHOR.match(anchor):
        raise _wrong("Leave out the part of the link after the # sign.")
    parts = [_decoded(part) for part in path.rstrip("/").split("/")]
    if len(parts) < 2 or not all(parts):
        raise _wrong("The link does not name an owner and a repository.")
    return parts


def _decoded(part: str) -> str:
    try:
        text = unquote_to_bytes(part).decode()
    except UnicodeDecodeError:
        raise _wrong("The link is not encoded in UTF-8.") from None
    if text in (".", "..") or "/" in text or "\\" in text or _has_hidden(text):
        raise _wrong("The link's path holds '.', '..', an encoded slash or an invisible character.")
    return text


def _link(host: str, parts: list[str]) -> GithubLink:
    owner, repo, *rest = parts
    if host == _RAW_HOST:
        return _at_a_ref(_repo_url("github.com", owner, repo), rest)
    repo, at, ref = repo.partition("@")
    url = _repo_url(host, owner, repo)
    if at:
        return GithubLink(url, _checked_ref("/".join([ref, *rest])))
    if rest[:1] == ["-"]:  # GitLab sets its pages apart with a dash.
        rest = rest[1:]
    return _page(url, rest)


def _page(url: str, rest: list[str]) -> GithubLink:
    match rest:
        case []:
            return GithubLink(url)
        case [page, *tail] if page in _AT_A_REF:
            return _at_a_ref(url, tail)
        case ["src", "branch" | "tag", *tail]:  # Gitea
            return _at_a_ref(url, tail)
        case ["src", "commit", sha, *path]:
            return GithubLink(url, _checked_ref(sha), "/".join(path))
        case ["commit", sha] | ["pull", _, "commits", sha]:
            return GithubLink(url, _checked_ref(sha))
        case ["releases", "tag", *ref] if ref:
            return GithubLink(url, _checked_ref("/".join(ref)))
        case ["pull", number, *_] if number.isdecimal():
            return GithubLink(url, f"refs/pull/{int(number)}/head")
        case ["merge_requests", number, *_] if number.isdecimal():
            return GithubLink(url, f"refs/merge-requests/{int(number)}/head")
    raise _wrong(
        f"The link names the page {rest[0][:40]!r} of the repository, which holds no code."
    )


def _at_a_ref(url: str, tail: list[str]) -> GithubLink:
    if not tail:
        raise _wrong("The link does not name a branch, tag or commit.")
    if tail[0].startswith("-"):
        raise _wrong("A ref cannot begin with a dash.")
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
