"""Where the app may listen: loopback, unless the operator has said from where it is reached and who gets in."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from repo_runner.access.gate import Gate
from repo_runner.errors import InvalidInput
from repo_runner.settings import Settings

_HINT = "docs/team-use.md shows a setup that works."


def require_safe(settings: Settings) -> None:
    """Raise InvalidInput, naming the setting, rather than listen where nothing keeps strangers out."""
    _check_external(settings.external_url)
    if not _is_loopback(settings.bind) and not (
        settings.external_url and (settings.identity_header or settings.token_file)
    ):
        raise InvalidInput(
            f"The app would listen on {settings.bind}, where others can reach it, with nothing to tell them apart.",
            field="REPO_RUNNER_BIND",
            hint=f"Set REPO_RUNNER_EXTERNAL_URL, and an identity header or a token file. {_HINT}",
        )
    if settings.external_url and not settings.ui_port:
        raise InvalidInput(
            "A proxy cannot follow a UI whose port changes.",
            field="REPO_RUNNER_UI_PORT",
            hint=f"Set REPO_RUNNER_UI_PORT. {_HINT}",
        )
    Gate(settings)  # reads the operator's files, or says what is wrong with them


def _check_external(url: str) -> None:
    parts = urlsplit(url)
    is_plain = not (parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc)
    is_private = parts.scheme == "https" or (parts.hostname and _is_loopback(parts.hostname))
    if url and not (parts.hostname and is_plain and is_private):
        raise InvalidInput(
            f"The external address {url!r} is not https://HOST or https://HOST:PORT.",
            field="REPO_RUNNER_EXTERNAL_URL",
            hint=f"Without TLS, everybody between could read and change what is sent. {_HINT}",
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
