"""A host's token on its way to git: a header for this one origin, in the environment and nowhere else."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from urllib.parse import quote

from repo_runner.github_link import split_repo_url
from repo_runner.settings import Settings

_HEADER = "Authorization: Basic "
#: GitHub asks for this name; GitLab, Gitea and Forgejo take any.
_USER = "x-access-token"


def authorization(settings: Settings, repo_url: str) -> dict[str, str]:
    """git's configuration for the token of this repository's host; empty when there is none."""
    host, _, _ = split_repo_url(repo_url)
    token = settings.git_tokens.get(host, "")
    if not token:
        return {}
    words = token if ":" in token else f"{_USER}:{token}"
    return {
        f"http.https://{host}/.extraHeader": _HEADER + base64.b64encode(words.encode()).decode()
    }


class Masking:
    """Takes the token of a git command out of what the command says: a host may echo anything."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._forms = [
            form
            for value in env.values()
            if value.startswith(_HEADER)
            for form in _forms(value.removeprefix(_HEADER))
        ]

    def __call__(self, text: str) -> str:
        """The text with `***` for every form of the token."""
        for form in self._forms:
            text = text.replace(form, "***")
        return text


def _forms(encoded: str) -> list[str]:
    try:
        words = base64.b64decode(encoded).decode()
    except (binascii.Error, UnicodeDecodeError):
        return [encoded]
    token = words.partition(":")[2]
    alone = base64.b64encode(token.encode()).decode()
    forms = {encoded, alone.rstrip("="), token, quote(token, safe=""), quote(words, safe="")}
    return sorted((form for form in forms if form), key=len, reverse=True)
