"""The one HTML document of the UI: Streamlit's own, told its name and where its server is.

A page that is opened by its address (`/run?run_id=…`) looks for the server below that address first, which the browser
reports as errors. The document's one inline script is let through the content policy by its hash.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from functools import cache
from pathlib import Path

import streamlit
from tornado.web import RequestHandler

_SCRIPT = (
    "window.prerenderReady = false;"
    " window.__streamlit = { BACKEND_BASE_URL: location.origin + %s };"
)
_INDEX = Path(streamlit.__file__).parent / "static" / "index.html"
#: Names of pages. What is below them, and files, Streamlit serves itself.
_PAGE = re.compile(r"/[a-z]*")


class FrontPage(RequestHandler):
    """Answers every page's address with the document."""

    def initialize(self, base: str) -> None:
        """Tornado's way to hand something over: the path below which the UI lives, or nothing."""
        self._base = base

    def get(self) -> None:
        """The pages tell themselves apart in the browser."""
        self.set_header("Cache-Control", "no-cache")
        self.finish(document(self._base))


def is_page(method: str | None, path: str, base: str) -> bool:
    """Whether a request is for the document."""
    below = path.removeprefix(f"/{base}") if base else path
    return method == "GET" and _PAGE.fullmatch(below) is not None


def script_hash(base: str) -> str:
    """The inline script's hash, as a content policy names it."""
    digest = hashlib.sha256(_script(base).encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


@cache
def document(base: str) -> str:
    """Streamlit's document with our script and title; the addresses in it begin at the base."""
    html = _INDEX.read_text(encoding="utf-8")
    ours = f"<script>{_script(base)}</script>"
    html, scripts = re.subn(r"(?s)<script>.*?</script>", lambda _: ours, html)
    if scripts != 1:
        raise RuntimeError("Streamlit's document has changed: it had one inline script.")
    html = html.replace('"./', f'"/{base}/' if base else '"/')
    return html.replace("<title>Streamlit</title>", "<title>Repo Runner</title>")


def _script(base: str) -> str:
    return _SCRIPT % json.dumps(f"/{base}" if base else "")
