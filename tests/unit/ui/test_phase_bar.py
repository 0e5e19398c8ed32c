from __future__ import annotations

from datetime import timedelta

from repo_runner.models import Progress, Run, RunPhase, RunStatus
from tests.unit.ui import fake_runs as fake
from tests.unit.ui.fake_client import BUILD_FAILURE
from ui.widgets.phase_bar import figures, phases_data, progress_line, stages

NOW = fake.moment()


def states(run: Run) -> list[str]:
    return [phase["state"] for phase in phases_data(run)["phases"]]


def test_the_present_phase_is_active_and_carries_the_fraction() -> None:
    run = fake.training("r", NOW - timedelta(seconds=66), NOW)
    assert states(run) == ["done", "done", "done", "active"]
    assert phases_data(run)["phases"][3]["fraction"] == 0.5
    assert phases_data(run)["eta"] == "about 1 min left"


def test_a_failed_run_shows_where_it_failed() -> None:
    run = fake.failed("r", NOW, RunPhase.BUILDING, BUILD_FAILURE)
    assert states(run) == ["done", "done", "failed", "todo"]


def test_an_ended_run_has_no_line_about_what_it_does() -> None:
    run = fake.training("r", NOW - timedelta(hours=1), NOW)
    assert states(run) == ["done"] * 4
    assert phases_data(run)["line"] == ""


def test_a_run_that_ended_in_a_phase_without_an_end_ends_it() -> None:
    run = fake.building("r", NOW).model_copy(update={"status": RunStatus.STOPPED, "ended_at": NOW})
    assert phases_data(run)["phases"][2]["ended_at"] == NOW.isoformat()


def test_the_line_tells_what_is_known() -> None:
    waiting = fake.run("r", NOW, queue_position=3)
    assert progress_line(waiting) == "Waiting, number 3 in the queue"
    assert progress_line(fake.building("r", NOW)) == "Downloading · 12 of 41 packages"
    assert progress_line(fake.run("r", NOW, phase=RunPhase.TRAINING)) == "Starting"
    validating = Progress(phase=RunPhase.TRAINING, stage="sanity_check", batch=1)
    run = fake.run("r", NOW, phase=RunPhase.TRAINING, progress=validating)
    assert progress_line(run) == "batch 1 · sanity check"


def test_figures_name_the_scripts_own_metric_and_mode() -> None:
    first = figures(fake.training("r", NOW - timedelta(hours=1), NOW))[0]
    assert (first["name"], first["note"]) == ("Best val_acc", "maximum")


def test_the_stages_of_a_training_have_their_times_and_the_present_one_is_marked() -> None:
    run = fake.training("r", NOW - timedelta(seconds=66), NOW)
    assert [(one["name"], one["time"], one["active"]) for one in stages(run)] == [
        ("Sanity check", "0.4 s", False),
        ("Epochs", "56 s", True),
        ("Validation", "3.6 s", False),
        ("Saving", "0.6 s", False),
    ]


def test_a_stage_nobody_has_named_is_shown_under_its_own_name() -> None:
    progress = Progress(phase=RunPhase.TRAINING, stage="lr_find")
    (one,) = stages(fake.run("r", NOW, phase=RunPhase.TRAINING, progress=progress))
    assert (one["name"], one["active"]) == ("Lr find", True)
    assert stages(fake.building("r", NOW)) == []
