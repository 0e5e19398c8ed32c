"""Repo Runner as a Lightning App: `lightning run app app.py`. Wiring only."""

from __future__ import annotations

import logging
import secrets
import sys
from collections.abc import Callable

from components import app_log, cloud, exposure, framework, terminal
from components.frontend import StreamlitUI
from components.lightning_app import RepoRunnerApp
from components.port import local_host, require_free
from components.repo_runner import PyTorchLightningGithubRepoRunner
from components.root_flow import Decides, MakeWork, RootFlow
from repo_runner import health
from repo_runner.app_file import AppFile
from repo_runner.errors import RunnerError, StoreDamaged, StoreUnavailable
from repo_runner.manager import Manager
from repo_runner.paths import HomePaths
from repo_runner.settings import Settings


def open_manager(settings: Settings) -> Manager:
    """The manager on a store that is up to date, or will be once it can be used: the app says so and stays up."""
    manager = Manager(settings)
    try:
        manager.recover()
    except (StoreDamaged, StoreUnavailable) as error:
        terminal.complain(f"{error.message} {error.hint_text}")
    return manager


def build(
    make_manager: Callable[[Settings], Decides] = open_manager,
    make_work: MakeWork = PyTorchLightningGithubRepoRunner,
) -> RepoRunnerApp:
    """The app on this environment's settings, or an exit with one sentence when it cannot start here."""
    cloud.refuse()
    try:
        settings = Settings.from_env()
        claim = AppFile.claim(settings)
        for port in filter(None, (settings.port, settings.ui_port)):
            require_free(settings.bind, port)
        settings = settings.publish(
            address=f"http://{local_host(settings.bind)}:{settings.port}",
            token=secrets.token_urlsafe(32),
        )
        exposure.require_safe(settings)
        app_log.take_logging(HomePaths(settings.home).app_log)
        if health.is_root():
            logging.getLogger(__name__).warning(health.ROOT_WARNING)
        framework.mend(settings)
        root = RootFlow(settings, make_manager(settings), StreamlitUI(settings), make_work)
    except RunnerError as error:
        terminal.complain(f"Repo Runner cannot start: {error.message} {error.hint_text}".rstrip())
        sys.exit(error.exit_code)
    except OSError as error:
        terminal.complain(f"Repo Runner cannot start: {error}.")
        sys.exit(1)
    return RepoRunnerApp(root, settings, claim)


# True under `lightning run app`, false in a process that multiprocessing spawns.
if __name__ == "__main__":
    app = build()
