"""Look at the pages without an app: `PYTHONPATH=. streamlit run tests/unit/ui/preview.py`.

While the file that PREVIEW_AWAY_FILE names exists, the made-up app does not answer.
"""

from __future__ import annotations

import os
from pathlib import Path

import streamlit as st

import ui.connection
import ui.main
import ui.person
from repo_runner.access.person import Person, Role
from tests.unit.ui.fake_client import FakeClient


@st.cache_resource(show_spinner=False)
def fake_client() -> FakeClient:
    """Return one history for all sessions."""
    away = os.environ.get("PREVIEW_AWAY_FILE")
    return FakeClient(away=Path(away) if away else None)


ui.connection._connect = fake_client
ui.person._find = lambda: Person("ada", Role.OPERATOR)
ui.main.render()
