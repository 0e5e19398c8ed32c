"""`make screenshots`: renew the README's pictures from the started app, with real runs in a real browser."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import FrameLocator, Page, sync_playwright

from examples.app_process import ROOT, AppProcess
from examples.git_server import GitServer
from examples.recording import record
from repo_runner.client import Client
from repo_runner.models import Run, Submission

IMAGES = ROOT / "docs" / "images"
SIZE = {"width": 1280, "height": 860}
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
#: Runs beside the one that is shown: one fails.
OTHERS = (
    ("narrow network", "--max_epochs 4 --hidden 16"),
    ("wrong argument", "--epochs 3"),
    ("higher rate", "--max_epochs 4 --hidden 32 --lr 0.01"),
)
#: How far the training is when its picture is taken.
SHOWN_FRACTION = 0.6


def main() -> int:
    """Train the example a few times, once failing; record one run and take a picture of every view."""
    folder = Path(tempfile.mkdtemp(prefix="screenshots-"))
    try:
        with GitServer(folder / "git") as git:
            git.add("examples/digits", ROOT / "examples" / "digits")
            settings = {"REPO_RUNNER_ALLOWED_HOSTS": git.host, "GIT_SSL_CAINFO": str(git.ca_file)}
            cache = {name: os.environ[name] for name in ("UV_CACHE_DIR",) if name in os.environ}
            with AppProcess(folder / "home", env={**settings, **cache}) as app:
                take_all(app, git.url("examples/digits"))
    finally:
        shutil.rmtree(folder)
    return 0


def take_all(app: AppProcess, url: str) -> None:
    """Short runs for the tables first, which also build the environment; then the recording and the pictures."""
    client = Client.from_settings(app.settings)
    IMAGES.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page(viewport=SIZE)
        for name, arguments in OTHERS:
            ended(client, client.submit(submission(url, name, arguments)))
        page.goto(app.link())
        record(page, url, IMAGES / "run.webp")
        page.set_viewport_size(SIZE)
        pictures(page, client, url)
        browser.close()


def pictures(page: Page, client: Client, url: str) -> None:
    """One of every view: of a run while it trains, and of one that has failed."""
    run = client.submit(submission(url, "digits, 160 channels", "--max_epochs 10"))
    open_run(page, run.name)
    wait_until_shown(client, run)
    snap(page, "run")
    for view in ("Runs", "System"):
        visit(page, view)
        snap(page, view.lower())
    open_run(page, "wrong argument")
    snap(page, "failure")
    fill_form(page, url)
    snap(page, "new-run")
    ended(client, run)
    visit(page, "Runs")
    for name in ("narrow network", "higher rate", run.name):
        row = frame(page).get_by_test_id("run-row").filter(has_text=name)
        row.get_by_role("checkbox").check()
    frame(page).get_by_role("button", name="Compare", exact=True).click()
    snap(page, "compare")


def fill_form(page: Page, url: str) -> None:
    """The form with what a person would write, down to a secret."""
    visit(page, "New run")
    for label, text in (("GitHub link", url), ("Script", "train.py")):
        box = frame(page).get_by_role("textbox", name=label, exact=True)
        box.fill(text)
        box.press("Tab")
    frame(page).get_by_test_id("fact-Command").wait_for(timeout=60_000)
    frame(page).locator("rr-arguments").get_by_role("textbox", name="max_epochs").fill("30")
    frame(page).get_by_role("button", name="Add a secret").click()
    frame(page).get_by_label("Name of a variable").fill("WANDB_API_KEY")
    frame(page).get_by_label("Value of WANDB_API_KEY").fill("of-nobody-at-all")
    page.keyboard.press("Tab")
    page.set_viewport_size({**SIZE, "height": 1180})


def submission(url: str, name: str, arguments: str) -> Submission:
    """A run of the example."""
    return Submission(link=url, script_path="train.py", script_args=arguments, name=name)


def ended(client: Client, run: Run) -> None:
    """Wait for a run's end."""
    while not client.get(run.run_id).status.is_terminal:
        time.sleep(0.3)


def wait_until_shown(client: Client, run: Run) -> None:
    """Wait until the training is as far as it is to be shown."""
    while not (now := client.get(run.run_id)).status.is_terminal:
        if now.best_model_score and now.progress and (now.progress.fraction or 0) >= SHOWN_FRACTION:
            return
        time.sleep(0.3)


def frame(page: Page) -> FrameLocator:
    """Where the pages are."""
    return page.frame_locator("iframe")


def open_run(page: Page, name: str) -> None:
    """Follow a run's link in the table."""
    visit(page, "Runs")
    row = frame(page).get_by_test_id("run-row").filter(has_text=name).first
    row.get_by_role("link").first.click()


def visit(page: Page, view: str) -> None:
    """Follow the navigation."""
    page.set_viewport_size(SIZE)
    frame(page).get_by_test_id("stTopNavLink").filter(has_text=view).first.click()


def snap(page: Page, name: str) -> None:
    """A picture once the view has settled."""
    page.wait_for_timeout(2500)
    page.screenshot(path=IMAGES / f"{name}.png")


if __name__ == "__main__":
    sys.exit(main())
