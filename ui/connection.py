"""The pages' one client of the app's HTTP interface."""

from __future__ import annotations

import streamlit as st

from repo_runner.client import Client
from repo_runner.settings import Settings


def client() -> Client:
    """Return the client all sessions of this process share."""
    return _connect()


@st.cache_resource(show_spinner=False)
def _connect() -> Client:
    return Client.from_settings(Settings.from_env())
