"""`make screenshots`: renew the README's pictures from the started app, with real runs in a real browser."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from examples.app_process import ROOT, AppProcess
from examples.git_server import GitServer
from examples.recording import record
from repo_runner.client import Client
from repo_runner.models import Run, Submission

IMAGES = ROOT / "docs" / "images"
SIZE = {"width": 1280, "height": 860}
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
#: How far the training is when its picture is taken.
SHOWN_FRACTION = 0.6


def main() -> int:
    """Train the example twice, once failing, and take a picture of every view."""
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
    """Short runs for the table first, then the one that is shown while it trains."""
    client = Client.from_settings(app.settings)
    for name, arguments in (
        ("narrow network", "--max_epochs 3 --hidden 16"),
        ("wrong argument", "--epochs 3"),
        ("higher rate", "--max_epochs 3 --hidden 32 --lr 0.01"),
    ):
        ended(client, client.submit(submission(url, name, arguments)))
    run = client.submit(submission(url, "digits, 160 channels", "--max_epochs 15"))
    IMAGES.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page(viewport=SIZE)
        page.goto(app.link())
        visit(page, "Runs")
        page.frame_locator("iframe").get_by_text("digits, 160 channels").first.click()
        wait_until_shown(client, run)
        snap(page, "run")
        for view in ("Runs", "New run", "System"):
            visit(page, view)
            snap(page, view.lower().replace(" ", "-"))
        ended(client, run)
        visit(page, "Compare")
        page.frame_locator("iframe").get_by_role("combobox").click()
        for name in ("narrow network", "higher rate"):
            page.frame_locator("iframe").get_by_role("option").filter(has_text=name).click()
        page.keyboard.press("Escape")
        snap(page, "compare")
        visit(page, "New run")
        record(page, url, IMAGES / "run.webp")
        browser.close()


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


def visit(page: Page, view: str) -> None:
    """Follow the navigation."""
    page.frame_locator("iframe").get_by_test_id("stTopNavLink").filter(has_text=view).first.click()


def snap(page: Page, name: str) -> None:
    """A picture once the view has settled."""
    page.wait_for_timeout(2500)
    page.screenshot(path=IMAGES / f"{name}.png")


if __name__ == "__main__":
    sys.exit(main())
