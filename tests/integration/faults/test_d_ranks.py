"""D4: when one rank of several is killed or hangs, the whole group ends, with the reason."""

from __future__ import annotations

from tests.app_fixtures import TINY_LIGHTNING_REPO, following
from tests.git_fixtures import MakeRepo
from tests.integration.faults.conftest import Faulty

from repo_runner.models import Run, RunStatus, Submission  # isort: skip


def two_ranks(faulty: Faulty, make_repo: MakeRepo, misbehave: str, **limits: object) -> Run:
    """Train on two ranks; the second one misbehaves at its third batch."""
    step = "def training_step(self, batch, _):"
    script = TINY_LIGHTNING_REPO["train.py"].replace(
        step, f"{step}\n        if self.global_rank == 1 and self.global_step == 3: {misbehave}"
    )
    script = script.replace('accelerator="cpu"', 'accelerator="cpu", strategy="ddp", devices=2')
    assert "ddp" in script
    submission = Submission(
        link=make_repo(TINY_LIGHTNING_REPO | {"train.py": script})[0],
        script_path="train.py",
        script_args="--max_epochs 50",
        limits=limits,
    )
    run_id = faulty.manager.submit(submission).run_id
    with following(faulty.manager, run_id):
        return faulty.ended(run_id)


def test_D4_a_killed_rank_ends_the_group_and_is_the_reason(
    faulty: Faulty, make_repo: MakeRepo
) -> None:
    run = two_ranks(faulty, make_repo, "import os; os.kill(os.getpid(), 9)")
    assert run.status is RunStatus.FAILED
    assert run.failure is not None
    assert run.failure.error_code == "rank_lost", run.failure


def test_D4_a_rank_that_hangs_is_ended_at_the_limit_of_silence(
    faulty: Faulty, make_repo: MakeRepo
) -> None:
    run = two_ranks(
        faulty, make_repo, "import time; time.sleep(600)", silence_s=15, on_silence="stop"
    )
    assert run.failure is not None
    assert (run.status, run.failure.error_code) == (RunStatus.FAILED, "limit_silence")
