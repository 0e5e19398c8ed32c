"""Runs from submission to end, with real git, real environments, real supervisors; only the app around is absent."""

from __future__ import annotations

import hashlib
import json
import threading

import pytest

from examples.git_server import GitServer
from repo_runner.errors import Conflict, RunnerError
from repo_runner.follower import Follower
from repo_runner.manager import Manager
from repo_runner.metric_store import Stretch
from repo_runner.models import RunPhase, RunStatus, Submission
from tests.app_fixtures import (
    NOTHING_TO_INSTALL,
    TINY_LIGHTNING_REPO,
    RunToEnd,
    following,
    log_of,
    wait_until_ended,
)
from tests.git_fixtures import MakeRepo
from tests.waiting import wait_for

ENDLESS = "import time\nprint('started', flush=True)\nwhile True: time.sleep(0.1)\n"


def plain(make_repo: MakeRepo, script: str) -> str:
    return make_repo({"train.py": script, **NOTHING_TO_INSTALL})[0]


def test_A4_a_plain_script_gets_its_arguments_byte_for_byte(
    make_repo: MakeRepo, run_to_end: RunToEnd, manager: Manager
) -> None:
    url = plain(make_repo, "import sys, json\nprint(json.dumps(sys.argv[1:]))\n")
    run = run_to_end(url, args="--name 'a b' ';' '$(id)' naïve")
    assert run.status is RunStatus.SUCCEEDED
    assert json.loads(manager.logs(run.run_id).text) == ["--name", "a b", ";", "$(id)", "naïve"]
    assert run.has_probe is False


def test_a_script_inside_a_package_is_run_as_a_module(
    make_repo: MakeRepo, run_to_end: RunToEnd, manager: Manager
) -> None:
    script = "import sys\nfrom . import model\nprint(model.NAME, sys.argv[1:])\n"
    url, _ = make_repo(
        {"pack/train.py": script, "pack/model.py": "NAME = 'tiny'\n", **NOTHING_TO_INSTALL}
    )
    run = run_to_end(url, script="-m pack.train", args="--lr 1")
    assert manager.logs(run.run_id).text == "tiny ['--lr', '1']\n"
    by_path = run_to_end(url, script="pack/train.py")
    assert by_path.failure and by_path.failure.error_code == "part_of_package"


def test_a_run_goes_through_its_phases_in_order(make_repo: MakeRepo, run_to_end: RunToEnd) -> None:
    run = run_to_end(plain(make_repo, "print('hello')\n"))
    assert [p.phase for p in run.phases] == [
        RunPhase.FETCHING,
        RunPhase.BUILDING,
        RunPhase.TRAINING,
    ]
    assert all(p.ended_at and p.ended_at >= p.started_at for p in run.phases)


def test_lightning_is_observed_and_its_best_checkpoint_kept(
    make_repo: MakeRepo, run_to_end: RunToEnd, manager: Manager
) -> None:
    url, sha = make_repo(TINY_LIGHTNING_REPO)
    run = run_to_end(url, args="--max_epochs 3")
    assert (run.status, run.commit_sha, run.has_probe) == (RunStatus.SUCCEEDED, sha, True)
    assert (run.monitor, run.mode) == ("val_loss", "min")
    assert run.hparams == {"lr": 0.05}
    curves = {s.name: s for s in manager.metrics(run.run_id)}
    assert curves["val_loss"].total == 3
    assert min(p.value for p in curves["val_loss"].points) == pytest.approx(run.best_model_score)
    best, file = manager.checkpoint_file(run.run_id, "best")
    assert hashlib.sha256(file.read_bytes()).hexdigest() == best.sha256
    assert run.best_model_path == f"checkpoints/{best.name}"


def test_a_failing_script_names_its_cause_and_quotes_its_lines(
    make_repo: MakeRepo, run_to_end: RunToEnd
) -> None:
    run = run_to_end(
        plain(make_repo, "print('about to fail')\nraise ValueError('lr is negative')\n")
    )
    assert run.status is RunStatus.FAILED
    assert run.failure and run.failure.error_code == "script_failed"
    assert "ValueError: lr is negative" in run.failure.message
    assert "about to fail" in run.failure.lines


def test_a_missing_package_is_named_with_what_to_do(
    make_repo: MakeRepo, run_to_end: RunToEnd
) -> None:
    run = run_to_end(plain(make_repo, "import not_installed_anywhere\n"))
    assert run.failure and run.failure.error_code == "module_missing"
    assert "not_installed_anywhere" in run.failure.hint


def test_a_build_that_fails_keeps_the_installers_words(
    make_repo: MakeRepo, run_to_end: RunToEnd
) -> None:
    url, _ = make_repo({"train.py": "print()\n", "requirements.txt": "six==99.99\n"})
    run = run_to_end(url)
    assert (run.status, run.phase) == (RunStatus.FAILED, RunPhase.BUILDING)
    assert run.failure and run.failure.error_code == "resolution_impossible"
    assert any("six" in line for line in run.failure.lines)


def test_training_outlives_its_follower_and_nothing_is_ingested_twice(
    make_repo: MakeRepo, manager: Manager
) -> None:
    url, _ = make_repo(TINY_LIGHTNING_REPO)
    submission = Submission(
        link=url, script_path="train.py", script_args="--max_epochs 8 --rows 2048"
    )
    run_id = manager.submit(submission).run_id
    with following(manager, run_id) as closing:
        wait_for(lambda: manager.metrics(run_id), timeout_s=90, log=lambda: log_of(manager, run_id))
        closing.set()
    with following(manager, run_id):
        run = wait_until_ended(manager, run_id)
    assert run.status is RunStatus.SUCCEEDED, log_of(manager, run_id)
    (losses,) = manager.metrics(run_id, ["train_loss"], Stretch(max_points=100_000))
    steps = [p.step for p in losses.points]
    assert len(steps) == len(set(steps)) == 8 * 128 // 5


def test_a_stopped_training_resumes_from_its_checkpoint_on_the_same_curves(
    make_repo: MakeRepo, manager: Manager
) -> None:
    url, _ = make_repo(TINY_LIGHTNING_REPO)
    submission = Submission(
        link=url, script_path="train.py", script_args="--max_epochs 30 --rows 4096"
    )
    run_id = manager.submit(submission).run_id
    with following(manager, run_id):
        wait_for(
            lambda: manager.metrics(run_id, ["val_loss"]),
            timeout_s=90,
            log=lambda: log_of(manager, run_id),
        )
        manager.stop(run_id)
        assert wait_until_ended(manager, run_id, 60).status is RunStatus.STOPPED
    manager.resume(run_id)
    with following(manager, run_id):
        run = wait_until_ended(manager, run_id)
    assert (run.status, run.attempt) == (RunStatus.SUCCEEDED, 2), log_of(manager, run_id)
    (losses,) = manager.metrics(run_id, ["val_loss"])
    assert 30 <= losses.total <= 31  # the stop itself validates once


def test_the_same_idempotency_key_is_the_same_run(make_repo: MakeRepo, manager: Manager) -> None:
    submission = Submission(link=plain(make_repo, "print()\n"), script_path="train.py")
    assert manager.submit(submission, "key").run_id == manager.submit(submission, "key").run_id
    assert manager.list().total == 1


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"link": "https://example.org/a/b"}, "link_invalid", "link"),
        ({"link": "not a link"}, "link_invalid", "link"),
        ({"ref": "no-such-branch"}, "ref_not_found", "ref"),
        ({"script_path": "missing.py"}, "script_not_found", "script_path"),
        ({"script_path": "../outside.py"}, "invalid_input", "script_path"),
        ({"script_args": "--name 'open"}, "arguments_invalid", "script_args"),
        ({"requirements": "six\n=== broken"}, "requirement_invalid", "requirements"),
    ],
)
def test_bad_input_names_the_field_and_starts_nothing(
    make_repo: MakeRepo, manager: Manager, change: dict, code: str, field: str
) -> None:
    good = {"link": plain(make_repo, "print()\n"), "script_path": "train.py"}
    with pytest.raises(RunnerError) as caught:
        manager.submit(Submission(**{**good, **change}))
    assert (caught.value.error_code, caught.value.field) == (code, field)
    assert manager.list().total == 0


def test_deleting_removes_the_folder_and_the_rows(
    make_repo: MakeRepo, run_to_end: RunToEnd, manager: Manager
) -> None:
    run = run_to_end(plain(make_repo, "print()\n"))
    manager.delete(run.run_id)
    assert manager.list().total == 0
    assert list(manager.paths.runs.iterdir()) == []


def test_a_run_that_lives_cannot_be_deleted(make_repo: MakeRepo, manager: Manager) -> None:
    run_id = manager.submit(
        Submission(link=plain(make_repo, ENDLESS), script_path="train.py")
    ).run_id
    with pytest.raises(Conflict, match="has not ended"):
        manager.delete(run_id)


def test_B7_a_branch_that_moves_after_submission_does_not_change_the_run(
    make_repo: MakeRepo, git_server: GitServer, manager: Manager
) -> None:
    url, sha = make_repo({"train.py": "print('old')\n", **NOTHING_TO_INSTALL})
    run_id = manager.submit(Submission(link=url, script_path="train.py")).run_id
    git_server.commit(url.split("/", 3)[3], {"train.py": "print('new')\n"})
    with following(manager, run_id):
        run = wait_until_ended(manager, run_id)
    assert (run.commit_sha, manager.logs(run_id).text.strip()) == (sha, "old")


def test_without_the_probe_a_lightning_script_is_any_script(
    make_repo: MakeRepo, manager: Manager
) -> None:
    url, _ = make_repo(TINY_LIGHTNING_REPO)
    run_id = manager.submit(
        Submission(link=url, script_path="train.py", script_args="--max_epochs 1")
    ).run_id
    Follower(manager.settings, run_id, str, with_probe=False).follow(threading.Event())
    run = manager.get(run_id)
    assert (run.status, run.has_probe, run.best_model_path) == (RunStatus.SUCCEEDED, False, None)
