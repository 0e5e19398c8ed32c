"""What every backend promises: the same runs, the same ends, wherever the supervisor lives.

A module that imports these tests names the `backend` and makes the `manager`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from repo_runner.manager import Manager
from repo_runner.models import Run, RunPhase, RunStatus, Submission
from tests.app_fixtures import (
    NOTHING_TO_INSTALL,
    TINY_LIGHTNING_REPO,
    following,
    log_of,
    wait_until_ended,
)
from tests.git_fixtures import MakeRepo
from tests.waiting import wait_for

TICKING = (
    "import time\nfor i in range(10_000):\n    print('tick', i, flush=True)\n    time.sleep(0.05)\n"
)


def submit(manager: Manager, backend: str, url: str, **more: object) -> str:
    given = {"link": url, "script_path": "train.py", "backend": backend, **more}
    return manager.submit(Submission.model_validate(given)).run_id


def run_to_end(manager: Manager, run_id: str) -> Run:
    with following(manager, run_id):
        return wait_until_ended(manager, run_id)


def plain(make_repo: MakeRepo, script: str) -> str:
    return make_repo({"train.py": script, **NOTHING_TO_INSTALL})[0]


def wait_for_output(manager: Manager, run_id: str, text: str) -> None:
    wait_for(
        lambda: text in manager.logs(run_id).text,
        timeout_s=120,
        what=f"{text!r} in the output",
        log=lambda: log_of(manager, run_id),
    )


def test_arguments_and_output_arrive_byte_for_byte_and_the_phases_in_order(
    manager: Manager, backend: str, make_repo: MakeRepo
) -> None:
    script = (
        "import json, sys\n"
        "print(json.dumps(sys.argv[1:]))\n"
        "sys.stdout.buffer.write(b'\\xff\\x00 10 %\\r20 %\\n')\n"
        "print('x' * 100_000)\n"
    )
    words = ["--name", "a b", ";", "$(id)", "naïve", "@repo-runner 00000000 {}"]
    run_id = submit(manager, backend, plain(make_repo, script), script_args=words)
    run = run_to_end(manager, run_id)
    assert run.status is RunStatus.SUCCEEDED, log_of(manager, run_id)
    first, rest = manager.paths.run(run_id).output.read_bytes().split(b"\n", 1)
    assert json.loads(first) == words
    assert rest == b"\xff\x00 10 %\r20 %\n" + b"x" * 100_000 + b"\n"
    order = [RunPhase.FETCHING, RunPhase.BUILDING, RunPhase.TRAINING]
    assert [p.phase for p in run.phases] == order


def test_a_failing_script_names_its_cause_and_quotes_its_lines(
    manager: Manager, backend: str, make_repo: MakeRepo
) -> None:
    script = "print('about to fail')\nraise ValueError('lr is negative')\n"
    run = run_to_end(manager, submit(manager, backend, plain(make_repo, script)))
    assert run.failure and run.failure.error_code == "script_failed"
    assert "ValueError: lr is negative" in run.failure.message
    assert "about to fail" in run.failure.lines


def test_a_stopped_run_is_stopped_and_nothing_of_it_is_left(
    manager: Manager, backend: str, make_repo: MakeRepo
) -> None:
    child = (
        "import subprocess, sys\n"
        "command = [sys.executable, '-c', 'import time; time.sleep(999)']\n"
        "subprocess.Popen(command, start_new_session=True)\n"
    )
    run_id = submit(manager, backend, plain(make_repo, child + TICKING))
    with following(manager, run_id):
        wait_for_output(manager, run_id, "tick 5")
        manager.stop(run_id)
        run = wait_until_ended(manager, run_id)
    assert (run.status, run.failure) == (RunStatus.STOPPED, None)


def test_whoever_follows_again_catches_up_and_nothing_comes_twice(
    manager: Manager, backend: str, make_repo: MakeRepo
) -> None:
    script = TICKING.replace("10_000", "120")
    run_id = submit(manager, backend, plain(make_repo, script))
    for tick in ("tick 3", "tick 30"):
        with following(manager, run_id) as closing:
            wait_for_output(manager, run_id, tick)
            closing.set()
    run = run_to_end(manager, run_id)
    assert run.status is RunStatus.SUCCEEDED, log_of(manager, run_id)
    assert manager.logs(run_id).text.split("\n") == [*(f"tick {i}" for i in range(120)), ""]
    assert len(run.phases) == 3


def test_a_secret_reaches_the_script_and_nothing_else(
    manager: Manager, backend: str, make_repo: MakeRepo
) -> None:
    script = "import os\nprint(os.environ['API_TOKEN'][::-1], os.environ['API_TOKEN'])\n"
    secret = {"API_TOKEN": "s3cr3t-of-the-run"}
    run_id = submit(manager, backend, plain(make_repo, script), env=secret)
    run = run_to_end(manager, run_id)
    assert run.status is RunStatus.SUCCEEDED, log_of(manager, run_id)
    assert manager.logs(run_id).text.strip() == "nur-eht-fo-t3rc3s ***"


@pytest.mark.timeout(600)
def test_lightning_is_observed_stopped_with_its_state_and_resumed_from_it(
    manager: Manager, backend: str, make_repo: MakeRepo
) -> None:
    url, _ = make_repo(TINY_LIGHTNING_REPO)
    run_id = submit(manager, backend, url, script_args="--max_epochs 30 --rows 4096")
    with following(manager, run_id):
        wait_for(
            lambda: manager.metrics(run_id, ["val_loss"]),
            timeout_s=400,
            log=lambda: log_of(manager, run_id),
        )
        manager.stop(run_id)
        assert wait_until_ended(manager, run_id).status is RunStatus.STOPPED
    manager.resume(run_id)
    run = run_to_end(manager, run_id)
    assert (run.status, run.attempt) == (RunStatus.SUCCEEDED, 2), log_of(manager, run_id)
    (losses,) = manager.metrics(run_id, ["val_loss"])
    assert 30 <= losses.total <= 31  # the stop itself validates once
    best, file = manager.checkpoint_file(run_id, "best")
    assert hashlib.sha256(file.read_bytes()).hexdigest() == best.sha256
    assert run.best_model_path == f"checkpoints/{best.name}"


def test_a_deleted_run_leaves_nothing_anywhere(
    manager: Manager, backend: str, make_repo: MakeRepo
) -> None:
    run_id = submit(manager, backend, plain(make_repo, "print()\n"))
    run_to_end(manager, run_id)
    manager.delete(run_id)
    assert list(manager.paths.runs.iterdir()) == []
    url = manager.settings.shelf_url
    assert not url or not any(run_id in p.name for p in _shelf(url))


def _shelf(url: str) -> Iterator[Path]:
    return Path(url.removeprefix("file://")).iterdir()
