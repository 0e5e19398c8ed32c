"""A checkpoint is reported once it is on disk, and once."""

from __future__ import annotations

import os
from types import SimpleNamespace

import pytest
from repo_runner_probe.checkpoint_reader import LONGEST_WAIT_S, CheckpointReader


@pytest.fixture
def saver(tmp_path):
    (tmp_path / "best.ckpt").touch()
    return SimpleNamespace(
        monitor="val_loss",
        mode="min",
        best_model_path=str(tmp_path / "best.ckpt"),
        best_model_score=0.5,
        current_score=0.5,
        last_model_path="",
        best_k_models={str(tmp_path / "best.ckpt"): 0.5},
        dirpath=str(tmp_path),
    )


@pytest.fixture
def trainer(saver, new_trainer):
    return new_trainer(checkpoint_callbacks=[saver])


def test_nothing_saved_is_nothing_new(new_trainer, clock):
    assert CheckpointReader(clock).new(new_trainer(checkpoint_callbacks=[])) == []
    unused = SimpleNamespace(best_model_path="", last_model_path="")
    assert CheckpointReader(clock).new(new_trainer(checkpoint_callbacks=[unused])) == []


def test_a_saved_checkpoint_is_reported_once(trainer, tmp_path, clock):
    reader = CheckpointReader(clock)
    (report,) = reader.new(trainer)
    assert report["best_path"] == str(tmp_path / "best.ckpt")
    assert (report["monitor"], report["mode"], report["best_score"]) == ("val_loss", "min", 0.5)
    assert report["last_path"] is None
    assert reader.new(trainer) == []


def test_the_same_path_written_again_is_reported_again(trainer, tmp_path, clock):
    reader = CheckpointReader(clock)
    reader.new(trainer)
    os.utime(tmp_path / "best.ckpt", (1, 1))
    assert len(reader.new(trainer)) == 1


def test_a_file_that_is_still_to_come_is_waited_for(trainer, saver, tmp_path, clock):
    saver.last_model_path = str(tmp_path / "last.ckpt")
    reader = CheckpointReader(clock)
    assert reader.new(trainer) == []
    (tmp_path / "last.ckpt").touch()
    assert len(reader.new(trainer)) == 1


def test_a_file_that_never_comes_is_not_waited_for_for_ever(trainer, saver, tmp_path, clock):
    saver.last_model_path = str(tmp_path / "last.ckpt")
    reader = CheckpointReader(clock)
    reader.new(trainer)
    clock.advance(LONGEST_WAIT_S)
    assert len(reader.new(trainer)) == 1


def test_a_remote_path_is_taken_as_it_is(trainer, saver, clock):
    saver.best_model_path = "s3://bucket/best.ckpt"
    assert CheckpointReader(clock).new(trainer)[0]["best_path"] == "s3://bucket/best.ckpt"


def test_a_relative_path_is_that_of_the_folder_it_was_written_from(
    trainer, saver, tmp_path, clock, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    saver.best_model_path = "best.ckpt"
    reader = CheckpointReader(clock)
    reader.new(trainer)
    monkeypatch.chdir("/")
    os.utime(tmp_path / "best.ckpt", (1, 1))
    assert reader.new(trainer)[0]["best_path"] == str(tmp_path / "best.ckpt")


def test_what_an_earlier_call_left_is_not_new(trainer, clock):
    reader = CheckpointReader(clock)
    reader.skip(trainer)
    assert reader.new(trainer) == []
