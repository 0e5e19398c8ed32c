import io
from datetime import UTC, datetime, timedelta

import pytest

from repo_runner.models import Progress, Run, RunPhase, RunSpec, RunStatus
from repo_runner.progress_line import ProgressLine, describe, duration

SPEC = RunSpec(repo_url="https://github.com/a/b", commit_sha="0" * 40, script_path="train.py")


def run(**facts: object) -> Run:
    base = {
        "run_id": "r",
        "spec": SPEC,
        "name": "n",
        "created_at": datetime.now(UTC),
        "commit_sha": "0" * 40,
    }
    return Run(**{**base, "status": RunStatus.RUNNING, "phase": RunPhase.TRAINING, **facts})


def test_a_training_says_epoch_share_and_time_left() -> None:
    progress = Progress(
        phase=RunPhase.TRAINING, stage="train", epoch=2, max_epochs=15, fraction=0.21, eta_s=14
    )
    line = describe(run(progress=progress, best_model_score=0.96114, monitor="val_acc"))
    assert line == "running · training · epoch 3 of 15 · 21 % · 14 s left · val_acc 0.9611"


def test_the_epoch_after_the_last_one_is_still_the_last() -> None:
    assert "epoch 3 of 3" in describe(
        run(progress=Progress(phase=RunPhase.TRAINING, epoch=3, max_epochs=3))
    )


def test_a_run_that_stops_says_how_long_it_may_save() -> None:
    now = datetime.now(UTC)
    late, over = now + timedelta(seconds=25.9), now - timedelta(seconds=1)
    assert describe(run(stop_requested_at=now, stop_deadline_at=late)).endswith("save, 25 s left")
    assert describe(run(stop_requested_at=now, stop_deadline_at=over)).endswith("being ended")


def test_a_waiting_run_says_its_place() -> None:
    waiting = run(status=RunStatus.PENDING, phase=RunPhase.QUEUED, queue_position=2)
    assert describe(waiting) == "pending · place 2 in the queue"


@pytest.mark.parametrize(
    ("seconds", "text"), [(42.9, "42 s"), (185, "3 min 05 s"), (7800, "2 h 10 min")]
)
def test_durations_read_well(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_pipe_gets_each_new_state_once() -> None:
    stream = io.StringIO()
    with ProgressLine(stream) as line:
        for text in ("a", "a", "b"):
            line.show(text)
    assert stream.getvalue() == "a\nb\n"
