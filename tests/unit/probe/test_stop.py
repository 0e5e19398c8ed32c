"""A stop is acted on once, at the start of a batch, by all ranks at the same one."""

from __future__ import annotations

import threading
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from repo_runner_probe.settings import Settings
from repo_runner_probe.stop import STEPS_AHEAD, StopControl

from tests.waiting import wait_for


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


class Machines:
    """Two machines with a rank each, which a courier visits."""

    def __init__(self, folder, new_trainer):
        self.folders = [folder / "zero", folder / "one"]
        self.saved = []
        self.reports = Reports()
        self.stops = []
        for rank, machine in enumerate(self.folders):
            machine.mkdir()
            env = {"REPO_RUNNER_PROBE_DIR": str(machine), "REPO_RUNNER_PROBE_CARRIED": "1"}
            session = SimpleNamespace(settings=Settings.from_env(env), rank=rank, fits=1)
            save = partial(self._save, rank)
            trainer = new_trainer(world_size=2, num_nodes=2, save_checkpoint=save)
            self.stops.append(StopControl(session, trainer))
        self.batch = 0

    def carry(self):
        agreed = self.folders[0] / "stop.at"
        wait_for(agreed.exists, what="the agreement")
        assert self.batch == 1, "Rank zero goes on only once the others know."
        (self.folders[1] / "stop.at").write_text(agreed.read_text())
        (self.folders[0] / "stop.at.known").touch()

    def train(self, batches):
        for self.batch in range(1, batches + 1):
            self.stops[1].before_batch(None)
            self.stops[0].before_batch(self.reports)

    def _save(self, rank, path):
        if rank == 0:
            Path(path).touch()
        self.saved.append((rank, self.batch))


def test_ranks_on_several_machines_save_at_the_batch_that_was_carried_to_all(tmp_path, new_trainer):
    machines = Machines(tmp_path, new_trainer)
    (tmp_path / "zero" / "stop").touch()
    courier = threading.Thread(target=machines.carry)
    courier.start()
    machines.train(9)
    courier.join()
    assert sorted(machines.saved) == [(0, 1 + STEPS_AHEAD), (1, 1 + STEPS_AHEAD)]
    assert machines.reports.names == ["stopping", "stop_checkpoint"]
    later = SimpleNamespace(**{**vars(machines.stops[1]._session), "fits": 2})
    trainer = new_trainer(world_size=2, num_nodes=2)
    StopControl(later, trainer).before_batch(None)
    assert trainer.should_stop, "A later fit ends on a machine without the checkpoint too."


def test_a_machine_that_cannot_be_told_leaves_all_to_the_signals(
    tmp_path, new_trainer, monkeypatch
):
    monkeypatch.setattr("repo_runner_probe.agreement.PATIENCE_S", 0.1)
    machines = Machines(tmp_path, new_trainer)
    (tmp_path / "zero" / "stop").touch()
    machines.train(9)
    assert machines.saved == []
    assert machines.reports == [
        ("stop_refused", {"reason": "another machine of it did not answer"})
    ]


def test_a_checkpoint_in_parts_on_several_machines_is_none(tmp_path, new_trainer):
    machines = Machines(tmp_path, new_trainer)
    for name in ("stop", "stop.at.known"):
        (tmp_path / "zero" / name).touch()
    machines.stops[0]._trainer.save_checkpoint = lambda path: Path(path).mkdir()
    machines.train(9)
    assert machines.reports.names == ["stopping", "stop_refused"]
    assert machines.stops[0]._trainer.should_stop
