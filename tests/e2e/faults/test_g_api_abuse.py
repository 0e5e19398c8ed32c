"""Abuse of the API of a started app; the ids are those of the fault matrix."""

from __future__ import annotations

import json
import re
import secrets
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from components.allowed import is_allowed, needed_role
from repo_runner.client import Client
from repo_runner.models import RunSpec
from repo_runner.store import Store
from tests.git_fixtures import MakeRepo
from tests.integration.rim_process import RimProcess
from tests.raw_http import exchange, handshake, request, status_of

RUNS = "/api/v1/runs"
SPEC = RunSpec(repo_url="https://x/a/b", commit_sha="0" * 40, script_path="t.py")
GOLDEN = Path(__file__).with_name("routes.txt")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "DELTA")
#: The framework's own routes, FastAPI's pages, and ours as a sloppy server might also take them.
STRANGE_PATHS = """
/api/v1/delta /api/v1/state/ /api/v1/upload_file/x /api/v1/upload_file/..%2f..%2fx /api/v1/spec /api/v1/annotations
/api/v1/commands /api/v1/plugin /v1/runs /docs /redoc /openapi.json /docs/oauth2-redirect /api /api/v1 /api/v2/runs
/api/v1/runs/ //api/v1/runs /api//v1/runs /API/V1/RUNS /api/v1/runs%00 /api/v1/runs%0a /api/v1/./runs
/api/v1/%2e%2e/v1/runs
/api/v1/runs/a/stop/ /api/v1/runs/a%2fb /api/v1/runs/a/checkpoints /static /static/ /static/../app.json /view/other
/healthz/ /open/ /open/x /.git/config /favicon.ico /metrics /api/v1/runs/a/spec.json /app.json /robots.txt
""".split()


def bearer(app: RimProcess) -> dict[str, str]:
    return {"Authorization": f"Bearer {app.address.token}"}


@pytest.fixture
def http(app: RimProcess) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=app.address.address, trust_env=False, timeout=60) as client:
        yield client


def test_G1_the_servers_own_routes_are_the_golden_ones(app: RimProcess) -> None:
    """A new version of the framework, or a new route of ours, shows here with the role that may use it."""
    recorded = json.loads((app.home / "routes.json").read_text())
    assert recorded["pid"] == app.server().pid, "read in the process that serves"
    found = []
    for methods, path in recorded["routes"]:
        for method in methods:
            kind = {"APIWebSocketRoute": "WEBSOCKET", "Mount": "GET"}.get(method, method)
            sample = re.sub(r"\{\w+\}", "output", path.replace("{tab}", "app")) + (
                "/x" if method == "Mount" else ""
            )
            served = needed_role(kind, sample).value if is_allowed(kind, sample) else "nobody"
            found.append(f"{kind} {path} {served}")
    assert sorted(found) == GOLDEN.read_text().splitlines()


def test_G1_whatever_is_not_named_is_not_there_with_and_without_token(
    app: RimProcess, http: httpx.Client, client: Client
) -> None:
    state, runs = app.state(), client.list().total
    port = app.port
    known = (f"Host: 127.0.0.1:{port}", "Connection: close", "Content-Length: 0")
    token = f"Authorization: Bearer {app.address.token}"
    answers: Counter[int] = Counter()
    asked = [(m, p) for m in METHODS for p in STRANGE_PATHS]
    asked += [(m, p) for m in METHODS for p in (RUNS, f"{RUNS}/a", "/view", "/healthz", "/open")]
    for method, path in asked:
        if is_allowed(method, path):
            continue
        for headers in (known, (*known, token)):
            status = status_of(exchange(port, request(method, path, headers)))
            assert status in (400, 403, 404), (method, path, status)
            answers[status] += 1
    assert answers[404] > 600
    assert answers[400] < 20, "only what is no HTTP at all"
    assert (app.state(), client.list().total) == (state, runs)


@pytest.mark.parametrize("where", ["missing", "wrong", "old", "query", "cookie", "basic", "twice"])
def test_G2_without_the_right_token_in_the_right_place_nothing_is_answered(
    app: RimProcess, http: httpx.Client, where: str
) -> None:
    token = app.address.token
    old = secrets.token_urlsafe(32)  # of a former start: as good as any other
    headers: dict[str, list[tuple[str, str]]] = {
        "missing": [],
        "wrong": [("Authorization", f"Bearer {token[:-1]}x")],
        "old": [("Authorization", f"Bearer {old}")],
        "query": [],
        "cookie": [("Cookie", f"repo-runner-{app.port}={token}")],
        "basic": [("Authorization", f"Basic {token}")],
        "twice": [("Authorization", f"Bearer {token}")] * 2,
    }
    query = f"?token={token}&access_token={token}" if where == "query" else ""
    for method, path in (("GET", RUNS), ("POST", RUNS), ("DELETE", f"{RUNS}/a"), ("GET", "/view")):
        answer = http.request(method, path + query, headers=headers[where])
        assert answer.status_code == 401
        assert token not in answer.text
    shown = app.said + app.app_log
    assert token not in shown
    assert old not in shown


def post(app: RimProcess, body: bytes, *more: str) -> bytes:
    headers = [
        f"Host: 127.0.0.1:{app.port}",
        f"Authorization: Bearer {app.address.token}",
        "Content-Type: application/json",
    ]
    return request("POST", RUNS, [*headers, *more], body)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 500_000,
        b'{"link":' * 100_000,
        b'{"link": "a/b", "link": "c/d"}',
        b'{"link": NaN}',
        b'{"link": "\xff\xfe"}',
        b'{"link": "a/b"} trailing',
        b"\x00" * 1000,
    ],
)
def test_G3_a_body_that_is_no_plain_json_is_refused(app: RimProcess, body: bytes) -> None:
    answer = exchange(app.port, post(app, body, f"Content-Length: {len(body)}"))
    assert status_of(answer) in (400, 413)


def test_G3_lengths_that_lie_are_refused(app: RimProcess) -> None:
    assert status_of(exchange(app.port, post(app, b""))) == 422, "no length: no body"
    for lengths in (["Content-Length: 2", "Content-Length: 3"], ["Content-Length: -1"]):
        assert status_of(exchange(app.port, post(app, b"{}", *lengths))) == 400
    both = ["Content-Length: 2", "Transfer-Encoding: chunked"]
    assert status_of(exchange(app.port, post(app, b"2\r\n{}\r\n0\r\n\r\n", *both))) in (400, 422)
    huge = post(app, b"", "Content-Length: 99999999999")
    assert status_of(exchange(app.port, huge)) == 413


def test_G3_ten_megabytes_and_an_endless_body_cost_no_memory(app: RimProcess) -> None:
    server = app.server()
    before = server.memory_info().rss
    for _ in range(3):
        declared = post(app, b"", f"Content-Length: {10 << 20}")
        assert status_of(exchange(app.port, declared)) == 413
        with socket.create_connection(("127.0.0.1", app.port), timeout=60) as connection:
            connection.sendall(post(app, b"", "Transfer-Encoding: chunked"))
            sent, answer = 0, b""
            while not answer and sent < 64 << 20:
                connection.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")
                sent += 65536
                connection.setblocking(False)  # the standard library's
                try:
                    answer = connection.recv(4096)
                except BlockingIOError:
                    answer = b""
                connection.settimeout(60)
            assert status_of(answer) == 413
            assert sent < 16 << 20
    assert server.memory_info().rss - before < 32 << 20


def lingers_s(port: int, first: bytes, drip: bytes) -> float:
    """How long a connection lives whose client sends a byte now and then."""
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), timeout=0.5) as connection:
        connection.sendall(first)
        while time.monotonic() - began < 60:
            try:
                connection.sendall(drip)
                if not connection.recv(4096):
                    break
            except TimeoutError:
                continue
            except OSError:
                break
    return time.monotonic() - began


def test_G3_a_slow_loris_is_dropped_on_both_ports_and_others_are_served_meanwhile(
    app: RimProcess, http: httpx.Client
) -> None:
    ui_port = urlsplit(app.address.ui_address).port
    started = b"GET /view HTTP/1.1\r\nHost: x\r\nX-A: "
    slow_body = post(app, b"", "Content-Length: 1000")
    slow = [(app.port, started, b"a"), (ui_port, started, b"a"), (app.port, slow_body, b" ")]
    silent = [(app.port, b"", b""), (ui_port, b"", b"")]
    with ThreadPoolExecutor(64) as pool:
        lives = [pool.submit(lingers_s, *case) for case in [*slow * 10, *silent]]
        answered = [http.get(RUNS, headers=bearer(app)).status_code for _ in range(5)]
    assert answered == [200] * 5
    assert max(life.result() for life in lives) < 45, "10 s and what a busy machine adds"


def test_G4_one_key_fifty_times_at_once_is_one_run(
    app: RimProcess, http: httpx.Client, client: Client, make_repo: MakeRepo
) -> None:
    url, _ = make_repo({"train.py": "print(1)\n", "requirements.txt": ""})
    body = {"link": url, "script_path": "train.py", "name": "the same"}
    headers = {**bearer(app), "Idempotency-Key": secrets.token_hex(8)}
    before = client.list().total

    def submit(_: int) -> str:
        while True:
            answer = http.post(RUNS, json=body, headers=headers)
            if answer.status_code == 201:
                return str(answer.json()["run_id"])
            assert answer.status_code == 429
            time.sleep(float(answer.headers["Retry-After"]))

    with ThreadPoolExecutor(50) as pool:
        ids = list(pool.map(submit, range(50)))
    assert len(set(ids)) == 1
    assert client.list().total == before + 1


def test_G5_a_thousand_submits_at_once_are_bounded_and_none_is_lost(
    app: RimProcess, http: httpx.Client, client: Client, make_repo: MakeRepo
) -> None:
    url, _ = make_repo({"train.py": "print(1)\n", "requirements.txt": ""})
    body = {"link": url, "script_path": "train.py", "name": "flood"}
    before, server = client.list().total, app.server()
    memory = server.memory_info().rss
    accepted: list[str] = []
    lock = threading.Lock()

    def submit(_: int) -> int:
        answer = http.post(RUNS, json=body, headers=bearer(app))
        if answer.status_code == 429:
            assert int(answer.headers["Retry-After"]) >= 1
            assert answer.json()["error"]["code"] == "too_many_requests"
        elif answer.status_code == 201:
            with lock:
                accepted.append(answer.json()["run_id"])
        return answer.status_code

    with ThreadPoolExecutor(100) as pool:
        answers = Counter(pool.map(submit, range(1000)))
    assert set(answers) == {201, 429}, answers
    assert answers[429] > 100, "the bound was reached"
    assert len(set(accepted)) == answers[201] >= 32
    assert client.list().total == before + answers[201]
    waiting = client.list(status="pending", limit=500).runs
    places = [run.queue_position for run in sorted(waiting, key=lambda run: run.queue_position)]
    assert places == list(range(1, len(places) + 1)), "one place each, in order"
    assert server.memory_info().rss - memory < 96 << 20
    assert http.get(RUNS, headers=bearer(app)).status_code == 200


def test_G5_pages_beyond_the_bound_are_turned_away(app: RimProcess) -> None:
    """64 sessions at a time; each holds memory of the UI's process."""
    ui, cookie = app.address.ui_address, app.enter()["cookie"]
    url = urlsplit(ui)
    open_now: list[socket.socket] = []
    key = "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="
    headers = [f"Host: {url.netloc}", "Upgrade: websocket", "Connection: Upgrade", key]
    headers += ["Sec-WebSocket-Version: 13", f"Origin: {ui}", f"Cookie: {cookie}"]
    statuses = []
    try:
        for _ in range(70):
            connection = socket.create_connection(("127.0.0.1", url.port), timeout=60)
            open_now.append(connection)
            connection.sendall(request("GET", "/_stcore/stream", headers))
            statuses.append(status_of(connection.recv(4096)))
            if statuses[-1] == 429:
                break
    finally:
        for connection in open_now:
            connection.close()
    assert statuses[-1] == 429
    assert set(statuses[:-1]) == {101}
    assert len(statuses) <= 65


@pytest.mark.parametrize(
    "path",
    [
        f"{RUNS}/..%2f..%2fapp.json",
        f"{RUNS}/%2e%2e",
        f"{RUNS}/..%5c..%5capp.json",
        f"{RUNS}/ünïcode",
        f"{RUNS}/%F0%9F%92%A9",
        f"{RUNS}/a%00b",
        f"{RUNS}/{'x' * 201}",
        f"{RUNS}/real/checkpoints/..%2f..%2fspec.json",
        f"{RUNS}/real/checkpoints/%2e%2e",
        f"{RUNS}/real/checkpoints/best",
        f"{RUNS}/real/logs/..%2foutput",
        f"{RUNS}/other/logs",
        f"{RUNS}/REAL",
    ],
)
def test_G6_a_path_parameter_discloses_nothing(
    app: RimProcess, http: httpx.Client, store: Store, path: str
) -> None:
    store.add("real", SPEC, idempotency_key="real")
    answer = http.get(path, headers=bearer(app))
    assert answer.status_code == 404
    for word in (app.address.token, str(app.home), "app.json", "Traceback"):
        assert word not in answer.text.replace(path, ""), word
    assert handshake(app.address.address, path, "", origin=app.address.address) in (400, 403)
