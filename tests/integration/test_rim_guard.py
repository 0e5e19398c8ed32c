"""Both control planes of a started app, whatever the start method: only our own pages and the token get in."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from repo_runner.errors import AppUnreachable
from tests.integration.rim_process import RimProcess, running
from tests.raw_http import handshake

JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module", params=["fork", "spawn"])
def rim(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RimProcess]:
    home = tmp_path_factory.mktemp(request.param) / "home"
    with running(home, RIM_START_METHOD=request.param) as process:
        yield process
        ending = signal.SIGTERM if request.param == "fork" else signal.SIGHUP
        family = process.main.children(recursive=True)
        assert process.stop(ending, timeout_s=30) == 0
        assert psutil.wait_procs(family, timeout=10)[1] == []


def status(
    address: str, method: str, path: str, headers: dict | None = None, content: bytes | None = None
) -> int:
    with httpx.Client(trust_env=False) as client:
        return client.request(method, address + path, headers=headers, content=content).status_code


def test_the_frameworks_writes_are_gone_and_the_app_lives_on(rim: RimProcess) -> None:
    api, token = rim.address.address, rim.address.token
    state = rim.state()
    for headers in ({}, {"authorization": f"Bearer {token}"}):
        session = {
            **headers,
            **JSON,
            "x-lightning-session-uuid": "1234",
            "x-lightning-session-id": "1234",
        }
        assert status(api, "POST", "/api/v1/delta", session, b'{"delta": {}}') == 404
        assert status(api, "POST", "/api/v1/state", session, b'{"stage": "no such stage"}') == 404
        assert status(api, "POST", "/api/v1/state", session, b'{"state": {}}') == 404
        assert status(api, "PUT", "/api/v1/upload_file/x", session, b"{}") == 404
        assert status(api, "OPTIONS", "/api/v1/runs", session) == 404
        for path in ("/docs", "/redoc", "/openapi.json", "/api/v1/spec", "/api"):
            assert status(api, "GET", path, session) == 404
    assert rim.state() == state
    assert status(api, "GET", "/healthz") == 200


def test_changes_need_the_token_json_and_our_own_origin(rim: RimProcess) -> None:
    api, token = rim.address.address, rim.address.token
    key = {"authorization": f"Bearer {token}"}
    assert status(api, "POST", "/api/v1/runs", JSON, b"{}") == 401
    assert status(api, "POST", f"/api/v1/runs?token={token}", JSON, b"{}") == 401
    assert status(api, "POST", "/api/v1/runs", {**key, "content-type": "text/plain"}, b"{}") == 415
    assert status(api, "POST", "/api/v1/runs", key, b"{}") == 415
    assert status(api, "POST", "/api/v1/runs", {**key, **JSON}, b"{}") == 422
    assert status(api, "POST", "/api/v1/runs", {**key, **JSON}, b" " * (2 << 20)) == 413
    assert (
        status(api, "POST", "/api/v1/runs", {**key, **JSON, "origin": "http://evil.example"}, b"{}")
        == 403
    )
    assert status(api, "DELETE", "/api/v1/runs/none", key) == 404


def test_nothing_is_served_without_a_session_on_either_port(rim: RimProcess) -> None:
    api, ui, token = rim.address.address, rim.address.ui_address, rim.address.token
    for path in ("/", "/view", "/static/media/x.svg", "/api/v1/state", "/api/v1/health"):
        assert status(api, "GET", path) == 401, path
    for path in ("/", "/static/js/x.js", "/_stcore/health", "/_stcore/host-config", "/media/x"):
        assert status(ui, "GET", path) == 401, path
        assert status(ui, "GET", f"{path}?token={token}") == 401, path
    port = urlsplit(ui).port
    assert handshake(ui, "/_stcore/stream", "", origin=f"http://127.0.0.1:{port}") == 401
    assert handshake(api, "/api/v1/ws", "", origin=api) == 403
    locked = httpx.get(ui, trust_env=False).text
    assert "python -m repo_runner link" in locked
    assert httpx.get(f"{api}/healthz", trust_env=False).text == "ok\n"


def test_the_printed_link_opens_both_ports_once(rim: RimProcess) -> None:
    link = rim.said.split("Repo Runner is ready: ")[1].split()[0]
    with httpx.Client(trust_env=False) as browser:
        page = browser.get(link, follow_redirects=True)
        assert (page.status_code, page.url.path, page.url.query) == (200, "/view", b"")
        assert browser.get(rim.address.ui_address).status_code == 200
    assert status(link, "GET", "") == 401
    code = link.partition("code=")[2]
    files = [f for f in Path(rim.home).rglob("*") if f.is_file()]
    assert not [f for f in files if code.encode() in f.read_bytes()]
    assert code not in str(rim.state())


def test_the_command_line_prints_a_fresh_link_and_makes_a_persons_token(rim: RimProcess) -> None:
    def say(*words: str) -> str:
        command = [sys.executable, "-m", "repo_runner", *words]
        return subprocess.run(
            command, env=rim.env, capture_output=True, text=True, timeout=60, check=True
        ).stdout

    assert status(say("link").strip(), "GET", "") == 303
    secret, line = (part.partition(": ")[2] for part in say("token", "ada", "viewer").splitlines())
    assert line.startswith("ada viewer ")
    assert secret not in line


def test_reads_work_without_any_header_of_the_framework(rim: RimProcess) -> None:
    api, session = rim.address.address, rim.enter()
    for path in (
        "/api/v1/state",
        "/api/v1/layout",
        "/api/v1/status",
        "/api/v1/runs",
        "/api/v1/health",
        "/view/app",
    ):
        assert status(api, "GET", path, session) == 200
    page = httpx.get(f"{api}/", headers=session, follow_redirects=True, trust_env=False)
    assert page.url.path == "/view"
    assert "http://" not in page.text
    assert "https://" not in page.text
    assert rim.state()["vars"]["_layout"]["target"] == rim.address.ui_address


@pytest.mark.parametrize("plane", ["address", "ui_address"])
def test_a_foreign_name_is_refused_on_both_ports(rim: RimProcess, plane: str) -> None:
    address = getattr(rim.address, plane)
    port = urlsplit(address).port
    path, ws = ("/view", "/api/v1/ws") if plane == "address" else ("/", "/_stcore/stream")
    session = rim.enter()
    own = f"http://127.0.0.1:{port}"
    assert status(address, "GET", path, session) == 200
    assert status(address, "GET", path, {**session, "host": f"localhost:{port}"}) == 200
    assert status(address, "GET", path, {**session, "host": f"evil.example:{port}"}) == 421
    assert status(address, "GET", path, {**session, "host": f"127.0.0.1:{port + 1}"}) == 421
    assert status(address, "GET", path, {**session, "origin": "http://evil.example"}) == 403
    assert handshake(address, ws, session["cookie"], origin=own) == 101
    assert handshake(
        address,
        ws,
        session["cookie"],
        host=f"evil.example:{port}",
        origin=f"http://evil.example:{port}",
    ) in (403, 421)
    assert handshake(address, ws, session["cookie"], origin="http://evil.example") == 403
    assert handshake(address, ws, session["cookie"], origin="http://localhost:9999") == 403
    assert handshake(address, ws, session["cookie"]) == 403


def test_only_the_apps_page_may_frame_the_ui(rim: RimProcess) -> None:
    response = httpx.get(rim.address.ui_address, headers=rim.enter(), trust_env=False)
    policy = response.headers["content-security-policy"]
    ours = f"frame-ancestors http://127.0.0.1:{rim.port} http://localhost:{rim.port}"
    assert policy.endswith(f"; {ours}")


def test_the_app_listens_on_two_ports_of_loopback_only(rim: RimProcess) -> None:
    family = [rim.main, *rim.main.children(recursive=True)]
    found = {
        c.laddr for p in family for c in p.connections("inet") if c.status == psutil.CONN_LISTEN
    }
    expected = {("127.0.0.1", rim.port), ("127.0.0.1", urlsplit(rim.address.ui_address).port)}
    assert {(a.ip, a.port) for a in found} == expected


def test_the_token_is_in_no_log_state_argument_or_other_file(rim: RimProcess) -> None:
    token = rim.address.token
    shown = [rim.said, str(rim.state())]
    shown += [" ".join(p.cmdline()) for p in [rim.main, *rim.main.children(recursive=True)]]
    files = [f for f in Path(rim.home).rglob("*") if f.is_file() and f.name != "app.json"]
    assert not [text for text in shown if token in text]
    assert not [f for f in files if token.encode() in f.read_bytes()]
    assert (rim.home / "app.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("REPO_RUNNER_BIND", "0.0.0.0", "with nothing to tell them apart"),
        ("REPO_RUNNER_EXTERNAL_URL", "http://runner.example", "is not https://HOST"),
        ("REPO_RUNNER_IDENTITY_HEADER", "X-Forwarded-Email", "no secret tells the proxy"),
        ("REPO_RUNNER_TOKEN_FILE", "/nowhere/tokens", "cannot be read"),
    ],
)
def test_the_app_does_not_start_where_strangers_would_get_in(
    tmp_path: Path, setting: str, value: str, said: str
) -> None:
    process = RimProcess(tmp_path / "home", **{setting: value})
    with pytest.raises(AppUnreachable) as refused:
        process.start()
    assert said in refused.value.message
    assert "Traceback" not in refused.value.message
    assert process.process
    assert process.process.returncode == 2
    assert not [c for c in psutil.net_connections("tcp") if c.laddr.port == process.port]
