"""The pages' clients of the app's HTTP interface, one for each person."""

from __future__ import annotations

import streamlit as st

from repo_runner.access.person import Person, Role
from repo_runner.access.session import cookie_name, seal
from repo_runner.client import Client
from repo_runner.settings import Settings
from ui.person import person

_MAX_CLIENTS = 128
_RENEWED_AFTER_S = 3600


def client() -> Client:
    """Return a client with the rights of the person whose page this is, and no others."""
    return _connect()


def _connect() -> Client:
    who = person()
    return _client_of(who.name, who.role.value)


@st.cache_resource(show_spinner=False, max_entries=_MAX_CLIENTS, ttl=_RENEWED_AFTER_S)
def _client_of(name: str, role: str) -> Client:
    settings = Settings.from_env()
    session = seal(settings.session_key, Person(name, Role(role)))
    cookie = f"{cookie_name(settings.port)}={session}"
    return Client(settings.address, cookie=cookie, public_address=settings.public_address)
