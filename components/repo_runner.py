"""The works: one per attempt at a run, following its supervisor and showing a summary in the app's shared state."""

from __future__ import annotations

import json
import multiprocessing
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from lightning.app import LightningWork
from lightning.app.utilities.proxies import WorkRunExecutor

from components import app_log, cloud
from repo_runner import process
from repo_runner.follower import Follower
from repo_runner.paths import HomePaths
from repo_runner.settings import Settings

_CLOSE_TIMEOUT_S = 2.0


class Follows(Protocol):
    """What a work needs: follow a run until it has ended or `closing` is set."""

    def follow(self, closing: threading.Event) -> None:
        """Block until then."""


MakeFollower = Callable[[Settings, str, Callable[[str], None]], Follows]


@dataclass
class _Unobserved(WorkRunExecutor):
    """Without the thread that compares the whole state every second: we only ever assign whole values."""

    enable_start_observer: bool = False


def follow_any_script(
    settings: Settings, run_id: str, on_summary: Callable[[str], None]
) -> Follows:
    """A follower whose script runs without the probe."""
    return Follower(settings, run_id, on_summary, with_probe=False)


class GithubRepoRunner(LightningWork):
    """Runs any Python script of a repository. One work follows one attempt at one run; `run()` is called once.

    The run belongs to its detached supervisor: this process may die at any moment and another one re-attaches.
    """

    _run_executor_cls = _Unobserved

    def __init__(
        self, settings: Settings, run_id: str, make_follower: MakeFollower = follow_any_script
    ) -> None:
        super().__init__(parallel=True, raise_exception=False, **cloud.placement())
        self.run_id = run_id
        #: The run's live view as one JSON object of fixed keys. A string, because the framework's cost is per node.
        self.summary = "{}"
        self._settings = settings
        self._make_follower = make_follower

    @property
    def view(self) -> dict[str, Any]:
        """The summary, parsed."""
        parsed: dict[str, Any] = json.loads(self.summary)
        return parsed

    def on_start(self) -> None:
        """End with the main process; leave the terminal, and the signals it sends to everyone, to that one."""
        parent = multiprocessing.parent_process()
        if parent is not None and parent.pid is not None:
            process.die_with_parent(parent.pid)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        log = HomePaths(self._settings.home).app_log
        app_log.take_logging(log)
        app_log.take_output(log)

    def run(self) -> None:
        """Wait while a helper thread follows the run.

        The main thread sets no attribute: the framework's stop signal lands in it, takes the lock that every assignment
        holds, and would wait for itself.
        """
        closing, done = threading.Event(), threading.Event()
        failures: list[Exception] = []
        helper = threading.Thread(
            target=self._follow, args=(closing, done, failures), name="follower", daemon=True
        )
        helper.start()
        try:
            done.wait()
        finally:
            closing.set()
            helper.join(_CLOSE_TIMEOUT_S)
        if failures:
            raise failures[0]

    def _follow(
        self, closing: threading.Event, done: threading.Event, failures: list[Exception]
    ) -> None:
        try:
            self._make_follower(self._settings, self.run_id, self._publish).follow(closing)
        except Exception as error:  # noqa: BLE001  # raised again by the main thread; the flow starts another work
            failures.append(error)
        finally:
            done.set()

    def _publish(self, summary: str) -> None:
        self.summary = summary


class PyTorchLightningGithubRepoRunner(GithubRepoRunner):
    """Adds the probe and its view: what is seen of a PyTorch Lightning script from inside its process."""

    def __init__(
        self, settings: Settings, run_id: str, make_follower: MakeFollower = Follower
    ) -> None:
        super().__init__(settings, run_id, make_follower)

    @property
    def best_model_score(self) -> float | None:
        """The monitored metric of the best checkpoint so far."""
        return self.view.get("best_model_score")

    @property
    def best_model_path(self) -> str | None:
        """The best checkpoint so far, in the run's folder."""
        return self.view.get("best_model_path")

    @property
    def metrics(self) -> dict[str, float | None]:
        """The newest value of every metric."""
        return dict(self.view.get("metrics") or ())

    @property
    def progress(self) -> float | None:
        """How much of the current phase is done, 0 to 1; None when it is unknown."""
        return self.view.get("progress")
