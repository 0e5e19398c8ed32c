"""Who is asking, by what a request carries; the same for both servers."""

from __future__ import annotations

import getpass
import hmac
from collections.abc import Sequence
from pathlib import Path

from repo_runner.access.person import Person, Role
from repo_runner.access.proxy import Proxy, Values
from repo_runner.access.session import session_in, unseal
from repo_runner.access.token_list import TokenList
from repo_runner.settings import Settings


class Gate:
    """Finds the person of a request. Raises InvalidInput when the operator's settings cannot be followed."""

    def __init__(self, settings: Settings) -> None:
        if not settings.session_key:
            raise ValueError("the gate needs the key of this app's sessions")
        self._settings = settings
        self._proxy = Proxy(settings) if settings.identity_header else None
        self._tokens = TokenList(Path(settings.token_file)) if settings.token_file else None
        #: The person at the machine: who can read the token's file, or was printed the link.
        self.operator = Person(_account(), Role.OPERATOR)

    def by_token(self, shown: Sequence[str]) -> Person | None:
        """The person of a bearer token, shown exactly once: the app's own token or one of the operator's list."""
        if len(shown) != 1 or not shown[0]:
            return None
        token = self._settings.token
        if token and hmac.compare_digest(shown[0].encode(), token.encode()):
            return self.operator
        return self._tokens.find(shown[0]) if self._tokens else None

    def by_browser(self, values: Values) -> Person | None:
        """The person by what a browser sends unasked: what the proxy in front of it adds, or a session's cookie."""
        if self._proxy and self._proxy.has_sent(values):
            return self._proxy.person(values)
        session = session_in("; ".join(values("cookie")), self._settings.port)
        return unseal(self._settings.session_key, session) if session else None


def _account() -> str:
    """The name of the account the app runs under; a machine may have none for it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "operator"
