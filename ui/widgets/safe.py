"""The one place where addresses made of a run's words are checked before a person may follow them.

Text of a run needs no escaping: our elements write it as text nodes, and nothing of it reaches Markdown or HTML.
"""

from __future__ import annotations

from urllib.parse import quote, urlsplit


def web_url(url: str) -> str | None:
    """Return the address if a person may be sent there: http or https, a host, no credentials; else None."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        return None
    return url


def commit_url(repo_url: str, commit_sha: str) -> str | None:
    """Return the address of a commit's page on the repository's host."""
    base = repo_url.removesuffix(".git").rstrip("/")
    return web_url(f"{base}/commit/{quote(commit_sha, safe='')}")


def script_url(repo_url: str, commit_sha: str, path: str) -> str | None:
    """Return the address of a file at a commit on the repository's host."""
    base = repo_url.removesuffix(".git").rstrip("/")
    return web_url(f"{base}/blob/{quote(commit_sha, safe='')}/{quote(path)}")


def repo_label(repo_url: str) -> str:
    """Return `owner/repository` of an address."""
    return urlsplit(repo_url).path.strip("/").removesuffix(".git")
