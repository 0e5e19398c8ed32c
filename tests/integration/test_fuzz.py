"""Thousands of requests made from our OpenAPI page: no answer is a defect, and the store holds what was accepted.

`make fuzz` runs far more of them (FUZZ_FACTOR times as many).
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from repo_runner import api
from repo_runner.manager import Manager
from repo_runner.models import RunSpec
from repo_runner.settings import Settings
from repo_runner.store import Changes
from tests.any_repository import SHA, AnyRepository
from tests.asgi import Answer, Asgi
from tests.openapi import Case, Cases, as_json

FACTOR = float(os.environ.get("FUZZ_FACTOR", "1"))
RUN_IDS = ("ended", "waiting")


@pytest.fixture(scope="module")
def manager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Manager]:
    """The real one on a real store, with a run that has ended and one that waits."""
    manager = Manager(Settings(home=tmp_path_factory.mktemp("fuzz"), min_free_bytes=0))
    manager.recover()
    manager._source = AnyRepository(manager.settings)
    spec = RunSpec(repo_url="https://github.com/a/b", commit_sha=SHA, script_path="train.py")
    for run_id in RUN_IDS:
        manager.store.add(run_id, spec, None)
    point = {"name": "loss", "step": 1, "epoch": 0, "timestamp": 1.0, "value": 0.5, "text": None}
    manager.store.apply("ended", offset=0, next_offset=1, changes=Changes(metrics=[point]))
    manager.store.begin("ended")
    manager.store.finish("ended", status="failed", ended_at=2.0)
    folder = manager.paths.run("ended").root
    folder.mkdir()
    (folder / "output.log").write_text("one\ntwo\n")
    (folder / "events.jsonl").write_text('{"seq":1,"t":1,"kind":"phase","phase":"fetching"}\n')
    yield manager
    manager.close()


@pytest.fixture(scope="module")
def app(manager: Manager) -> FastAPI:
    app = FastAPI()
    api.install(app, manager.settings)
    app.state.manager_of_repo_runner = lambda: manager
    return app


@pytest.fixture(scope="module")
def asgi(app: FastAPI) -> Iterator[Asgi]:
    with Asgi(app) as asgi:
        yield asgi


def thorough(cases: int) -> settings:
    """The same cases each time, with `make fuzz` new ones; a failing one is made small before it is shown."""
    return settings(
        max_examples=max(int(cases * FACTOR), 1),
        deadline=None,
        derandomize=FACTOR <= 1,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )


def call(asgi: Asgi, case: Case) -> Answer:
    return asgi.call(
        case.method,
        case.path,
        query=case.query,
        headers=case.headers,
        body=case.body,
        hangs_up=case.path.endswith("/events"),
    )


def is_sound(answer: Answer) -> bool:
    """An answer a client can use: no defect, and every refusal in our form."""
    if answer.broken or not 200 <= answer.status < 500:
        return False
    is_json = answer.headers.get("content-type") == "application/json"
    if answer.status < 400 or not is_json:
        return answer.status != 422
    error = answer.json()["error"]
    return bool(error["code"] and error["message"])


def rows_of(asgi: Asgi) -> int:
    return asgi.call("GET", "/api/v1/runs").json()["total"]


@pytest.mark.timeout(3000)
def test_no_request_to_any_route_is_answered_by_a_defect(
    app: FastAPI, asgi: Asgi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """5 000 cases. A board would start a process, and has tests of its own."""
    monkeypatch.setattr(Manager, "open_board", Manager.board, raising=False)
    cases = Cases(app.openapi(), RUN_IDS)
    assert len(cases.operations) >= 20
    seen: dict[int, int] = {}

    @thorough(5000)
    @given(cases.any())
    def holds(case: Case) -> None:
        answer = call(asgi, case)
        seen[answer.status] = seen.get(answer.status, 0) + 1
        assert is_sound(answer), (case, answer)

    holds()
    assert sum(seen.values()) >= 5000 * min(FACTOR, 1)
    assert {200, 404, 422} <= set(seen), "the cases reach nothing"


@pytest.mark.timeout(3000)
def test_A8_ten_thousand_submissions_are_accepted_or_refused_and_the_store_counts_the_same(
    app: FastAPI, asgi: Asgi
) -> None:
    """1 500 of them here, ten times as many with `make fuzz`."""
    submit = app.openapi()["paths"]["/api/v1/runs"]["post"]
    cases = Cases(app.openapi(), RUN_IDS)
    link = st.sampled_from(
        ["a/b", "owner/name@v1", "https://github.com/a/b/blob/main/train.py", ""]
    )
    before, accepted, refused = rows_of(asgi), 0, 0

    @thorough(1500)
    @given(st.one_of(cases.of("POST", "/api/v1/runs", submit), *[plausible(cases, link)] * 2))
    def holds(case: Case) -> None:
        nonlocal accepted, refused
        headers = {n: v for n, v in case.headers.items() if n != "idempotency-key"}
        answer = call(asgi, Case(case.method, case.path, case.query, headers, case.body))
        assert answer.status == 201 or 400 <= answer.status < 500, (case, answer)
        assert is_sound(answer), (case, answer)
        accepted += answer.status == 201
        refused += answer.status != 201

    holds()
    assert rows_of(asgi) - before == accepted
    assert accepted > 50 * FACTOR and refused > 50 * FACTOR


def plausible(cases: Cases, link: st.SearchStrategy[str]) -> st.SearchStrategy[Case]:
    """A submission that may well be accepted, with one field from anywhere."""
    fields = cases._schemas["Submission"]["properties"]
    one = st.one_of(
        st.tuples(st.just(name), cases.values(schema)) for name, schema in fields.items()
    )
    return st.tuples(link, one).map(
        lambda drawn: Case(
            "POST",
            "/api/v1/runs",
            headers={"Content-Type": "application/json"},
            body=as_json({"link": drawn[0], "script_path": "train.py", drawn[1][0]: drawn[1][1]}),
        )
    )
