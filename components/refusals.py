"""What the guard answers to a request it does not let through: a code, one sentence, a status."""

from __future__ import annotations

from repo_runner.errors import RunnerError


class GuardRefusal(RunnerError):
    """The guard does not let this request through."""


class NotServed(GuardRefusal):
    """There is nothing at this address for this method."""

    # Never 405: the framework's own client takes it for a passing failure and retries for days.
    code = "not_found"
    http_status = 404


class HostRefused(GuardRefusal):
    """This app answers only to its own name."""

    code = "host_refused"
    http_status = 421
    hint = "Open the address that the app printed when it started."


class OriginRefused(GuardRefusal):
    """Pages of other sites may not talk to this app."""

    code = "origin_refused"
    http_status = 403


class Locked(GuardRefusal):
    """This app answers only to a browser that opened its one-time link, or to its token."""

    code = "locked"
    http_status = 401
    hint = (
        "Open the link that `python -m repo_runner link` prints, or send the token of app.json "
        "as `Authorization: Bearer`."
    )


class LinkUsedUp(Locked):
    """This link was used already, or is more than an hour old."""

    code = "link_used_up"
    hint = "`python -m repo_runner link` prints a new one."


class RoleRefused(GuardRefusal):
    """Your role does not allow this."""

    code = "forbidden"
    http_status = 403
    hint = "Ask an operator of this app."


class NotJson(GuardRefusal):
    """A request body must be sent as application/json."""

    code = "not_json"
    http_status = 415


class BadJson(GuardRefusal):
    """The request body is not JSON."""

    code = "bad_json"
    http_status = 400


class NoBodyExpected(GuardRefusal):
    """A request that reads something has no body."""

    code = "no_body_expected"
    http_status = 400


class BodyTooLarge(GuardRefusal):
    """The request body is larger than 1 MiB."""

    code = "body_too_large"
    http_status = 413


class BodyTooSlow(GuardRefusal):
    """The request body did not arrive in time."""

    code = "body_too_slow"
    http_status = 408


class TooManyRequests(GuardRefusal):
    """Too many requests are waiting for an answer."""

    code = "too_many_requests"
    http_status = 429
    hint = "Try again in a second."
