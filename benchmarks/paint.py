"""From the moment a script logs a value to the frame in which it is painted, leg by leg.

The script trains slowly and logs and prints four times a second; its page is open in a real Chromium. Every leg is seen
from outside, at what one process leaves for the next: the probe's file, the run's event stream, the store, the
browser's request, the frame of the page. The app is not told that it is being measured.

    .venv/bin/python benchmarks/paint.py [--seconds 40]
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import statistics
import sys
import tempfile
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.paint_stations import METRIC, Seen, Watch  # noqa: E402
from examples.app_process import AppProcess  # noqa: E402
from examples.git_server import GitServer  # noqa: E402
from repo_runner.client import Client  # noqa: E402
from repo_runner.models import Submission  # noqa: E402

FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
STEPS_PER_S = 4

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

#: Notes, frame by frame, when a later step of the curve was first on the screen, and what went over the wire when.
WATCH = """() => {
  window.painted = [];
  window.sent = [];
  const send = WebSocket.prototype.send;
  WebSocket.prototype.send = function (data) {
    sent.push(Date.now() / 1000);
    if (!this.watched) this.addEventListener("message", () => (window.received ??= []).push(Date.now() / 1000));
    this.watched = true;
    return send.call(this, data);
  };
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

LEGS = ("probe's file", "run's events", "store", "page asks", "painted")


def main() -> None:
    """Measure once and print the budget."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=40)
    seconds = parser.parse_args().seconds
    folder = Path(tempfile.mkdtemp(prefix="paint-"))
    try:
        with training(folder, folder / "home", seconds) as (app, begin), browser_page() as page:
            page.goto(app.link())
            figures = watched(page, open_ui(page), app, begin(), seconds)
    finally:
        shutil.rmtree(folder)
    print(json.dumps({"benchmark": "paint", "figures": figures}))


@contextmanager
def training(
    folder: Path, home: Path, seconds: float
) -> Iterator[tuple[AppProcess, Callable[[], str]]]:
    """A started app, and what begins a training in it that is longer than a look of so many seconds."""
    (folder / "repo").mkdir()
    (folder / "repo" / "train.py").write_text(SCRIPT)
    (folder / "repo" / "requirements.txt").write_text(REQUIREMENTS)
    with GitServer(folder / "git") as git:
        git.add("bench/slow", folder / "repo")
        env = {"REPO_RUNNER_ALLOWED_HOSTS": git.host, "GIT_SSL_CAINFO": str(git.ca_file)}
        with AppProcess(home, env=env) as app:
            count = str(int(seconds * STEPS_PER_S) + 80)
            link = Submission(link=git.url("bench/slow"), script_path="train.py", script_args=count)
            yield app, lambda: Client.from_settings(app.settings).submit(link).run_id


@contextmanager
def browser_page() -> Iterator[Page]:
    """A page of a real Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        yield browser.new_page(viewport={"width": 1280, "height": 800})
        browser.close()


def open_ui(page: Page) -> str:
    """Where the UI lives, once it is there."""
    page.frame_locator("iframe").get_by_role("heading", name="New run").wait_for(timeout=60_000)
    ui = re.match(r"http://[^/]+/", page.frames[1].url)
    assert ui
    return ui[0]


def watched(page: Page, ui: str, app: AppProcess, run_id: str, seconds: float) -> dict[str, float]:
    """Watch a training for a while: when its points are painted, and what comes over the wire."""
    client = Client.from_settings(app.settings)
    received: list[int] = []
    page.on("websocket", lambda ws: ws.on("framereceived", lambda data: received.append(len(data))))
    page.goto(f"{ui}run?run_id={run_id}")
    page.get_by_test_id("curve").first.wait_for(timeout=240_000)
    page.evaluate(WATCH)
    with Watch(app.settings.home, run_id) as watch:
        page.wait_for_timeout(5000)
        received.clear()
        page.wait_for_timeout(seconds * 1000)
        weight = sum(received) / seconds
        painted: Seen = [(at, step) for at, step in page.evaluate("painted")]
        asked: list[float] = page.evaluate("sent")
    (curve,) = client.metrics(run_id, [METRIC], max_points=10_000)
    client.stop(run_id)
    logged = {point.step: point.timestamp for point in curve.points}
    waits = walks(logged, [*watch.seen, painted], asked)
    print_budget(waits)
    totals = [sum(walk) for walk in waits]
    return {
        "paint_p95_s": round(p95(totals), 3),
        "paint_median_s": round(statistics.median(totals), 3),
        "live_update_bytes": round(weight),
    }


def walks(
    logged: Mapping[int, float], stations: Sequence[Seen], asked: Sequence[float]
) -> list[list[float]]:
    """Of every step that was watched all the way: the seconds of its legs."""
    *before, painted = stations
    first = max(station[0][1] for station in stations)
    last = min(station[-1][1] for station in stations)
    found = []
    for step, at in logged.items():
        if not first < step <= last:
            continue
        moments = [at, *(_when(station, step) for station in before)]
        seen = _when(painted, step)
        asks = asked[max(0, bisect_left(asked, seen) - 1)] if asked else seen
        moments += [max(moments[-1], asks), seen]
        found.append([max(0.0, b - a) for a, b in pairwise(moments)])
    return found


def _when(station: Seen, step: int) -> float:
    return station[bisect_left([seen for _, seen in station], step)][0]


def print_budget(waits: Sequence[Sequence[float]]) -> None:
    """One line a leg."""
    print(f"{'until':14}{'median s':>10}{'p95 s':>10}   of {len(waits)} values")
    for name, times in zip(LEGS, zip(*waits, strict=True), strict=True):
        print(f"{name:14}{statistics.median(times):10.3f}{p95(times):10.3f}")
    totals = [sum(walk) for walk in waits]
    print(f"{'in all':14}{statistics.median(totals):10.3f}{p95(totals):10.3f}")


def p95(values: Sequence[float]) -> float:
    """The 95th percentile."""
    return statistics.quantiles(values, n=20)[-1]


if __name__ == "__main__":
    main()
