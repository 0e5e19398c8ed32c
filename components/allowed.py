"""Everything the API server answers to, as (method, path): whatever is not named here does not exist."""

from __future__ import annotations

import re

from repo_runner.access.person import Role

_SEGMENT = r"[A-Za-z0-9_-][A-Za-z0-9_.=+-]{0,200}"
#: As a script may call a checkpoint; only registered names are found.
_FILE_NAME = r"[^/\\\x00-\x1f\x7f]{1,255}"
_RUN = rf"/api/v1/runs/{_SEGMENT}"

#: Pages a link of another site may lead to, as a link to any web page may.
PAGES = frozenset({"/", "/view", "/view/app", "/new", "/open"})
#: What answers without a session or token: the one-time link, and whether the app is there.
OPEN = frozenset({"/open", "/healthz"})

_ALLOWED = {
    "GET": (
        # The framework's own reads and its page.
        r"/api/v1/(state|layout|status)|/healthz|/|/view(/app)?|/new|/open",
        rf"/static(/{_SEGMENT})+",
        # Ours.
        rf"/api/v1/(health|me|caches|cluster|runs)|{_RUN}|{_RUN}/(board|logs|metrics|resources|environment|environment/lock|checkpoints|events)",
        rf"{_RUN}/checkpoints/{_FILE_NAME}|{_RUN}/logs/(output|build|fetch)",
    ),
    "POST": (rf"/api/v1/(runs|preflight|tidy)|{_RUN}/(stop|resume|board)",),
    "DELETE": (rf"{_RUN}(/board)?",),
    "WEBSOCKET": (r"/api/v1/ws",),
}
#: What a submitter may ask for; whether the run is their own is the API's question.
_BY_SUBMITTERS = {
    "POST": re.compile(rf"/api/v1/(runs|preflight)|{_RUN}/(stop|resume|board)"),
    "DELETE": re.compile(rf"{_RUN}/board"),
}
_PATTERNS = {method: re.compile("|".join(paths)) for method, paths in _ALLOWED.items()}


def is_allowed(method: str, path: str) -> bool:
    """Whether this app serves the path with this method; `path` as the server decoded it."""
    pattern = _PATTERNS.get(method)
    return pattern is not None and pattern.fullmatch(path) is not None


def needed_role(method: str, path: str) -> Role:
    """Who may: reads are for everybody with a role; a change that is not named here is the operator's."""
    if method in ("GET", "WEBSOCKET"):
        return Role.VIEWER
    submitters = _BY_SUBMITTERS.get(method)
    return Role.SUBMITTER if submitters and submitters.fullmatch(path) else Role.OPERATOR
