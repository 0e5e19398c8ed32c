"""Requests the guard must refuse and those it must let through, in process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from components import guard, request_body
from components.guard import Guard
from components.refusals import TooManyRequests
from repo_runner.access import one_time_link
from repo_runner.access.keys import derive
from repo_runner.access.one_time_link import new_link
from repo_runner.access.person import Person, Role
from repo_runner.access.session import cookie_name, seal, unseal
from repo_runner.settings import Settings

PORT = 7501
OWN = f"127.0.0.1:{PORT}"
TOKEN = "right-token"
SETTINGS = Settings(
    home=Path("/nowhere"), port=PORT, token=TOKEN, session_key=derive(TOKEN, "sessions")
)
BEARER = {"authorization": f"Bearer {TOKEN}"}
SESSION = {
    "cookie": f"{cookie_name(PORT)}={seal(SETTINGS.session_key, Person('ada', Role.OPERATOR))}"
}
OURS = {"origin": f"http://{OWN}"}
JSON = {"content-type": "application/json"}
RUNS = "/api/v1/runs"


class Echo:
    """The wrapped application: remembers what reached it."""

    def __init__(self) -> None:
        self.reached: list[tuple[str, str, bytes]] = []
        self.may_answer: asyncio.Event | None = None

    async def has_reached(self, count: int) -> None:
        while len(self.reached) < count:  # noqa: ASYNC110  # a turn of the loop, not a wait
            await asyncio.sleep(0)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            self.reached.append(("WEBSOCKET", scope["path"], b""))
            await send({"type": "websocket.accept"})
            return
        body = (await receive()).get("body", b"") if scope["method"] != "GET" else b""
        self.reached.append((scope["method"], scope["path"], body))
        if self.may_answer:
            await self.may_answer.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})


@pytest.fixture
def echo() -> Echo:
    return Echo()


def call(
    echo: Echo,
    method: str,
    path: str,
    headers: Any = None,
    content: Any = None,
    person: Any = SESSION,
) -> httpx.Response:
    """A request of somebody with a session, or as `person` says."""

    async def ask() -> httpx.Response:
        app = Guard(echo, SETTINGS)
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url=f"http://{OWN}"
        ) as client:
            request = client.build_request(method, path, content=content)
            fixed = headers.items() if isinstance(headers, dict) else headers or ()
            replaced = {name.lower() for name, _ in fixed}
            fixed = [*person.items(), *fixed]
            kept = [(n, v) for n, v in request.headers.multi_items() if n.lower() not in replaced]
            request.headers = httpx.Headers([*kept, *fixed])
            return await client.send(request)

    return asyncio.run(ask())


def refusal(response: httpx.Response) -> tuple[int, str]:
    error = response.json()["error"]
    assert {"code", "message", "hint", "field"} <= error.keys()
    return response.status_code, error["code"]


@pytest.mark.parametrize("host", [OWN, f"localhost:{PORT}", f"LOCALHOST:{PORT}", f"[::1]:{PORT}"])
def test_the_apps_own_names_are_served(echo: Echo, host: str) -> None:
    assert call(echo, "GET", RUNS, {"host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"host": f"evil.example:{PORT}"},
        {"host": "127.0.0.1"},
        {"host": f"127.0.0.1.:{PORT}"},
        {"host": f"localhost.:{PORT}"},
        {"host": f"127.0.0.1:{PORT + 1}"},
        {"host": f"evil.example:{PORT}", "origin": f"http://evil.example:{PORT}"},
        {"host": ""},
        [("host", OWN), ("host", OWN)],
        [("host", OWN), ("host", "evil.example")],
    ],
)
def test_a_foreign_missing_or_doubled_host_is_refused(echo: Echo, headers: Any) -> None:
    assert refusal(call(echo, "GET", RUNS, headers)) == (421, "host_refused")
    assert echo.reached == []


@pytest.mark.parametrize(
    "origins",
    [
        ["http://evil.example"],
        ["null"],
        [f"https://{OWN}"],
        ["http://127.0.0.1:9999"],
        [f"http://{OWN}"] * 2,
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_a_foreign_origin_is_refused_and_never_told_it_may(
    echo: Echo, method: str, origins: list[str]
) -> None:
    asked = [
        *(("origin", o) for o in origins),
        ("access-control-request-method", "POST"),
        *BEARER.items(),
    ]
    response = call(echo, method, RUNS, asked)
    assert refusal(response) == (403, "origin_refused")
    assert not [name for name in response.headers if name.startswith("access-control")]
    assert echo.reached == []


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        (RUNS, {"sec-fetch-site": "cross-site", "sec-fetch-dest": "image"}, 403),
        ("/view", {"sec-fetch-site": "cross-site", "sec-fetch-dest": "iframe"}, 403),
        ("/view", {"sec-fetch-site": "cross-site", "sec-fetch-dest": "document"}, 200),
        (
            f"{RUNS}/a/checkpoints/best",
            {"sec-fetch-site": "cross-site", "sec-fetch-dest": "document"},
            403,
        ),
        (
            f"{RUNS}/a/checkpoints/best",
            {"sec-fetch-site": "same-site", "sec-fetch-dest": "document"},
            200,
        ),
        (RUNS, {"origin": f"http://{OWN}"}, 200),
    ],
)
def test_another_site_may_only_link_to_the_page(
    echo: Echo, path: str, headers: Any, status: int
) -> None:
    assert call(echo, "GET", path, headers).status_code == status


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/v1/delta"),
        ("POST", "/api/v1/state"),
        ("PUT", "/api/v1/upload_file/x"),
        ("PUT", "/api/v1/upload_file/..%2F..%2Fx"),
        ("POST", "/v1/runs"),
        ("GET", "/docs"),
        ("GET", "/redoc"),
        ("GET", "/openapi.json"),
        ("GET", "/api/v1/spec"),
        ("GET", "/api/v1/annotations"),
        ("GET", "/api/v1/%2E%2E/v1/runs"),
        ("GET", "/static/..%2findex.html"),
        ("GET", "/static/js/%2E%2E/%2E%2E/secret"),
        ("GET", f"{RUNS}/..%2f..%2fetc"),
        ("GET", f"{RUNS}/a/checkpoints/..%2fx"),
        ("GET", f"{RUNS}/"),
        ("GET", f"{RUNS}%0A"),
        ("PUT", RUNS),
        ("PATCH", f"{RUNS}/a"),
        ("TRACE", RUNS),
        ("HEAD", RUNS),
        ("OPTIONS", RUNS),
        ("DELETE", RUNS),
        ("POST", f"{RUNS}/a"),
        ("WEBSOCKET", RUNS),
    ],
)
@pytest.mark.parametrize("headers", [{}, {**BEARER, **JSON}])
def test_what_is_not_named_does_not_exist_with_or_without_token(
    echo: Echo, method: str, path: str, headers: Any
) -> None:
    response = call(echo, method, path, headers, person={})
    assert response.status_code == 404
    assert echo.reached == []


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer wrong"},
        {"authorization": "Bearer right-tokem"},
        {"authorization": TOKEN},
        {"authorization": f"Basic {TOKEN}"},
        {"x-repo-runner-token": "wrong"},
        {"x-repo-runner-token": ""},
        {"cookie": f"token={TOKEN}"},
        {**BEARER, "x-repo-runner-token": TOKEN},
        [*BEARER.items(), *BEARER.items()],
    ],
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/view"),
        ("GET", "/static/js/main.js"),
        ("GET", "/api/v1/state"),
        ("GET", f"{RUNS}/a/events"),
        ("GET", f"{RUNS}/a/checkpoints/best"),
        ("POST", RUNS),
        ("POST", f"{RUNS}/a/stop"),
        ("DELETE", f"{RUNS}/a"),
    ],
)
def test_everything_needs_a_session_or_the_token_exactly_once(
    echo: Echo, method: str, path: str, headers: Any
) -> None:
    response = call(echo, method, f"{path}?token={TOKEN}", headers, person={})
    assert refusal(response) == (401, "locked")
    assert TOKEN not in response.text
    assert echo.reached == []


@pytest.mark.parametrize("headers", [BEARER, {"x-repo-runner-token": TOKEN}])
def test_the_token_opens_by_either_header(echo: Echo, headers: Any) -> None:
    assert call(echo, "POST", RUNS, {**headers, **JSON}, b'{"a": 1}').status_code == 200
    assert call(echo, "POST", f"{RUNS}/a/stop", headers).status_code == 200
    assert call(echo, "DELETE", f"{RUNS}/a", headers).status_code == 200
    assert [body for _, _, body in echo.reached] == [b'{"a": 1}', b"", b""]


@pytest.mark.parametrize(
    "kind",
    [
        None,
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "application/jsonp",
        "text/plain;application/json",
    ],
)
def test_a_body_that_is_not_declared_as_json_is_refused(echo: Echo, kind: str | None) -> None:
    headers = {**BEARER, **({"content-type": kind} if kind else {})}
    assert refusal(call(echo, "POST", RUNS, headers, b"{}")) == (415, "not_json")
    assert echo.reached == []


def test_json_with_a_charset_is_json(echo: Echo) -> None:
    headers = {**BEARER, "content-type": "application/json; charset=utf-8"}
    assert call(echo, "POST", RUNS, headers, b"{}").status_code == 200


@pytest.mark.parametrize(
    "body",
    [b"{", b'{"a": NaN}', b'{"a": 1, "a": 2}', b"[" * 200_000, b'"\xff"', b"{} {}", b"-Infinity"],
)
def test_json_that_parsers_could_disagree_on_is_refused(echo: Echo, body: bytes) -> None:
    assert refusal(call(echo, "POST", RUNS, {**BEARER, **JSON}, body)) == (400, "bad_json")
    assert echo.reached == []


def test_a_large_body_is_refused_by_its_length_and_by_counting(echo: Echo) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b"x" * 65536

    declared = call(
        echo, "POST", RUNS, {**BEARER, **JSON}, b"x" * (request_body.MAX_BODY_BYTES + 1)
    )
    counted = call(echo, "POST", RUNS, {**BEARER, **JSON}, endless())
    assert refusal(declared) == refusal(counted) == (413, "body_too_large")
    assert echo.reached == []


def test_a_body_that_does_not_come_is_given_up(echo: Echo, monkeypatch: pytest.MonkeyPatch) -> None:
    async def slow() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(5)

    monkeypatch.setattr(request_body, "BODY_TIMEOUT_S", 0.05)
    assert refusal(call(echo, "POST", RUNS, {**BEARER, **JSON}, slow())) == (408, "body_too_slow")


def test_a_read_takes_no_body(echo: Echo) -> None:
    assert refusal(call(echo, "GET", RUNS, JSON, b"{}")) == (400, "no_body_expected")


def test_too_many_waiting_changes_are_turned_away_and_reads_go_on(
    echo: Echo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "MAX_PENDING", 3)

    async def ask() -> None:
        echo.may_answer = asyncio.Event()
        transport = httpx.ASGITransport(Guard(echo, SETTINGS))
        async with httpx.AsyncClient(
            transport=transport, base_url=f"http://{OWN}", headers=BEARER
        ) as client:
            waiting = [asyncio.create_task(client.delete(f"{RUNS}/{n}")) for n in range(3)]
            await asyncio.wait_for(echo.has_reached(3), 5)
            refused = await client.delete(f"{RUNS}/more")
            assert refusal(refused) == (429, TooManyRequests.code)
            assert refused.headers["retry-after"] == "1"
            echo.may_answer.set()
            assert {r.status_code for r in await asyncio.gather(*waiting)} == {200}
            assert (await client.delete(f"{RUNS}/more")).status_code == 200

    asyncio.run(ask())


def shake_hands(echo: Echo, *headers: tuple[bytes, bytes]) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    scope = {
        "type": "websocket",
        "path": "/api/v1/ws",
        "headers": [(b"host", OWN.encode()), *headers],
    }
    asyncio.run(Guard(echo, SETTINGS)(scope, receive, send))
    return sent


@pytest.mark.parametrize(
    ("headers", "answer"),
    [
        ([], "websocket.close"),
        ([(b"origin", b"http://evil.example")], "websocket.close"),
        ([(b"origin", b"http://localhost:9999")], "websocket.close"),
        ([(b"host", b"evil.example")], "websocket.close"),
        ([(b"authorization", b"Bearer wrong")], "websocket.close"),
        ([(b"origin", OURS["origin"].encode())], "websocket.close"),
        ([(b"cookie", SESSION["cookie"].encode())], "websocket.close"),
        (
            [(b"origin", OURS["origin"].encode()), (b"cookie", SESSION["cookie"].encode())],
            "websocket.accept",
        ),
        ([(b"authorization", f"Bearer {TOKEN}".encode())], "websocket.accept"),
    ],
)
def test_a_websocket_needs_a_session_with_our_origin_or_the_token(
    echo: Echo, headers: Any, answer: str
) -> None:
    assert [message["type"] for message in shake_hands(echo, *headers)] == [answer]


def open_link(guard: Guard, address: str, **headers: str) -> httpx.Response:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(guard)
        async with httpx.AsyncClient(transport=transport, headers=headers) as client:
            return await client.get(address)

    return asyncio.run(ask())


def test_the_one_time_link_sets_a_session_and_leads_to_the_page_without_the_code(
    echo: Echo,
) -> None:
    answer = open_link(Guard(echo, SETTINGS), new_link(f"http://{OWN}", TOKEN))
    assert (answer.status_code, answer.headers["location"]) == (303, "/view")
    cookie, *attributes = answer.headers["set-cookie"].split("; ")
    assert {"HttpOnly", "SameSite=strict", "Path=/"} == set(attributes)
    name, _, value = cookie.partition("=")
    person = unseal(SETTINGS.session_key, value)
    assert (name, person and person.role) == (f"repo-runner-{PORT}", Role.OPERATOR)
    assert TOKEN not in value


def test_a_link_works_once_and_then_says_how_to_get_a_new_one(echo: Echo) -> None:
    guard, link = Guard(echo, SETTINGS), new_link(f"http://{OWN}", TOKEN)
    assert open_link(guard, link).status_code == 303
    again = open_link(guard, link, accept="text/html")
    assert again.status_code == 401
    assert "python -m repo_runner link" in again.text
    assert "used already" in again.text
    assert "set-cookie" not in again.headers
    assert open_link(guard, link, **SESSION).status_code == 303, "who is in, is in"


@pytest.mark.parametrize("code", ["", "x", "x" * 56, "%00", "A" * 5000])
def test_an_invented_link_opens_nothing(echo: Echo, code: str) -> None:
    answer = open_link(Guard(echo, SETTINGS), f"http://{OWN}/open?code={code}")
    assert refusal(answer) == (401, "link_used_up")


def test_a_link_is_too_old_after_an_hour_and_useless_at_another_app(
    echo: Echo, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, foreign = new_link(f"http://{OWN}", TOKEN), new_link(f"http://{OWN}", "another-token")
    guard = Guard(echo, SETTINGS)
    assert open_link(guard, foreign).status_code == 401
    now = one_time_link.time.time()
    monkeypatch.setattr(one_time_link.time, "time", lambda: now + one_time_link.LIFETIME_S + 1)
    assert open_link(guard, old).status_code == 401


@pytest.mark.parametrize(
    "cookie",
    [
        "",
        f"repo-runner-{PORT}=",
        f"repo-runner-{PORT}=AAAA",
        f"repo-runner-{PORT}={TOKEN}",
        f"repo-runner-{PORT + 1}={SESSION['cookie'].partition('=')[2]}",
        f"{SESSION['cookie']}x",
        f"{SESSION['cookie'][:-8]}AAAAAAAA",
        f"repo-runner-{PORT}={seal('another key', Person('eve', Role.OPERATOR))}",
    ],
)
def test_a_session_that_this_app_has_not_signed_is_none(echo: Echo, cookie: str) -> None:
    assert refusal(call(echo, "GET", RUNS, person={"cookie": cookie})) == (401, "locked")


def test_a_session_changes_something_only_from_our_own_page(echo: Echo) -> None:
    delete = ("DELETE", f"{RUNS}/a")
    assert refusal(call(echo, *delete)) == (403, "origin_refused")
    assert refusal(call(echo, *delete, {"origin": "http://localhost:9999"}))[0] == 403
    assert call(echo, *delete, OURS).status_code == 200


def test_a_browser_sees_a_page_and_asks_again_when_another_site_has_led_there(echo: Echo) -> None:
    seen = {"accept": "text/html,*/*"}
    page = call(echo, "GET", "/view", seen, person={})
    assert (page.status_code, page.headers["content-type"]) == (401, "text/html; charset=utf-8")
    assert "python -m repo_runner link" in page.text
    assert "refresh" not in page.headers
    led = {**seen, "sec-fetch-site": "cross-site", "sec-fetch-dest": "document"}
    assert call(echo, "GET", "/new?repo=a/b", led, person={}).headers["refresh"] == "0"


def test_a_probe_needs_no_session(echo: Echo) -> None:
    assert call(echo, "GET", "/healthz", person={}).status_code == 200


@pytest.mark.parametrize("path", ["/view", RUNS, "/nothing"])
def test_every_answer_carries_the_security_headers(echo: Echo, path: str) -> None:
    headers = call(echo, "GET", path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["cache-control"] == "no-store"


def test_a_guard_without_a_token_does_not_stand(echo: Echo) -> None:
    with pytest.raises(ValueError, match="token"):
        Guard(echo, replace(SETTINGS, token=""))


def session_of(role: Role) -> dict[str, str]:
    value = seal(SETTINGS.session_key, Person("bob", role))
    return {"cookie": f"{cookie_name(PORT)}={value}", **OURS}


@pytest.mark.parametrize(
    ("method", "path", "least"),
    [
        ("GET", RUNS, Role.VIEWER),
        ("GET", "/view", Role.VIEWER),
        ("POST", RUNS, Role.SUBMITTER),
        ("POST", "/api/v1/preflight", Role.SUBMITTER),
        ("POST", f"{RUNS}/a/stop", Role.SUBMITTER),
        ("POST", f"{RUNS}/a/resume", Role.SUBMITTER),
        ("POST", "/api/v1/tidy", Role.OPERATOR),
        ("DELETE", f"{RUNS}/a", Role.OPERATOR),
    ],
)
@pytest.mark.parametrize("role", list(Role))
def test_a_role_opens_what_it_covers(
    echo: Echo, method: str, path: str, least: Role, role: Role
) -> None:
    answer = call(echo, method, path, person=session_of(role))
    if role.covers(least):
        assert answer.status_code == 200
    else:
        assert refusal(answer) == (403, "forbidden")
        assert echo.reached == []
