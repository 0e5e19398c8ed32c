"""What fetching and building cost a run, cold and warm, beside the same by hand; one run measures all of it.

- cold fetch: our resolving and checking out of a repository with 10 000 files and a long history, from an empty
  data folder, in turn with `git clone --depth 1 --filter=blob:none`; the median of the pairs' ratios;
- known commit: all that a second run fetches and writes out of a commit that is in the mirror, resolved at submission;
- environments: ten processes ask at once for the same new environment; then nine more environments that share torch
  and lightning and differ by one small requirement; then the first one again, warm;
- preflight: in-process, each from an empty data folder, of a small repository and of the large one in turn.

    .venv/bin/python benchmarks/source_environment.py [--quick]
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from examples.git_server import GitServer  # noqa: E402  (the path is set just above)
from repo_runner.environment import EnvironmentRequest, Environments  # noqa: E402
from repo_runner.github_link import parse_link  # noqa: E402
from repo_runner.housekeeping import cache_bytes, tidy  # noqa: E402
from repo_runner.manager import Manager  # noqa: E402
from repo_runner.models import Submission  # noqa: E402
from repo_runner.paths import HomePaths  # noqa: E402
from repo_runner.settings import Settings  # noqa: E402
from repo_runner.source import Source  # noqa: E402

SMALL, LARGE = "examples/digits", "examples/large"
FILES, COMMITS = 10_000, 1_000
REQUIREMENTS = "lightning>=2.5,!=2.6.2,!=2.6.3\ntorch==2.13.0\n"
#: Small packages without dependencies, one for each environment after the first.
EXTRAS = "six toolz iniconfig zipp pyflakes tabulate docopt wheel threadpoolctl".split()


@dataclass
class Bench:
    """Where everything is, and what was measured."""

    folder: Path
    git: GitServer
    base: Settings
    repeats: int
    values: dict[str, list[float]] = field(default_factory=dict)

    def note(self, name: str, value: float) -> float:
        """Keep and show one value; its unit ends its name."""
        self.values.setdefault(name, []).append(value)
        print(f"  {name:28} {value:12.3f}", flush=True)
        return value

    def timed(self, name: str, work: Callable[[], object]) -> float:
        """Keep and show how many milliseconds something takes."""
        started = time.perf_counter()
        work()
        return self.note(name, (time.perf_counter() - started) * 1000)

    def fresh(self) -> Settings:
        """Settings of an empty data folder."""
        return replace(self.base, home=Path(tempfile.mkdtemp(dir=self.folder)))

    def median(self, name: str) -> float:
        """Of the values of one name."""
        return statistics.median(self.values[name])


def serve_large(git: GitServer) -> None:
    """10 000 files of about 1 kB in 100 folders, and 1 000 commits that each changed three of them."""
    git.commit(LARGE, {"train.py": "print('hello')\n", "requirements.txt": "six\n"})
    git.git(LARGE, "fast-import", "--quiet", stdin="".join(_history()).encode())


def _history() -> Iterator[str]:
    chance = random.Random(0)
    for number in range(COMMITS):
        yield "commit refs/heads/main\ncommitter E <e@localhost> 1700000000 +0000\ndata 1\nc\n"
        yield "" if number else "from refs/heads/main^0\n"
        for file in range(FILES) if number == 0 else chance.sample(range(FILES), 3):
            text = f"{chance.randbytes(500).hex()}\n"
            yield f"M 100644 inline src/{file % 100}/{file}.py\ndata {len(text)}\n{text}"


def fetching(bench: Bench) -> None:
    """Cold in turn with git by hand, then known commits."""
    for number in range(max(bench.repeats, 5)):
        turns = [lambda: clone_by_hand(bench), lambda: fetch_cold(bench)]
        for turn in turns if number % 2 else reversed(turns):
            turn()
    settings = bench.fresh()
    commit_sha = resolve(settings, bench.git.url(SMALL))
    for number in range(bench.repeats * 3):
        work = lambda n=number: check_out(  # noqa: E731  (timed as a whole)
            settings, bench.git.url(SMALL), commit_sha, bench.folder / f"known-{n}"
        )
        bench.timed("known_commit_ms" if number else "unknown_commit_ms", work)


def clone_by_hand(bench: Bench) -> None:
    destination = Path(tempfile.mkdtemp(dir=bench.folder))
    words = ["git", "clone", "--quiet", "--depth", "1", "--filter=blob:none", bench.git.url(LARGE)]
    run = lambda: subprocess.run([*words, str(destination)], env=bench.base.git_env, check=True)  # noqa: E731
    bench.timed("clone_by_hand_ms", run)
    shutil.rmtree(destination)


def fetch_cold(bench: Bench) -> None:
    settings, url = bench.fresh(), bench.git.url(LARGE)
    work = lambda: check_out(settings, url, resolve(settings, url), settings.home / "checkout")  # noqa: E731
    bench.timed("fetch_cold_ms", work)
    shutil.rmtree(settings.home)


def resolve(settings: Settings, url: str) -> str:
    """The commit of a link, as it is done at submission."""
    link = parse_link(url, allowed_hosts=settings.allowed_hosts)
    return Source(settings).resolve(link).commit_sha


def check_out(settings: Settings, url: str, commit_sha: str, destination: Path) -> None:
    """What a run does with the commit it was submitted with."""
    Source(settings).check_out(url, commit_sha, destination, on_progress=lambda *_: None)


def environments(bench: Bench) -> None:
    """One built by ten at once, nine that share with it, the first again."""
    settings = bench.fresh()
    checkout = bench.folder / "checkout"
    checkout.mkdir()
    (checkout / "requirements.txt").write_text(REQUIREMENTS)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(10, mp_context=context) as runs:
        asked = lambda: list(runs.map(prepare, [settings] * 10, [checkout] * 10))  # noqa: E731
        bench.timed("ten_at_once_ms", asked)
    bench.note("environments_built_for_10", len(builds(settings)))
    bench.note("disk_of_1_mb", cache_bytes(settings) / 1e6)
    for extra in EXTRAS:
        bench.timed("another_environment_ms", lambda e=extra: prepare(settings, checkout, e))
    assert len(builds(settings)) == 1 + len(EXTRAS)
    bench.note("disk_of_10_mb", cache_bytes(settings) / 1e6)
    bench.timed("tidy_ms", lambda: tidy(settings))
    for _ in range(bench.repeats * 3):
        bench.timed("warm_environment_ms", lambda: prepare(settings, checkout))


def prepare(settings: Settings, checkout: Path, *extra: str) -> None:
    """What a run does after its checkout."""
    request = EnvironmentRequest(checkout, "train.py", extra)
    Environments(settings).prepare(request, log=lambda _: None, on_progress=lambda *_: None)


def builds(settings: Settings) -> list[Path]:
    return [p for p in HomePaths(settings.home).environments.glob("*/*") if p.is_dir()]


def preflights(bench: Bench) -> None:
    """Each the first that its app has ever done."""
    for number in range(bench.repeats * 6):
        settings = bench.fresh()
        manager = Manager(settings)
        link = bench.git.url(LARGE if number % 2 else SMALL)
        submission = Submission(link=link, script_path="train.py")
        bench.timed("preflight_ms", lambda m=manager, s=submission: check(m, s))
        manager.close()
        shutil.rmtree(settings.home)


def check(manager: Manager, submission: Submission) -> None:
    found = manager.preflight(submission)
    assert found.ok, found


def report(bench: Bench) -> dict[str, float]:
    """A table for people; returns the figures."""
    print(f"\n{'':28} {'median':>12} {'min':>12} {'max':>12} {'n':>4}")
    for name, values in bench.values.items():
        print(
            f"{name:28} {bench.median(name):12.2f} {min(values):12.2f} {max(values):12.2f} {len(values):4}"
        )
    pairs = zip(bench.values["fetch_cold_ms"], bench.values["clone_by_hand_ms"], strict=True)
    return {
        "warm_environment_ms": round(bench.median("warm_environment_ms"), 2),
        "known_commit_fetch_ms": round(bench.median("known_commit_ms"), 1),
        "cold_fetch_ratio": round(statistics.median(ours / hand for ours, hand in pairs), 3),
        "environments_built_for_10": bench.values["environments_built_for_10"][0],
        "disk_ratio_10": round(bench.median("disk_of_10_mb") / bench.median("disk_of_1_mb"), 3),
        "preflight_p95_ms": round(percentile_95(bench.values["preflight_ms"]), 1),
    }


def percentile_95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20, method="inclusive")[18]


def main() -> None:
    """Measure, print the table, and as the last line the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="three repeats instead of nine")
    asked = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="source-environment-"))
    try:
        with GitServer(folder / "git") as git:
            git.add(SMALL, ROOT / "examples" / "digits")
            serve_large(git)
            own = Settings.from_env({**os.environ, "REPO_RUNNER_HOME": str(folder)})
            installer = {n: v for n, v in own.installer_env.items() if n != "UV_CACHE_DIR"}
            trusting = {**own.git_env, "GIT_SSL_CAINFO": str(git.ca_file)}
            base = replace(
                own, allowed_hosts=(git.host,), git_env=trusting, installer_env=installer
            )
            bench = Bench(folder, git, base, 3 if asked.quick else 9)
            for part in (fetching, preflights, environments):
                part(bench)
        figures = report(bench)
    finally:
        shutil.rmtree(folder)
    print(json.dumps({"benchmark": "source_environment", "figures": figures}))


if __name__ == "__main__":
    main()
