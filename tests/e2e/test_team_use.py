"""Team use as docs/team-use.md describes it: a real nginx with the example's configuration before the started app."""

from __future__ import annotations

import base64
import os
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, expect

from examples.app_process import free_port
from repo_runner.access.person import Role
from repo_runner.access.token_list import new_token
from tests.e2e.pages import go
from tests.git_fixtures import GitServer, MakeRepo
from tests.integration.proxy import HOST, Proxy
from tests.integration.rim_process import RimProcess, running

RUNS = "/api/v1/runs"


class Team:
    """The started app, its proxy, and requests through it."""

    def __init__(self, app: RimProcess, proxy: Proxy, token: str) -> None:
        self.app = app
        self.proxy = proxy
        #: Of the list, a submitter's.
        self.token = token

    def ask(
        self, person: str, method: str, path: str, headers: Any = None, **options: Any
    ) -> httpx.Response:
        """A browser's request, signed in as a person (or as nobody)."""
        own = {"Host": f"{HOST}:{self.proxy.port}", "Accept": "text/html"}
        if person:
            own["Cookie"] = f"signed_in={person}"
        if method != "GET":
            own["Origin"] = self.proxy.address
        with httpx.Client(
            base_url=f"https://127.0.0.1:{self.proxy.port}",
            verify=self.proxy.trust,
            trust_env=False,
        ) as client:
            return client.request(
                method,
                path,
                headers={**own, **(headers or {})},
                extensions={"sni_hostname": HOST},
                timeout=60,
                **options,
            )

    def handshake(self, person: str, path: str, origin: str) -> int:
        """The status a WebSocket handshake through the proxy is answered with."""
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [
            f"GET {path} HTTP/1.1",
            f"Host: {HOST}:{self.proxy.port}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {key}",
            "Sec-WebSocket-Version: 13",
            f"Origin: {origin}",
            f"Cookie: signed_in={person}",
        ]
        plain = socket.create_connection(("127.0.0.1", self.proxy.port), timeout=30)
        with self.proxy.trust.wrap_socket(plain, server_hostname=HOST) as connection:
            connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
            return int(connection.recv(4096).split()[1])


@pytest.fixture(scope="module")
def team(git_server: GitServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    folder = tmp_path_factory.mktemp("team")
    ui_port, app_port = free_port(), free_port()
    secret = secrets.token_urlsafe(32)
    token, line = new_token("ada", Role.SUBMITTER)
    for name, text in (("proxy-secret", secret), ("tokens", line)):
        (folder / name).touch(mode=0o600)
        (folder / name).write_text(text)
    proxy = Proxy(folder, secret, app_port, ui_port)
    settings = {
        "REPO_RUNNER_EXTERNAL_URL": proxy.address,
        "REPO_RUNNER_UI_PORT": str(ui_port),
        "REPO_RUNNER_PROXY_SECRET_FILE": str(folder / "proxy-secret"),
        "REPO_RUNNER_IDENTITY_HEADER": "X-Forwarded-Email",
        "REPO_RUNNER_ROLE_HEADER": "X-Forwarded-Groups",
        "REPO_RUNNER_ROLE_NAMES": "ml-admins=operator ml=submitter staff=viewer",
        "REPO_RUNNER_TOKEN_FILE": str(folder / "tokens"),
        "REPO_RUNNER_ALLOWED_HOSTS": git_server.host,
        "GIT_SSL_CAINFO": str(git_server.ca_file),
    }
    with proxy.running(), running(folder / "home", app_port, **settings) as app:
        yield Team(app, proxy, token)


@pytest.fixture
def run_of_sam(team: Team, make_repo: MakeRepo) -> str:
    url, _ = make_repo({"train.py": "print('hello')\n", "requirements.txt": ""})
    body = {"link": url, "script_path": "train.py"}
    answer = team.ask("sam", "POST", RUNS, json=body)
    assert answer.status_code == 201, answer.text
    assert answer.json()["spec"]["submitted_by"] == "sam@example.org"
    return f"{RUNS}/{answer.json()['run_id']}"


def test_who_is_not_signed_in_is_sent_to_sign_in(team: Team) -> None:
    for path in ("/", "/view", "/new?repo=a/b", "/ui/", "/static/js/x.js"):
        answer = team.ask("", "GET", path)
        assert answer.status_code == 302, path
        assert answer.headers["location"].endswith(f"/oauth2/start?rd={path}")
    assert team.ask("", "GET", RUNS).status_code == 401


@pytest.mark.parametrize(
    ("person", "role"), [("vera", "viewer"), ("sam", "submitter"), ("olga", "operator")]
)
def test_the_app_knows_the_person_and_the_role(team: Team, person: str, role: str) -> None:
    assert team.ask(person, "GET", "/api/v1/me").json() == {
        "name": f"{person}@example.org",
        "role": role,
    }
    assert team.ask(person, "GET", "/view").status_code == 200
    assert team.ask(person, "GET", "/ui/").status_code == 200


def test_a_signed_in_person_without_a_role_stays_outside(team: Team) -> None:
    assert team.ask("nobody", "GET", "/view").status_code == 401
    assert team.ask("nobody", "GET", "/ui/").status_code == 401


def test_a_person_cannot_name_themselves_or_their_role(team: Team) -> None:
    claims = {
        "X-Forwarded-Email": "olga@example.org",
        "X-Forwarded-Groups": "operator",
        "X-Repo-Runner-Proxy": "guessed",
    }
    assert team.ask("vera", "GET", "/api/v1/me", claims).json()["role"] == "viewer"
    assert team.ask("", "GET", "/api/v1/me", claims).status_code == 401
    for address in (team.app.settings.port, team.app.settings.ui_port):
        past_the_proxy = httpx.get(
            f"http://127.0.0.1:{address}/", headers=claims, trust_env=False, follow_redirects=False
        )
        assert past_the_proxy.status_code == 401


def test_each_role_may_do_its_own(team: Team, run_of_sam: str) -> None:
    assert team.ask("vera", "GET", run_of_sam).status_code == 200
    assert team.ask("vera", "POST", RUNS, json={}).status_code == 403
    assert team.ask("sue", "POST", f"{run_of_sam}/stop").status_code == 403
    assert team.ask("sam", "POST", f"{run_of_sam}/stop").status_code == 202
    assert team.ask("olga", "POST", f"{run_of_sam}/stop").status_code == 202
    assert team.ask("sam", "DELETE", run_of_sam).status_code == 403
    assert team.ask("sam", "POST", "/api/v1/tidy").status_code == 403
    assert team.ask("olga", "POST", "/api/v1/tidy").status_code == 200


def test_another_site_changes_nothing_through_a_person(team: Team, run_of_sam: str) -> None:
    for origin in ("https://evil.example", "null", f"https://{HOST}", team.app.address.address):
        answer = team.ask("olga", "POST", f"{run_of_sam}/stop", {"Origin": origin})
        assert answer.status_code == 403, origin
    no_origin = team.ask("olga", "POST", f"{run_of_sam}/stop", {"Origin": ""})
    assert no_origin.status_code == 403


def test_websockets_pass_for_persons_from_the_external_address_only(team: Team) -> None:
    for path in ("/ui/_stcore/stream", "/api/v1/ws"):
        assert team.handshake("vera", path, team.proxy.address) == 101
        assert team.handshake("vera", path, "https://evil.example") == 403
        assert team.handshake("nobody", path, team.proxy.address) in (401, 403)


@pytest.mark.parametrize(("person", "may_run"), [("vera", False), ("sam", True)])
def test_the_pages_work_in_a_browser_and_offer_what_the_role_may(
    team: Team, browser: Browser, person: str, may_run: bool
) -> None:
    context = browser.new_context(ignore_https_errors=True)
    context.add_cookies([{"name": "signed_in", "value": person, "url": team.proxy.address}])
    page = context.new_page()
    page.goto(f"{team.proxy.address}/")
    frame = page.frame_locator("iframe")
    expect(frame.get_by_role("heading", name="New run")).to_be_visible(timeout=60_000)
    button = frame.get_by_role("button", name="Run", exact=True)
    expect(button).to_be_enabled(enabled=may_run)
    go(frame, "System")
    expect(frame.get_by_role("heading", name="System")).to_be_visible(timeout=60_000)
    context.close()


def test_a_program_uses_its_own_token(team: Team) -> None:
    def me(token: str) -> httpx.Response:
        return team.ask("", "GET", "/api/v1/me", {"Authorization": f"Bearer {token}"})

    assert me(team.token).json() == {"name": "ada", "role": "submitter"}
    assert me("another").status_code == 401


def test_the_secrets_are_in_no_log_state_or_argument(team: Team) -> None:
    secret = (team.proxy.folder / "proxy-secret").read_text()
    processes = [team.app.main, *team.app.main.children(recursive=True)]
    shown = [team.app.said, team.app.app_log, team.proxy.said(), str(team.app.state())]
    shown += [" ".join(process.cmdline()) for process in processes]
    files = [f for f in Path(team.app.home).rglob("*") if f.is_file()]
    for word in (secret, team.token):
        assert not [text for text in shown if word in text]
        assert not [f for f in files if word.encode() in f.read_bytes()]
