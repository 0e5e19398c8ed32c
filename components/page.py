"""The framework's page, served from memory: its files in site-packages are never rewritten."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_STYLESHEET = re.compile(r'<link href="(/static/css/[^"]+)" rel="stylesheet">')
_SCRIPT = re.compile(r'<script defer="defer" src="(/static/js/[^"]+)"></script>')
_FOREIGN_FONTS = re.compile(r"@import url\([^)]*\);")
_FOREIGN_IMAGE = re.compile(r'<meta property="og:image"[^>]*>')
_FOREIGN_LOGO = "https://storage.googleapis.com/grid-static/lightning-logo-with-text.svg"


@dataclass(frozen=True)
class Page:
    """The page with our title and without requests to other hosts: it looks the same where there is no network."""

    html: str
    #: The script's path and text; of the framework's files the only other one that has to change.
    script_path: str
    script: str


def framework_page(folder: Path) -> Page:
    """Read the page once. The stylesheet goes inline, less its `@import`s of foreign fonts."""
    html = _FOREIGN_IMAGE.sub("", (folder / "index.html").read_text()).replace(
        "Lightning.ai", "Repo Runner"
    )
    html = _STYLESHEET.sub(lambda link: f"<style>{_stylesheet(folder, link[1])}</style>", html)
    script = _SCRIPT.search(html)
    if script is None:
        raise ValueError("the framework's page has no script where it was")
    logo = next((folder / "static/media").glob("lightning-logo-with-text.*.svg"))
    text = _read(folder, script[1]).replace(_FOREIGN_LOGO, f"/static/media/{logo.name}")
    return Page(html, script[1], text)


def _stylesheet(folder: Path, path: str) -> str:
    return _FOREIGN_FONTS.sub("", _read(folder, path))


def _read(folder: Path, path: str) -> str:
    return (folder / path.lstrip("/")).read_text()
