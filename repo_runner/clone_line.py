"""A pasted `git clone …` line → the address and the branch in it."""

from __future__ import annotations

import shlex

from repo_runner.errors import InvalidLink

_BEGINNINGS = (["git", "clone"], ["gh", "repo", "clone"])
#: Options of `git clone` that change nothing here; those in the second set take a value.
_FLAGS = frozenset(
    {
        "--single-branch",
        "--recursive",
        "--recurse-submodules",
        "--quiet",
        "-q",
        "--no-tags",
        "--progress",
    }
)
_VALUED = frozenset({"--depth", "--filter", "--origin", "-o", "--jobs", "-j"})
_BRANCH = frozenset({"--branch", "-b"})


def url_of_clone_line(text: str) -> tuple[str, str]:
    """The address and the branch that a clone line names; any other text is taken for an address.

    Raises InvalidLink (field `link`).
    """
    words = _words(text)
    for beginning in _BEGINNINGS:
        if words[: len(beginning)] == beginning:
            return _address_and_branch(words[len(beginning) :])
    return text, ""


def _words(text: str) -> list[str]:
    line = text.removeprefix("$ ")
    if not line.startswith(("git ", "gh ")):
        return []
    try:
        return shlex.split(line)
    except ValueError as error:
        raise InvalidLink("The clone line has an open quote.", field="link") from error


def _address_and_branch(words: list[str]) -> tuple[str, str]:
    branch, plain, waiting = "", [], iter(words)
    for word in waiting:
        name, is_joined, value = word.partition("=")
        if not word.startswith("-"):
            plain.append(word)
        elif name in _BRANCH or name in _VALUED:
            value = value if is_joined else next(waiting, "")
            branch = value if name in _BRANCH else branch
        elif word not in _FLAGS:
            raise InvalidLink(
                f"The clone line's option {word[:40]!r} is not known here.", field="link"
            )
    match plain:
        case [address] | [address, _]:  # The second word is the folder to clone into.
            return address, branch
    raise InvalidLink("The clone line does not hold one address.", field="link")
