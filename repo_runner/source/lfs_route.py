"""The way to a Git LFS host: the operator's address pairs and proxies, read as git reads them."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from urllib.parse import SplitResult, unquote, urlsplit

from repo_runner.settings import Settings


def actual_address(url: str, settings: Settings) -> str:
    """The address after the operator's `insteadOf` pairs: the longest one wins, as in git."""
    fitting = [pair for pair in settings.git_instead_of if url.startswith(pair[1])]
    if not fitting:
        return url
    actual, asked = max(fitting, key=lambda pair: len(pair[1]))
    return actual + url.removeprefix(asked)


def proxy_for(host: str, env: Mapping[str, str]) -> SplitResult | None:
    """The proxy that git would take."""
    address = env.get("https_proxy") or env.get("HTTPS_PROXY") or ""
    names = (env.get("no_proxy") or env.get("NO_PROXY") or "").replace(",", " ").split()
    is_exempt = any(
        name == "*" or f".{host}".endswith(f".{name.lstrip('.').partition(':')[0].lower()}")
        for name in names
    )
    if not address or is_exempt:
        return None
    return urlsplit(address if "://" in address else f"http://{address}")


def proxy_headers(proxy: SplitResult) -> dict[str, str]:
    """What a proxy with a password wants to be told."""
    if proxy.username is None:
        return {}
    words = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": "Basic " + base64.b64encode(words.encode()).decode()}
