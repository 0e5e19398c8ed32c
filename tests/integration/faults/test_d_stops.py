"""D2: a stop, whenever it comes, ends the run once, as stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from examples.git_http import Behaviour
from examples.git_server import GitServer
from repo_runner.errors import RunNotFound
from repo_runner.manager import Manager
from repo_runner.models import Run, RunPhase, RunStatus, Submission
from tests.app_fixtures import NOTHING_TO_INSTALL, TINY_LIGHTNING_REPO, following
from tests.git_fixtures import MakeRepo, repo_name
from tests.integration.faults.conftest import Faulty
from tests.waiting import wait_for
from tests.wheelhouse import make_package

ENDLESS = "import time\nprint('ready', flush=True)\nwhile True: time.sleep(0.1)\n"


@contextmanager
def busy(faulty: Faulty, run_id: str, phase: RunPhase) -> Iterator[None]:
    """While the run is followed and in this phase."""
    with following(faulty.manager, run_id):
        faulty.wait(run_id, lambda run: run.phase is phase, f"the phase {phase}")
        yield


def stopped(faulty: Faulty, run_id: str) -> Run:
    faulty.manager.stop(run_id)
    run = faulty.ended(run_id)
    assert (run.status, run.failure) == (RunStatus.STOPPED, None)
    assert run.exit_cause in ("stopped", None)
    return run


def test_D2_a_stop_while_it_waits(faulty: Faulty) -> None:
    run_id = faulty.submit(ENDLESS)
    faulty.manager.stop(run_id)
    assert list(faulty.manager.due([])) == []
    assert faulty.manager.get(run_id).status is RunStatus.STOPPED


@contextmanager
def hanging_fetch(faulty: Faulty, server: GitServer, make_repo: MakeRepo) -> Iterator[str]:
    """A run whose git waits for a host that has gone quiet."""
    files = {"train.py": ENDLESS, "big.bin": bytes(range(256)) * 4000, **NOTHING_TO_INSTALL}
    url, _ = make_repo(files)
    run_id = faulty.manager.submit(Submission(link=url, script_path="train.py")).run_id
    server.stalled.clear()
    server.behaviour[repo_name(url)] = Behaviour(stall_after_bytes=1000)
    with busy(faulty, run_id, RunPhase.FETCHING):
        wait_for(server.stalled.is_set, what="the fetch to hang")
        yield run_id


@contextmanager
def hanging_build(faulty: Faulty, make_repo: MakeRepo, folder: Path) -> Iterator[str]:
    """A run whose installer builds a package that never gets ready."""
    started = folder / "started"
    hang = f"pathlib.Path({str(started)!r}).touch() or __import__('signal').pause()"
    package = make_package(folder / "package", extra=hang, needs="packaging")
    parts = {str(p.relative_to(package)): p.read_text() for p in package.rglob("*") if p.is_file()}
    url, _ = make_repo({"train.py": ENDLESS, **parts})
    run_id = faulty.manager.submit(Submission(link=url, script_path="train.py")).run_id
    with busy(faulty, run_id, RunPhase.BUILDING):
        wait_for(started.exists, timeout_s=120, what="the build to begin")
        yield run_id


def test_D2_a_stop_while_it_fetches(
    faulty: Faulty, git_server: GitServer, make_repo: MakeRepo
) -> None:
    with hanging_fetch(faulty, git_server, make_repo) as run_id:
        assert stopped(faulty, run_id).phase is RunPhase.FETCHING


def test_D2_a_stop_while_it_builds(faulty: Faulty, make_repo: MakeRepo, tmp_path: Path) -> None:
    with hanging_build(faulty, make_repo, tmp_path) as run_id:
        assert stopped(faulty, run_id).phase is RunPhase.BUILDING


def test_D2_a_stop_at_the_very_start(faulty: Faulty) -> None:
    run_id = faulty.submit(ENDLESS)
    with following(faulty.manager, run_id):
        faulty.wait(run_id, lambda run: run.status is RunStatus.RUNNING, "the start")
        stopped(faulty, run_id)


def test_D2_a_stop_twice_is_one_stop(faulty: Faulty) -> None:
    with faulty.running(ENDLESS) as run_id:
        first = faulty.manager.stop(run_id).stop_requested_at
        assert faulty.manager.stop(run_id).stop_requested_at == first
        stopped(faulty, run_id)


def test_D2_a_stop_after_the_end_changes_nothing(faulty: Faulty) -> None:
    run = faulty.run("print('done')\n")
    assert faulty.manager.stop(run.run_id) == run


def test_D2_a_stop_of_an_unknown_run_is_said(manager: Manager) -> None:
    with pytest.raises(RunNotFound):
        manager.stop("20200101-000000-abcdef")


def test_D2_an_exit_code_of_zero_after_sigterm_is_no_success(faulty: Faulty) -> None:
    script = "import signal, sys\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\n" + ENDLESS
    with faulty.running(script) as run_id:
        assert stopped(faulty, run_id).exit_code == 0


_PAUSE = "print('ready', flush=True); __import__('time').sleep(0.3)"
STAGES: dict[str, Callable[[str], str]] = {
    "validation": lambda text: text.replace(
        "def validation_step(self, batch, _):",
        f"def validation_step(self, batch, _):\n        {_PAUSE}",
    ),
    "checkpoint": lambda text: text.replace(
        "    def configure_optimizers",
        f"    def on_save_checkpoint(self, _):\n        {_PAUSE}\n    def configure_optimizers",
    ),
}


@pytest.mark.parametrize("stage", STAGES)
def test_D2_a_stop_within_lightnings_own_work(
    faulty: Faulty, make_repo: MakeRepo, stage: str
) -> None:
    files = TINY_LIGHTNING_REPO | {"train.py": STAGES[stage](TINY_LIGHTNING_REPO["train.py"])}
    submission = Submission(
        link=make_repo(files)[0], script_path="train.py", script_args="--max_epochs 500 --rows 32"
    )
    run_id = faulty.manager.submit(submission).run_id
    with following(faulty.manager, run_id):
        faulty.wait_until_said(run_id, "ready")
        run = stopped(faulty, run_id)
    assert run.has_probe
