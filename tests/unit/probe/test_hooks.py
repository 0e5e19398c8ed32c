"""The probe gets in when Lightning is imported, and its own errors stay its own."""

from __future__ import annotations

import ast
import json
import sys

import pytest
from repo_runner_probe import guard, import_hook, session

from tests.unit.probe.conftest import PROBE

SOURCES = sorted(PROBE.rglob("*.py"))
FAKE_TRAINER = """
class Trainer:
    def fit(self, model, ckpt_path=None): return model
    validate = test = predict = fit
"""


@pytest.fixture
def fake_lightning(tmp_path, monkeypatch):
    """A package with a Trainer where Lightning has it, under another name."""
    folder = tmp_path / "fake_lightning" / "trainer"
    folder.mkdir(parents=True)
    (tmp_path / "fake_lightning" / "__init__.py").touch()
    (folder / "__init__.py").touch()
    (folder / "trainer.py").write_text(FAKE_TRAINER)
    (tmp_path / "events").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    monkeypatch.setattr(import_hook, "TRAINER_MODULES", {"fake_lightning.trainer.trainer"})
    monkeypatch.setattr(session, "_current", None)
    monkeypatch.setattr("atexit.register", lambda function: None)
    monkeypatch.setattr("os.register_at_fork", lambda **functions: None)
    monkeypatch.setenv("REPO_RUNNER_PROBE_DIR", str(tmp_path / "events"))
    yield tmp_path
    for name in [n for n in sys.modules if n.startswith("fake_lightning")]:
        del sys.modules[name]


def events(folder):
    files = (folder / "events").iterdir()
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def test_the_trainer_is_observed_as_soon_as_it_is_imported(fake_lightning, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    import_hook.install()
    from fake_lightning.trainer import trainer

    assert trainer.Trainer.fit.__wrapped__
    assert str(PROBE) not in sys.path
    assert [(e["ev"], e["pkg"]) for e in events(fake_lightning)] == [("hello", "fake_lightning")]


def test_a_trainer_without_callbacks_still_works(fake_lightning, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    import_hook.install()
    from fake_lightning.trainer.trainer import Trainer

    assert Trainer().fit("model") == "model"
    assert "monitor_error" in [e["ev"] for e in events(fake_lightning)]


def test_an_error_is_reported_and_after_a_few_not_tried_again(fake_lightning):
    calls = []

    @guard.guarded
    def broken():
        calls.append(1)
        raise ValueError("mine")

    for _ in range(10):
        assert broken() is None
    assert len(calls) == guard.ERRORS_ALLOWED
    reported = [e for e in events(fake_lightning) if e["ev"] == "monitor_error"]
    assert [e["off"] for e in reported] == [False] * 4 + [True]
    assert reported[0]["error"] == "ValueError: mine"


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_what_ends_the_script_passes(error):
    @guard.guarded
    def interrupted():
        raise error

    with pytest.raises(error):
        interrupted()


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_every_file_is_python_3_8_and_needs_the_standard_library_only(source):
    tree = ast.parse(source.read_text(), feature_version=(3, 8))
    roots = {name.partition(".")[0] for node in ast.walk(tree) for name in _imported(node)}
    assert roots <= set(sys.stdlib_module_names) | {"repo_runner_probe"}


def _imported(node):
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []
