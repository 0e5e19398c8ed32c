"""Fixtures of the outer rings: runs followed by real followers, and the started app."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from examples.app_process import AppProcess
from examples.git_server import GitServer
from repo_runner.client import Client
from repo_runner.follower import Follower
from repo_runner.manager import Manager
from repo_runner.models import Run, Submission
from repo_runner.paths import HomePaths
from repo_runner.settings import Settings
from tests.waiting import wait_for

#: A repository whose environment is empty, so that a test of runs does not wait for an installer.
NOTHING_TO_INSTALL = {"requirements.txt": ""}

#: A Lightning script small enough to train in a few seconds, still a real one.
TINY_LIGHTNING = """
import argparse
import lightning as L
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from torch.utils.data import DataLoader, TensorDataset

class Line(L.LightningModule):
    def __init__(self, lr):
        super().__init__()
        self.save_hyperparameters()
        self.layer = torch.nn.Linear(1, 1)
    def training_step(self, batch, _):
        loss = torch.nn.functional.mse_loss(self.layer(batch[0]), batch[1])
        self.log("train_loss", loss, prog_bar=True)
        return loss
    def validation_step(self, batch, _):
        self.log("val_loss", torch.nn.functional.mse_loss(self.layer(batch[0]), batch[1]))
    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=self.hparams.lr)

parser = argparse.ArgumentParser()
parser.add_argument("--max_epochs", type=int, default=3)
parser.add_argument("--lr", type=float, default=0.05)
parser.add_argument("--rows", type=int, default=512)
options = parser.parse_args()
torch.manual_seed(0)
x = torch.rand(options.rows, 1)
data = DataLoader(TensorDataset(x, 3 * x + 1), batch_size=16)
best = ModelCheckpoint(monitor="val_loss", mode="min", save_last=True)
L.Trainer(
    max_epochs=options.max_epochs, callbacks=[best], logger=False, log_every_n_steps=5, accelerator="cpu",
    enable_model_summary=False,
).fit(Line(options.lr), data, data)
print("best", best.best_model_path)
"""
LIGHTNING_REQUIREMENTS = "lightning>=2.5,!=2.6.2,!=2.6.3\ntorch==2.13.0\n"
TINY_LIGHTNING_REPO = {"train.py": TINY_LIGHTNING, "requirements.txt": LIGHTNING_REQUIREMENTS}

RunToEnd = Callable[..., Run]


@pytest.fixture(scope="session")
def shared_caches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The installer's cache and the environments, shared: what is tested here is not how they are built."""
    folder = tmp_path_factory.mktemp("caches")
    yield folder
    if not os.environ.get("CI"):  # half a minute, for a machine that is thrown away
        shutil.rmtree(folder)


@pytest.fixture
def run_settings(git_server: GitServer, shared_caches: Path, tmp_path: Path) -> Settings:
    """A fresh data folder with shared caches that allows the test git server."""
    home = prepared(tmp_path / "home", shared_caches)
    return Settings.from_env(app_env(git_server, shared_caches) | {"REPO_RUNNER_HOME": str(home)})


def prepared(home: Path, shared_caches: Path) -> Path:
    """A fresh data folder with shared caches."""
    home.mkdir()
    (home / "cache").symlink_to(shared_caches)
    return home


def app_env(git_server: GitServer, shared_caches: Path) -> dict[str, str]:
    """The environment of an app, or a supervisor, that may fetch from the test git server."""
    return {
        **{n: v for n, v in os.environ.items() if n != "PYTEST_CURRENT_TEST"},
        "REPO_RUNNER_ALLOWED_HOSTS": git_server.host,
        "GIT_SSL_CAINFO": str(git_server.ca_file),
        "UV_CACHE_DIR": str(shared_caches / "uv"),
        "REPO_RUNNER_STOP_GRACE_S": "10",
        # What works without is what is tested; test_cgroup.py adds it.
        "REPO_RUNNER_CGROUP": "off",
    }


@pytest.fixture
def manager(run_settings: Settings) -> Iterator[Manager]:
    """A manager on an empty store."""
    manager = Manager(run_settings)
    manager.recover()
    yield manager
    manager.close()


@contextmanager
def following(
    manager: Manager, run_id: str, summaries: list[str] | None = None
) -> Iterator[threading.Event]:
    """Follow a run in a thread, as its work would; set the event to let go of it, as a killed work would."""
    closing = threading.Event()
    follower = Follower(
        manager.settings, run_id, (summaries if summaries is not None else []).append
    )
    thread = threading.Thread(target=follower.follow, args=(closing,), name=f"follow-{run_id}")
    thread.start()
    try:
        yield closing
    finally:
        closing.set()
        thread.join()


def wait_until_ended(manager: Manager, run_id: str, timeout_s: float = 180) -> Run:
    """The run once it has ended; a failure shows its log."""
    wait_for(
        lambda: manager.get(run_id).status.is_terminal,
        timeout_s=timeout_s,
        what=f"the end of run {run_id}",
        log=lambda: log_of(manager, run_id),
    )
    return manager.get(run_id)


def log_of(manager: Manager, run_id: str) -> str:
    """Everything that tells why a run is where it is."""
    paths = HomePaths(manager.settings.home).run(run_id)
    parts = [manager.get(run_id).model_dump_json(indent=1), manager.logs(run_id).text]
    parts.extend(p.read_text() for p in (paths.supervisor_log, paths.build_log) if p.exists())
    return "\n---\n".join(parts)


@pytest.fixture
def run_to_end(manager: Manager) -> RunToEnd:
    """`run_to_end(url, "train.py", args)`: submit, follow, and return the ended run."""

    def run(url: str, script: str = "train.py", args: str = "", **more: str) -> Run:
        submission = Submission(link=url, script_path=script, script_args=args, **more)
        run_id = manager.submit(submission).run_id
        with following(manager, run_id):
            return wait_until_ended(manager, run_id)

    return run


@pytest.fixture(scope="module")
def app(
    git_server: GitServer, shared_caches: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AppProcess]:
    """The started app, one for a whole module, on a data folder and a port of its own."""
    home = prepared(tmp_path_factory.mktemp("app") / "home", shared_caches)
    with AppProcess(home, env=app_env(git_server, shared_caches)) as process:
        yield process


@pytest.fixture
def client(app: AppProcess) -> Client:
    """A client of the started app."""
    return Client.from_settings(app.settings)
