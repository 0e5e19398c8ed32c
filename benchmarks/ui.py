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
import re
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Locator, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from examples.app_process import AppProcess  # noqa: E402
from examples.git_server import GitServer  # noqa: E402
from examples.large_history import LONG_RUN, Sizes, write_history  # noqa: E402
from repo_runner.client import Client  # noqa: E402
from repo_runner.models import Submission  # noqa: E402

FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
GOALS = {"paint_p95_s": 1.2, "runs_page_ms": 300, "run_page_ms": 500}

#: Trains slowly on purpose: it logs and prints four times a second.
SCRIPT = """
import sys, time
import lightning as L, torch
from torch.utils.data import DataLoader, TensorDataset

class Slow(L.LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)
    def training_step(self, batch, index):
        time.sleep(0.25)
        loss = self.layer(batch[0]).square().mean()
        self.log("train_loss", loss)
        print("step", index, float(loss), flush=True)
        return loss
    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.01)

rows = DataLoader(TensorDataset(torch.rand(int(sys.argv[1]), 1)), batch_size=1)
options = dict(max_epochs=1, log_every_n_steps=1, accelerator="cpu", enable_progress_bar=False)
L.Trainer(**options, logger=False).fit(Slow(), rows)
"""
REQUIREMENTS = "lightning==2.6.6\ntorch==2.13.0\n"

#: Notes, frame by frame, when a later step of the curve was first on the screen.
WATCH = """() => {
  window.painted = [];
  const curve = () => {
    for (const host of document.querySelectorAll("rr-curves")) {
      const found = host.shadowRoot?.querySelector('[data-name="train_loss"]');
      if (found) return found;
    }
  };
  let last = -1;
  const look = () => {
    const step = +(curve()?.dataset.step ?? -1);
    if (step > last) painted.push([Date.now() / 1000, (last = step)]);
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}"""


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
    (folder / "repo").mkdir()
    (folder / "repo" / "train.py").write_text(SCRIPT)
    (folder / "repo" / "requirements.txt").write_text(REQUIREMENTS)
    with GitServer(folder / "git") as git:
        git.add("bench/slow", folder / "repo")
        env = {"REPO_RUNNER_ALLOWED_HOSTS": git.host, "GIT_SSL_CAINFO": str(git.ca_file)}
        with AppProcess(home, env=env) as app:
            client = Client.from_settings(app.settings)
            figures = answers(client, repeats=10 if quick else 40)
            seconds = 15 if quick else 60
            link = Submission(
                link=git.url("bench/slow"),
                script_path="train.py",
                script_args=str(seconds * 4 + 80),
            )
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(
                    executable_path=shutil.which("chromium"), args=FLAGS
                )
                page = browser.new_page(viewport={"width": 1280, "height": 800})
                page.goto(app.link())
                ui = open_ui(page)
                figures |= clicks(page, ui)
                figures |= live(page, ui, client, client.submit(link).run_id, seconds)
                browser.close()
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


def open_ui(page: Page) -> str:
    """Where the UI lives, once it is there."""
    page.frame_locator("iframe").get_by_role("heading", name="New run").wait_for(timeout=60_000)
    ui = re.match(r"http://[^/]+/", page.frames[1].url)
    assert ui
    return ui[0]


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


def live(page: Page, ui: str, client: Client, run_id: str, seconds: float) -> dict[str, float]:
    """Watch a training for a while: when its points are painted, and what comes over the wire."""
    received: list[int] = []
    page.on("websocket", lambda ws: ws.on("framereceived", lambda data: received.append(len(data))))
    page.goto(f"{ui}run?run_id={run_id}")
    page.get_by_test_id("curve").first.wait_for(timeout=240_000)
    page.evaluate(WATCH)
    page.wait_for_timeout(5000)
    received.clear()
    page.wait_for_timeout(seconds * 1000)
    weight = sum(received) / seconds
    painted: list[tuple[float, int]] = page.evaluate("painted")
    (curve,) = client.metrics(run_id, ["train_loss"], max_points=10_000)
    client.stop(run_id)
    first = painted[0][1]
    waits = [
        min(at for at, step in painted if step >= point.step) - point.timestamp
        for point in curve.points
        if first < point.step <= painted[-1][1]
    ]
    return {
        "paint_p95_s": round(statistics.quantiles(waits, n=20)[-1], 3),
        "paint_median_s": round(statistics.median(waits), 3),
        "live_update_bytes": round(weight),
    }


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
