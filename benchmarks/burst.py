"""A burst of submissions into the started app: accepted in what time, run in what order, at what cost.

Each run is a script of one line, without torch; all around it is real: git, an environment, a work, a supervisor.

    .venv/bin/python benchmarks/burst.py [--quick]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count, pairwise
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from examples.app_process import AppProcess  # noqa: E402
from examples.git_server import GitServer  # noqa: E402
from repo_runner.client import ApiError, Client  # noqa: E402
from repo_runner.migrations import migrate  # noqa: E402
from repo_runner.models import RunSpec, Submission  # noqa: E402
from repo_runner.scheduler import Scheduler  # noqa: E402
from repo_runner.settings import Settings  # noqa: E402
from repo_runner.store import Store  # noqa: E402

SENDERS = 8


def submit(client: Client, link: str, number: int) -> tuple[str, int]:
    """One submission, repeated while it is turned away: the run, and how often that was (see docs/queue.md)."""
    submission = Submission(link=link, script_path="train.py", name=f"burst {number}")
    for turned_away in count():
        try:
            return client.submit(submission, f"burst-{number}").run_id, turned_away
        except ApiError as error:
            if error.http_status != 429:
                raise
            time.sleep(1)
    raise AssertionError


def burst(runs: int, running: int) -> dict[str, float]:
    """Submit so many runs at once and wait for the end of all."""
    with tempfile.TemporaryDirectory() as folder, GitServer(Path(folder) / "git") as git:
        source = Path(folder) / "source"
        source.mkdir()
        (source / "train.py").write_text("print('done')\n")
        (source / "requirements.txt").write_text("")
        git.add("examples/burst", source)
        env = {
            **{n: v for n, v in os.environ.items() if not n.startswith("REPO_RUNNER_")},
            "REPO_RUNNER_ALLOWED_HOSTS": git.host,
            "GIT_SSL_CAINFO": str(git.ca_file),
            "REPO_RUNNER_MAX_RUNNING": str(running),
        }
        with AppProcess(Path(folder) / "home", env=env) as app:
            return _measure(app, git.url("examples/burst"), runs)


def _measure(app: AppProcess, link: str, runs: int) -> dict[str, float]:
    client = Client.from_settings(app.settings)
    began = time.monotonic()
    with ThreadPoolExecutor(SENDERS) as threads:
        accepted = list(threads.map(lambda n: submit(client, link, n), range(runs)))
    accepted_s = time.monotonic() - began
    states: list[int] = []
    while (left := runs - sum(_ended(client).values())) > 0:
        states.append(len(json.dumps(client.state())))
        print(f"  {left:4} left, shared state {states[-1]} bytes", flush=True)
        time.sleep(2)
    took_s = time.monotonic() - began
    store = Store(app.settings.store_url)
    rows = sorted((store.get(run_id) for run_id, _ in accepted), key=lambda row: row.number)
    store.close()
    starts = [row.started_at or 0.0 for row in rows]  # when the queue let them in
    return {
        "burst_accepted_s": accepted_s,
        "burst_turned_away": sum(turned_away for _, turned_away in accepted),
        "burst_all_ended_s": took_s,
        "burst_succeeded": sum(row.status == "succeeded" for row in rows),
        "burst_out_of_order": sum(late <= early for early, late in pairwise(starts)),
        "state_bytes_max": max(states, default=0),
        "state_bytes_last": states[-1] if states else 0,
    }


def _ended(client: Client) -> dict[str, int]:
    counts = client.health().runs_by_status
    return {name: counts.get(name, 0) for name in ("succeeded", "failed", "stopped")}


def tick_ms(waiting: int) -> float:
    """How long the decision who is next takes with so many runs that wait, none of which has room."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(Path(folder), max_running=1)
        store = Store(settings.store_url)
        migrate(store.engine, Path(folder) / "backups")
        spec = RunSpec(repo_url="https://github.com/a/b", commit_sha="0" * 40, script_path="t.py")
        for number in range(waiting + 1):
            store.add(f"run-{number}", spec, None)
        scheduler = Scheduler(store, settings)
        store.begin(scheduler.due([])[0])
        took = [_timed(lambda: scheduler.due(["run-0"])) for _ in range(50)]
        store.close()
        return statistics.median(took) * 1000


def _timed(call: object) -> float:
    began = time.perf_counter()
    assert callable(call)
    call()
    return time.perf_counter() - began


def main() -> None:
    """Print a table for people and one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="20 runs instead of 500")
    quick = parser.parse_args().quick
    figures = burst(20 if quick else 500, running=2 if quick else 4)
    figures |= {f"due_ms_{n}": tick_ms(n) for n in (1, 100, *(() if quick else (1000,)))}
    for name, value in figures.items():
        print(f"{name:24} {value:10.2f}")
    print(
        json.dumps({"benchmark": "burst", "figures": {n: round(v, 3) for n, v in figures.items()}})
    )


if __name__ == "__main__":
    main()
