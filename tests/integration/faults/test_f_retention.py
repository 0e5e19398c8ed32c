"""F4: clearing away never takes what is in use, and what is reported is what `du` says."""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest

from repo_runner.caches import measure
from repo_runner.disk import disk_bytes
from repo_runner.manager import Manager
from repo_runner.retention import sweep, sweep_mirrors
from repo_runner.source.mirror_cache import MirrorCache
from tests.app_fixtures import NOTHING_TO_INSTALL, RunToEnd
from tests.git_fixtures import MakeRepo
from tests.integration.faults.stores import SPEC, EndedRun


def du(path: Path) -> int:
    done = subprocess.run(
        ["du", "--summarize", "--block-size=1", str(path)],
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout.split()[0])


def runs(manager: Manager) -> set[str]:
    return {run.run_id for run in manager.list().runs}


def cleared(manager: Manager, **limits: float) -> tuple[str, ...]:
    return sweep(manager.store, manager.paths, replace(manager.settings, **limits)).removed


@pytest.fixture
def three(kept: Manager, ended_run: EndedRun) -> list[str]:
    """Three runs, the oldest first, of a day ago, an hour ago and now."""
    now = time.time()
    made = [ended_run(ended_at=now - age, size_bytes=200_000) for age in (86_400, 3600, 0)]
    kept.recover()
    return made


def test_F4_without_limits_every_run_is_kept(kept: Manager, three: list[str]) -> None:
    assert cleared(kept) == ()
    assert runs(kept) == set(three)


@pytest.mark.parametrize(
    ("limits", "gone"),
    [
        ({"max_run_age_s": 7200.0}, 1),
        ({"max_runs": 1}, 2),
        ({"max_runs_bytes": 500_000}, 1),
        ({"max_runs_bytes": 1}, 3),
    ],
)
def test_F4_the_oldest_go_by_age_number_and_size(
    kept: Manager, three: list[str], limits: dict, gone: int
) -> None:
    before = du(kept.paths.runs)
    swept = sweep(kept.store, kept.paths, replace(kept.settings, **limits))
    assert swept.removed == tuple(three[:gone])
    assert runs(kept) == set(three[gone:])
    assert {p.name for p in kept.paths.runs.iterdir()} == set(three[gone:])
    assert swept.bytes_freed == before - du(kept.paths.runs)


def test_F4_a_run_that_is_downloaded_or_lives_stays(kept: Manager, three: list[str]) -> None:
    kept.store.add("living", SPEC, None)
    downloaded = kept.artifact(three[0], "best").file  # as a download begins
    assert cleared(kept, max_runs_bytes=1) == tuple(three[1:])
    assert runs(kept) == {three[0], "living"}
    downloaded.close()
    assert cleared(kept, max_runs_bytes=1) == (three[0],)
    assert runs(kept) == {"living"}


def test_F4_a_run_that_was_resumed_a_moment_ago_stays(kept: Manager, three: list[str]) -> None:
    with kept.store.engine.execution_options(writes=True).begin() as connection:
        connection.exec_driver_sql(
            f"UPDATE runs SET status = 'pending' WHERE run_id = '{three[0]}'"
        )
    assert cleared(kept, max_runs=0, max_runs_bytes=1) == tuple(three[1:])


def test_F4_what_is_reported_is_what_du_says(tmp_path: Path) -> None:
    folder = tmp_path / "home"
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "a" / "large").write_bytes(os.urandom(3_000_000))
    os.link(folder / "a" / "large", folder / "a" / "b" / "the same")
    (folder / "a" / "link").symlink_to("large")
    with (folder / "a" / "sparse").open("wb") as file:
        file.truncate(1 << 30)
    assert disk_bytes(folder) == du(folder)


def test_F4_mirrors_and_lfs_objects_go_when_unused_but_not_what_a_run_borrows_from(
    make_repo: MakeRepo, run_to_end: RunToEnd, manager: Manager
) -> None:
    failing = {"train.py": "raise SystemExit(1)\n", **NOTHING_TO_INSTALL}
    working = {"train.py": "print('done')\n", **NOTHING_TO_INSTALL}
    needed, unneeded = (run_to_end(make_repo(files)[0]) for files in (failing, working))
    root = manager.paths.mirrors
    lfs = root / "lfs" / "ab" / ("ab" * 32)
    lfs.parent.mkdir(parents=True)
    lfs.write_bytes(b"x" * 100_000)
    settings = replace(manager.settings, max_mirror_bytes=0, max_cache_age_s=1e9)
    before = {kept.path for kept in MirrorCache(root).kept()}
    assert sweep_mirrors(manager.store, manager.paths, settings) == 0  # used a moment ago
    for path in before:
        os.utime(path, (1, 1))
    size_before = du(root)
    freed = sweep_mirrors(manager.store, manager.paths, settings)
    assert not lfs.exists()
    names = {kept.path.name.removesuffix(".git") for kept in MirrorCache(root).kept()}
    assert needed.spec.repo_url.rpartition("/")[2] in names
    assert unneeded.spec.repo_url.rpartition("/")[2] not in names
    assert 0 < freed <= size_before - du(root)
    sizes = {cache.name: cache.size_bytes for cache in measure(settings).caches}
    assert sizes["repositories"] == du(root)
    checkout = manager.paths.run(needed.run_id).checkout
    subprocess.run(
        ["git", "-C", str(checkout), "cat-file", "-p", "HEAD"], check=True, capture_output=True
    )
