import asyncio
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request

from components.allowed import is_allowed
from repo_runner import api
from repo_runner.access.person import Person, Role
from repo_runner.manager import Manager
from repo_runner.models import RunSpec
from repo_runner.settings import Settings
from repo_runner.store import Changes, Store


class Http:
    """Calls the application in this process."""

    def __init__(self, app: FastAPI) -> None:
        self._transport = httpx.ASGITransport(app, raise_app_exceptions=False)

    def request(self, method: str, path: str, **options: object) -> httpx.Response:
        async def call() -> httpx.Response:
            async with httpx.AsyncClient(
                transport=self._transport, base_url="http://app"
            ) as client:
                return await client.request(method, path, **options)

        return asyncio.run(call())

    def get(self, path: str, **options: object) -> httpx.Response:
        return self.request("GET", path, **options)

    def post(self, path: str, **options: object) -> httpx.Response:
        return self.request("POST", path, **options)


def http_of(settings: Settings) -> Http:
    manager = Manager(settings)
    manager.recover()
    manager.close()
    app = FastAPI()
    api.install(app, settings)

    async def let_in(request: Request, call_next: Callable[..., Any]) -> Any:
        name, role = request.headers.get("x-person", "ada operator").split()
        request.state.person = Person(name, Role(role))
        return await call_next(request)

    app.middleware("http")(let_in)
    return Http(app)


@pytest.fixture
def http(tmp_path: Path) -> Http:
    return http_of(Settings(home=tmp_path))


def test_every_route_of_ours_is_let_through_by_the_guard() -> None:
    for route in api.router.routes:
        path = re.sub(r"\{\w+\}", "x", route.path.replace("{stream}", "build"))
        assert all(is_allowed(method, path) for method in route.methods), path


@pytest.mark.parametrize(
    "path", ["/runs/none", "/runs/none/logs", "/runs/none/metrics", "/runs/none/checkpoints/best"]
)
def test_an_unknown_run_is_an_answer_in_our_form(http: Http, path: str) -> None:
    answer = http.get(f"/api/v1{path}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "run_not_found")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "link"),
        ({"link": "a/b", "unknown": 1}, "unknown"),
        ({"link": 7}, "link"),
        ({"link": "a/b", "script_args": "x" * 70_000}, "script_args"),
    ],
)
def test_a_body_of_the_wrong_shape_names_its_field(http: Http, body: dict, field: str) -> None:
    answer = http.post("/api/v1/runs", json=body)
    assert answer.status_code == 422
    assert answer.json()["error"]["field"].startswith(field)


def test_a_bad_link_is_refused_before_anything_starts(http: Http) -> None:
    answer = http.post(
        "/api/v1/runs", json={"link": "https://example.org/a/b", "script_path": "train.py"}
    )
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["field"]) == (422, "link_invalid", "link")
    assert http.get("/api/v1/runs").json()["total"] == 0


def test_a_cursor_that_is_not_ours_is_refused(http: Http) -> None:
    assert http.get("/api/v1/runs", params={"cursor": "x"}).json()["error"]["field"] == "cursor"


def test_a_defect_is_answered_in_our_form_too(http: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Manager, "get", lambda *_: 1 / 0)
    answer = http.get("/api/v1/runs/x")
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal")


def test_health_tells_versions_and_disk(http: Http) -> None:
    health = http.get("/api/v1/health").json()
    assert health["versions"]["lightning"] == "2.3.2"
    assert health["disk_total_bytes"] > 0


def test_a_log_is_searched_by_q(
    http: Http, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "output.log").write_text("one\nError\ntwo\n")
    monkeypatch.setattr(Manager, "_log", lambda *_: tmp_path / "output.log")
    asked = {"q": "error", "context": 1, "match_case": False}
    (match,) = http.get("/api/v1/runs/x/logs", params=asked).json()["matches"]
    assert (match["line"], match["before"], match["after"]) == (2, ["one"], ["two"])
    assert not http.get("/api/v1/runs/x/logs", params={**asked, "match_case": True}).json()[
        "matches"
    ]
    assert http.get("/api/v1/runs/x/logs").json()["text"] == "one\nError\ntwo\n"


def test_what_a_run_took_is_answered_over_time(http: Http, tmp_path: Path) -> None:
    store = Store(Settings(home=tmp_path).store_url)
    store.add(
        "r",
        RunSpec(repo_url="https://github.com/a/b", commit_sha="0" * 40, script_path="t.py"),
        None,
    )
    taken = [{"timestamp": t, "cpu_percent": t, "memory_bytes": 7} for t in (1.0, 2.0)]
    store.apply("r", offset=0, next_offset=1, changes=Changes(resources=taken))
    store.close()
    points = http.get("/api/v1/runs/r/resources").json()
    assert [(p["cpu_percent"], p["gpu_percent"]) for p in points] == [(1.0, None), (2.0, None)]


def test_a_whole_log_is_a_file_that_says_what_is_missing(http: Http, tmp_path: Path) -> None:
    store = Store(Settings(home=tmp_path).store_url)
    spec = RunSpec(repo_url="https://github.com/a/b", commit_sha="0" * 40, script_path="t.py")
    store.add("r", spec, None)
    store.close()
    folder = tmp_path / "runs" / "r"
    folder.mkdir(parents=True)
    (folder / "output.log").write_bytes(b"head")
    (folder / "output.20.2.log").write_bytes(b"tail")
    answer = http.get("/api/v1/runs/r/logs/output")
    assert answer.text == "head\n[16 bytes were not kept]\ntail"
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''r-output.log"
    assert answer.headers["x-content-type-options"] == "nosniff"
    part = http.get("/api/v1/runs/r/logs/output", headers={"Range": "bytes=2-31"})
    assert (part.status_code, part.text) == (206, "ad\n[16 bytes were not kept]\nta")
    assert part.headers["content-range"] == f"bytes 2-31/{len(answer.content)}"
    behind = http.get("/api/v1/runs/r/logs/output", headers={"Range": "bytes=99-"})
    assert behind.status_code == 416
    assert http.get("/api/v1/runs/r/logs/fetch").text == ""
    assert http.get("/api/v1/runs/r/logs/spec").status_code == 422


@pytest.mark.parametrize(
    "path",
    [
        "/metrics?after=",
        "/metrics?upto=",
        "/logs?after=",
        "/logs?after=0&upto=",
        "/logs?q=x&after=",
    ],
)
def test_a_number_that_no_database_takes_is_refused_at_its_field(
    http: Http, run_of_bob: str, path: str
) -> None:
    answer = http.get(f"{run_of_bob}{path}{2**63}")
    assert answer.status_code == 422, answer.text
    assert http.get(f"{run_of_bob}{path}{2**53 - 1}").status_code == 200


@pytest.mark.parametrize("number", ["9" * 40, "\xb2", "-1"])
def test_an_event_id_that_is_none_of_ours_begins_at_the_first_event(
    http: Http, run_of_bob: str, number: str, tmp_path: Path
) -> None:
    store = Store(Settings(home=tmp_path).store_url)
    store.finish(
        "run-1", status="stopped", failure=None, ended_at=1.0, duration_s=1.0, exit_cause=None
    )
    store.close()
    headers = {"Last-Event-ID": number.encode("latin-1")}
    assert http.get(f"{run_of_bob}/events", headers=headers).status_code == 200


def test_F3_a_link_in_the_place_of_a_log_is_not_followed(
    http: Http, run_of_bob: str, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("of somebody else")
    folder = tmp_path / "runs" / "run-1"
    folder.mkdir(parents=True)
    (folder / "output.log").symlink_to(secret)
    for path in ("/logs/output", "/logs"):
        assert "somebody" not in http.get(run_of_bob + path).text


@pytest.fixture
def run_of_bob(http: Http, tmp_path: Path) -> str:
    spec = RunSpec(
        repo_url="https://x/a/b", commit_sha="0" * 40, script_path="t.py", submitted_by="bob"
    )
    store = Store(Settings(home=tmp_path).store_url)
    store.add("run-1", spec, None)
    store.close()
    return "/api/v1/runs/run-1"


@pytest.mark.parametrize("verb", ["stop", "resume"])
def test_a_submitter_acts_on_their_own_runs_and_an_operator_on_all(
    http: Http, run_of_bob: str, verb: str
) -> None:
    def status(person: str) -> int:
        return http.post(f"{run_of_bob}/{verb}", headers={"x-person": person}).status_code

    assert status("eve submitter") == 403
    assert status("bob submitter") != 403
    assert status("ada operator") != 403


def test_a_run_says_who_submitted_it_and_a_person_who_they_are(http: Http, run_of_bob: str) -> None:
    assert http.get(run_of_bob).json()["spec"]["submitted_by"] == "bob"
    assert http.get("/api/v1/me", headers={"x-person": "bob viewer"}).json() == {
        "name": "bob",
        "role": "viewer",
    }


@pytest.mark.parametrize(("user", "warns"), [(0, True), (1000, False)])
def test_running_as_root_is_a_problem_that_is_said(
    http: Http, monkeypatch: pytest.MonkeyPatch, user: int, warns: bool
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user)
    health = http.get("/api/v1/health").json()
    assert any("runs as root" in problem for problem in health["problems"]) is warns
    assert (health["status"] == "degraded") is warns


@pytest.mark.parametrize(
    ("changes", "asked", "code", "field"),
    [
        ({"max_waiting": 0}, {}, "queue_full", None),
        ({"max_cpus": 4}, {"resources": {"cpus": 5}}, "resources_missing", "resources.cpus"),
        ({}, {"resources": {"gpus": 99}}, "resources_missing", "resources.gpus"),
        (
            {"max_memory_bytes": 10**9},
            {"resources": {"memory_bytes": 10**9 + 1}},
            "resources_missing",
            "resources.memory_bytes",
        ),
        ({}, {"limits": {"time_s": -1}}, "invalid_input", "limits.time_s"),
    ],
)
def test_G5_what_the_queue_cannot_take_is_refused_at_once(
    tmp_path: Path, changes: dict, asked: dict, code: str, field: str | None
) -> None:
    answer = http_of(Settings(home=tmp_path, **changes)).post(
        "/api/v1/runs", json={"link": "https://github.com/owner/repository", **asked}
    )
    error = answer.json()["error"]
    assert (error["code"], error["field"]) == (code, field)
    assert answer.headers.get("Retry-After") == ("30" if code == "queue_full" else None)
