"""A browser's session: a signed cookie, valid for one life of the app; both servers check it without a store."""

from __future__ import annotations

import json
import secrets
import time
from http.cookies import CookieError, SimpleCookie

from repo_runner.access.keys import read_signed, sign
from repo_runner.access.person import Person, Role

_LIFETIME_S = 30 * 86400


def cookie_name(port: int) -> str:
    """Carries the app's port, because browsers share cookies among all ports of a host."""
    return f"repo-runner-{port}"


def seal(key: str, person: Person) -> str:
    """A new session of this person, as the cookie's value."""
    facts = [person.name, person.role.value, int(time.time()) + _LIFETIME_S, secrets.token_hex(8)]
    return sign(key, json.dumps(facts).encode())


def unseal(key: str, value: str) -> Person | None:
    """Whose session this is, or None: not signed with this key, or too old."""
    content = read_signed(key, value)
    if content is None:
        return None
    name, role, ends_at, _ = json.loads(content)
    return Person(name, Role(role)) if time.time() < ends_at else None


def session_in(header: str, port: int) -> str:
    """This app's session among the cookies of a request, or nothing."""
    try:
        cookie = SimpleCookie(header).get(cookie_name(port))
    except CookieError:
        return ""
    return cookie.value if cookie else ""
