"""I2 in small; `make soak` is the whole of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from examples.git_server import GitServer
from tests.app_fixtures import app_env
from tests.soak.soak import Soak


@pytest.mark.timeout(600)
def test_I2_short_runs_under_random_kills_are_all_accounted_for(
    git_server: GitServer, shared_caches: Path, tmp_path: Path
) -> None:
    said: list[str] = []
    soak = Soak(
        tmp_path,
        runs=6,
        seed=5,
        env=app_env(git_server, shared_caches),
        say=said.append,
        pause_s=1.5,
    )
    account = soak.run()
    assert account.is_clean, f"{account}\n{said}"
    assert soak.kills.total() > 0
