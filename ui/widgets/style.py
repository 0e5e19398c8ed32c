"""The page's constant style sheet."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

_CSS = (Path(__file__).parent / "browser" / "page.css").read_text(encoding="utf-8")


def apply_page_style() -> None:
    """Add the style sheet to the page."""
    st.html(f"<style>{_CSS}</style>")
