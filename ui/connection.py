"""The pages' clients of the app's HTTP interface, one for each person's session."""

from __future__ import annotations

import streamlit as st

from repo_runner.access.session import cookie_name
from repo_runner.client import Client
from repo_runner.settings import Settings

MAX_CLIENTS = 128


def client() -> Client:
    """Return a client with the rights of the person whose page this is: it shows the app their own session."""
    return _connect()


def _connect() -> Client:
    settings = _settings()
    name = cookie_name(settings.port)
    return _client_of(settings.address, f"{name}={st.context.cookies.get(name, '')}")


@st.cache_resource(show_spinner=False)
def _settings() -> Settings:
    return Settings.from_env()


@st.cache_resource(show_spinner=False, max_entries=MAX_CLIENTS)
def _client_of(address: str, cookie: str) -> Client:
    return Client(address, cookie=cookie)
