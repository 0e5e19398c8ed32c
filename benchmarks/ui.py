"""The pages with much in them: how long their answers take, how soon a logged metric is painted, what an update weighs.

One run of the started app, on a data folder written by `examples/large_history.py` (10 000 runs, a curve of a million
values, a log of 200 MB), with a real training and a real Chromium:

- `runs_page_ms`: everything the Runs page asks the app for, through guard, HTTP and validation at both ends (p95);
- `run_page_ms`: the same for the first look at the run with the million values and the long log (p95);
- `paint_p95_s`: from the moment the script's `self.log` call was seen to the frame in which its point is on the screen;
- `live_update_bytes`: what the browser receives a second on the page of a run that trains and prints (mean);
- beside them, from a click to what one has come for, in the browser, median of five: `runs_seen_ms` (the table) and
  `run_seen_ms` (the curve of a million values).

    .venv/bin/python benchmarks/ui.py [--quick]
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Locator, Page

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.paint import browser_page, open_ui, training, watched  # noqa: E402
from examples.large_history import LONG_RUN, Sizes, write_history  # noqa: E402
from repo_runner.client import Client  # noqa: E402

GOALS = {"paint_p95_s": 1.2, "runs_page_ms": 300, "run_page_ms": 500}


def main() -> None:
    """Measure, print the table, and as the last line the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the history")
    quick = parser.parse_args().quick
    folder = Path(tempfile.mkdtemp(prefix="ui-"))
    try:
        figures = measure(folder, quick=quick)
    finally:
        shutil.rmtree(folder)
    for name, value in figures.items():
        goal = f"   goal: at most {GOALS[name]}" if name in GOALS else ""
        print(f"{name:20} {value:10}{goal}")
    print(json.dumps({"benchmark": "ui", "figures": figures}))


def measure(folder: Path, *, quick: bool) -> dict[str, float]:
    """All figures, from one started app."""
    sizes = Sizes(1000, 100_000, 20_000_000) if quick else Sizes()
    print(f"Writing {sizes.runs:,} runs, {sizes.points:,} values, {sizes.log_bytes:,} bytes of log")
    home = folder / "home"
    home.mkdir()
    wrote = write_history(home, sizes)
    seconds = 15 if quick else 60
    with training(folder, home, seconds) as (app, begin):
        client = Client.from_settings(app.settings)
        figures = answers(client, repeats=10 if quick else 40)
        with browser_page() as page:
            page.goto(app.link())
            ui = open_ui(page)
            figures |= clicks(page, ui)
            figures |= watched(page, ui, app, begin(), seconds)
    return figures | {"ingest_values_per_s": round(sizes.points / wrote["ingest_s"])}


def answers(client: Client, repeats: int) -> dict[str, float]:
    """What the two pages wait for, as they ask for it."""

    def runs_page() -> None:
        client.list(limit=25, sort="-submitted")
        client.list(status="running,pending", sort="submitted", limit=60)

    def run_page() -> None:
        client.get(LONG_RUN)
        client.metrics(LONG_RUN, max_points=400)
        client.checkpoints(LONG_RUN)
        client.resources(LONG_RUN, max_points=200)
        client.logs(LONG_RUN, tail=1 << 20)

    return {
        "runs_page_ms": p95_ms(runs_page, repeats),
        "run_page_ms": p95_ms(run_page, repeats),
        "sorted_page_ms": p95_ms(lambda: client.list(limit=25, sort="-score"), repeats),
        "search_page_ms": p95_ms(lambda: client.list(limit=25, q="unet 77"), repeats),
        "zoom_ms": p95_ms(
            lambda: client.metrics(LONG_RUN, max_points=800, after=40_000, upto=60_000), repeats
        ),
    }


def clicks(page: Page, ui: str) -> dict[str, float]:
    """How long one waits after a click; the page itself is there."""
    runs, run = [], []
    page.goto(f"{ui}system")
    for _ in range(5):
        page.get_by_role("heading", name="System").wait_for()
        row = page.locator(f'[data-run-id="{LONG_RUN}"] a')
        runs.append(seconds_to(page.get_by_role("link", name="Runs").click, row))
        run.append(seconds_to(row.click, page.get_by_test_id("curve").first))
        page.get_by_role("link", name="System").click()
    return {
        "runs_seen_ms": round(statistics.median(runs) * 1000),
        "run_seen_ms": round(statistics.median(run) * 1000),
    }


def seconds_to(act: Callable[[], None], there: Locator) -> float:
    """From an act to what it leads to."""
    started = time.perf_counter()
    act()
    there.wait_for()
    return time.perf_counter() - started


def p95_ms(look: Callable[[], object], repeats: int) -> float:
    """The 95th percentile of so many looks, after one that does not count."""
    look()
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        look()
        times.append((time.perf_counter() - started) * 1000)
    return round(statistics.quantiles(times, n=20)[-1], 1)


if __name__ == "__main__":
    main()
