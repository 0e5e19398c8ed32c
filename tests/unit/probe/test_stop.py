"""A stop is acted on once, at the start of a batch, by all ranks at the same one."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from repo_runner_probe.settings import Settings
from repo_runner_probe.stop import STEPS_AHEAD, StopControl


class Reports(list):
    def emit(self, name, fields):
        self.append((name, fields))

    @property
    def names(self):
        return [name for name, _ in self]


@pytest.fixture
def session(tmp_path):
    settings = Settings.from_env({"REPO_RUNNER_PROBE_DIR": str(tmp_path)})
    return SimpleNamespace(settings=settings, rank=0, fits=1)


@pytest.fixture
def trainer(new_trainer):
    return new_trainer(save_checkpoint=lambda path: Path(path).write_text("whole"))


def test_nothing_happens_without_the_file(session, trainer):
    reports = Reports()
    StopControl(session, trainer).before_batch(reports)
    assert not trainer.should_stop
    assert reports == []


def test_the_file_means_save_and_stop(session, trainer, tmp_path):
    (tmp_path / "stop").touch()
    reports = Reports()
    stop = StopControl(session, trainer)
    stop.before_batch(reports)
    assert trainer.should_stop
    assert (tmp_path / "stop.ckpt").read_text() == "whole"
    assert reports.names == ["stopping", "stop_checkpoint"]
    assert trainer.fit_loop.min_epochs == 0


def test_it_insists_but_saves_only_once(session, trainer, tmp_path):
    (tmp_path / "stop").touch()
    reports = Reports()
    stop = StopControl(session, trainer)
    stop.before_batch(reports)
    trainer.should_stop = False
    stop.before_batch(reports)
    assert trainer.should_stop
    assert len(reports) == 2


def test_it_stops_even_if_nothing_can_be_saved(session, trainer, tmp_path):
    def fail(path):
        raise OSError("no space left")

    (tmp_path / "stop").touch()
    trainer.save_checkpoint = fail
    stop = StopControl(session, trainer)
    with pytest.raises(OSError, match="no space"):
        stop.before_batch(Reports())
    stop.before_batch(Reports())
    assert trainer.should_stop


def test_a_later_fit_of_the_script_ends_without_a_second_checkpoint(session, trainer, tmp_path):
    (tmp_path / "stop.ckpt").write_text("of the first fit")
    reports = Reports()
    StopControl(session, trainer).before_batch(reports)
    assert trainer.should_stop
    assert (tmp_path / "stop.ckpt").read_text() == "of the first fit"
    assert reports.names == ["stopping"]


def test_all_ranks_save_at_the_same_batch(session, trainer, tmp_path):
    (tmp_path / "stop").touch()
    trainer.world_size = 2
    other = SimpleNamespace(**{**vars(session), "rank": 1})
    saved = {0: [], 1: []}
    stops = {0: StopControl(session, trainer), 1: StopControl(other, trainer)}

    def save(path, rank, batch):
        Path(path).touch()
        saved[rank].append(batch)

    for batch in range(1, 10):
        for rank in (1, 0):
            trainer.save_checkpoint = partial(save, rank=rank, batch=batch)
            stops[rank].before_batch(Reports() if rank == 0 else None)
    assert saved == {0: [1 + STEPS_AHEAD], 1: [1 + STEPS_AHEAD]}


def test_ranks_on_several_machines_are_left_to_the_signals(session, trainer, tmp_path):
    (tmp_path / "stop").touch()
    trainer.world_size = trainer.num_nodes = 2
    reports = Reports()
    stop = StopControl(session, trainer)
    for _ in range(10):
        stop.before_batch(reports)
    assert not trainer.should_stop
    assert reports.names == ["stop_refused"]
