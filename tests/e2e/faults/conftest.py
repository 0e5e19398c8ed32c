"""One started app for all of these tests: the real guard, API and pages; runs are stored and never started."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from repo_runner.client import Client
from repo_runner.store import Store
from tests.git_fixtures import GitServer
from tests.integration.rim_process import RimProcess, running


@pytest.fixture(scope="package")
def app(git_server: GitServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RimProcess]:
    """Takes the place of the tests' own app, so that the browser's fixtures open this one."""
    settings = {
        "REPO_RUNNER_ALLOWED_HOSTS": git_server.host,
        "GIT_SSL_CAINFO": str(git_server.ca_file),
        "REPO_RUNNER_MAX_WAITING": "5000",
    }
    with running(tmp_path_factory.mktemp("guarded") / "home", **settings) as process:
        yield process


@pytest.fixture
def client(app: RimProcess) -> Client:
    return Client.from_settings(app.settings)


@pytest.fixture
def store(app: RimProcess) -> Iterator[Store]:
    """The app's own database, for runs as no submission could make them."""
    store = Store(app.settings.store_url)
    yield store
    store.close()
