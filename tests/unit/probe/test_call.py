"""The supervisor's checkpoint is used only where the script names none."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from repo_runner_probe.call import Call
from repo_runner_probe.settings import Settings


def fit(self, model, train_dataloaders=None, ckpt_path=None):
    """Stands for Trainer.fit."""


@pytest.fixture
def session(tmp_path):
    (tmp_path / "resume.ckpt").touch()
    variables = {
        "REPO_RUNNER_PROBE_DIR": str(tmp_path),
        "REPO_RUNNER_PROBE_CKPT": str(tmp_path / "resume.ckpt"),
    }
    return SimpleNamespace(settings=Settings.from_env(variables), fits=1)


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [(("model",), {}), (("model", "data", None), {}), ((), {"model": "model", "ckpt_path": None})],
)
def test_it_is_put_in_where_there_is_none(session, new_trainer, args, kwargs):
    call = Call(new_trainer(), fit, args, kwargs)
    assert call.resume(session)["who"] == "injected"
    arguments = dict(zip(["model", "train_dataloaders", "ckpt_path"], call.args, strict=False))
    assert {**arguments, **call.kwargs}["ckpt_path"] == session.settings.ckpt_path


def test_the_scripts_own_checkpoint_wins(session, new_trainer):
    call = Call(new_trainer(), fit, ("model",), {"ckpt_path": "own.ckpt"})
    outcome = call.resume(session)
    assert (outcome["who"], outcome["script_path"]) == ("script", "own.ckpt")
    assert call.kwargs == {"ckpt_path": "own.ckpt"}


def test_a_checkpoint_named_to_the_old_trainer_wins(session, new_trainer):
    connector = SimpleNamespace(resume_from_checkpoint_fit_path="own.ckpt")
    call = Call(new_trainer(_checkpoint_connector=connector), fit, ("model",), {})
    assert call.resume(session)["who"] == "script"


def test_a_checkpoint_that_is_gone_is_said_and_not_used(session, new_trainer, tmp_path):
    (tmp_path / "resume.ckpt").unlink()
    call = Call(new_trainer(), fit, ("model",), {})
    assert call.resume(session)["who"] == "missing"
    assert call.kwargs == {}


def test_only_the_fit_that_was_stopped_is_resumed(session, new_trainer):
    session.fits = 2
    assert Call(new_trainer(), fit, ("model",), {}).resume(session) is None


def test_a_call_with_wrong_arguments_is_passed_on_as_it_is(session, new_trainer):
    call = Call(new_trainer(), fit, ("a", "b", "c", "d"), {"e": 1})
    assert call.resume(session)["who"] == "unsupported"
    assert (call.args, call.kwargs) == (("a", "b", "c", "d"), {"e": 1})


def test_a_search_is_not_a_training(new_trainer):
    searching = new_trainer(callbacks=[SimpleNamespace(_early_exit=True)])
    assert not Call(searching, fit, ("model",), {}).is_training()
    assert Call(new_trainer(), fit, ("model",), {}).is_training()
