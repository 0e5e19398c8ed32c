"""The pages as a person uses them, for Playwright: what can be seen and done, by names a person reads.

Every class takes a `root`: the frame the UI lives in (`open_app`), or a Playwright page that shows the UI itself.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Download, FrameLocator, Locator, Page, Playwright, expect

from examples.app_process import AppProcess
from tests.waiting import wait_for

Root = Page | FrameLocator

CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Another site, for the tests of what another site may do; and the name of the app behind a proxy.
    "--host-resolver-rules=MAP evil.example 127.0.0.1, MAP runner.example 127.0.0.1",
)
#: The first page of a freshly started app, on a busy machine.
FIRST_CONTENT_MS = 30_000


def launch(playwright: Playwright) -> Browser:
    """Start the machine's own Chromium."""
    return playwright.chromium.launch(
        executable_path=shutil.which("chromium"), args=list(CHROMIUM_FLAGS)
    )


def enter(page: Page, app: AppProcess) -> Page:
    """Open the one-time link, as a person does first; from then on every address of the app opens."""
    page.goto(app.link())
    return page


def open_app(page: Page, app: AppProcess) -> FrameLocator:
    """Open the app's page and return the frame of the UI once it shows something."""
    enter(page, app)
    frame = page.frame_locator("iframe")
    expect(frame.get_by_role("heading", name="New run")).to_be_visible(timeout=FIRST_CONTENT_MS)
    return frame


@dataclass
class NewRunPage:
    """The form."""

    root: Root

    def open(self) -> NewRunPage:
        """Go there; a form that is there already stays, for following its link would make it anew."""
        if not self.root.get_by_role("heading", name="New run").is_visible():
            go(self.root, "New run")
        expect(self.root.get_by_role("heading", name="New run")).to_be_visible()
        return self

    def fill(
        self, link: str, script: str = "", args: str = "", requirements: str = "", ref: str = ""
    ) -> NewRunPage:
        """Fill fields; each is left with Tab, which is when the form looks at it."""
        values = {
            "GitHub link": link,
            "Script": script,
            "Ref": ref,
            "Script arguments": args,
            "Requirements": requirements,
        }
        for label, value in values.items():
            if value:
                box = self.root.get_by_role("textbox", name=label, exact=True)
                box.fill(value)
                box.press("Tab")
        return self

    def submit(self) -> RunPage:
        """Press Run and wait for the run's page."""
        self.press_run()
        page = RunPage(self.root)
        expect(page.title).to_be_visible(timeout=60_000)
        return page

    def press_run(self) -> None:
        self.root.get_by_role("button", name="Run", exact=True).click()

    @property
    def line(self) -> Locator:
        return self.root.get_by_role("textbox", name="Script arguments", exact=True)

    def argument(self, name: str) -> Locator:
        return self.root.locator("rr-arguments").get_by_role("textbox", name=name, exact=True)

    def pick_subcommand(self, name: str) -> None:
        picker = self.root.locator("rr-arguments").get_by_role("group", name="Subcommand")
        picker.get_by_role("button", name=name, exact=True).click()

    def add_variable(self, name: str, value: str, *, secret: bool = False) -> NewRunPage:
        """Add a row and fill it."""
        button = "Add a secret" if secret else "Add a variable"
        self.root.get_by_role("button", name=button, exact=True).click()
        self.root.get_by_label("Name of a variable").last.fill(name)
        return self.give_value(name, value)

    def give_value(self, name: str, value: str) -> NewRunPage:
        box = self.root.get_by_label(f"Value of {name}", exact=True)
        box.fill(value)
        box.press("Tab")
        return self

    def variable(self, name: str) -> Locator:
        """The row of a variable."""
        return self.root.locator(f'[data-testid="variable"][data-name="{name}"]')

    def press(self, label: str) -> None:
        self.root.get_by_role("button", name=label, exact=True).first.click()

    @property
    def errors(self) -> Locator:
        return self.root.get_by_test_id("notice-error")

    @property
    def command(self) -> Locator:
        """The exact command that will run."""
        return self.root.get_by_test_id("fact-Command")


@dataclass
class RunsPage:
    """The table."""

    root: Root

    def open(self) -> RunsPage:
        go(self.root, "Runs")
        expect(self.root.get_by_role("heading", name="Runs", exact=True)).to_be_visible()
        return self

    def row(self, run_id: str) -> Locator:
        return self.root.locator(f'[data-testid="run-row"][data-run-id="{run_id}"]')

    @property
    def rows(self) -> Locator:
        return self.root.get_by_test_id("run-row")

    def open_run(self, run_id: str) -> RunPage:
        self.row(run_id).get_by_role("link").click()
        page = RunPage(self.root)
        expect(page.title).to_be_visible()
        return page

    def delete(self, *run_ids: str) -> None:
        for row in map(self.row, run_ids):
            row.get_by_role("checkbox").check()
        self.root.get_by_role("button", name="Delete …").click()
        self.root.get_by_role("button", name="for good").click()

    def compare(self, *run_ids: str) -> ComparePage:
        for row in map(self.row, run_ids):
            row.get_by_role("checkbox").check()
        self.root.get_by_role("button", name="Compare", exact=True).click()
        return ComparePage(self.root)

    def filter(self, status: str) -> None:
        self.root.get_by_test_id("stRadio").get_by_text(status, exact=True).click()

    def search(self, text: str) -> None:
        box = self.root.get_by_role("textbox", name="Search")
        box.fill(text)
        box.press("Enter")


@dataclass
class ComparePage:
    """Several runs beside each other."""

    root: Root

    def difference(self, name: str) -> Locator:
        return self.root.locator(f'[data-testid="difference"][data-key="{name}"]')

    @property
    def best(self) -> Locator:
        return self.root.get_by_test_id("best-run")


@dataclass
class RunPage:
    """One run."""

    root: Root

    @property
    def title(self) -> Locator:
        return self.root.locator("rr-heading h1")

    @property
    def status(self) -> Locator:
        return self.root.locator("rr-heading").get_by_test_id("run-status")

    @property
    def log(self) -> Locator:
        return self.root.get_by_test_id("log")

    def log_fold(self, stream: str) -> Locator:
        return self.root.get_by_test_id(f"log-{stream}")

    def search_log(self, text: str) -> None:
        self.root.get_by_role("searchbox", name="Find in log").fill(text)

    @property
    def log_found(self) -> Locator:
        """What a search of the whole log has found."""
        return self.root.get_by_test_id("log-found")

    def tab(self, name: str) -> Locator:
        return (
            self.root.get_by_test_id("stButtonGroup")
            .get_by_role("radio", name=name)
            .or_(self.root.get_by_test_id("stButtonGroup").get_by_role("button", name=name))
        )

    @property
    def board(self) -> FrameLocator:
        """TensorBoard's own page."""
        return self.root.frame_locator("rr-board iframe")

    @property
    def best_score(self) -> Locator:
        return self.root.get_by_test_id("best-score")

    @property
    def failure(self) -> Locator:
        return self.root.get_by_test_id("notice-error")

    def mend(self, label: str) -> None:
        self.failure.get_by_role("button", name=label, exact=True).click()

    @property
    def copy_id(self) -> Locator:
        return self.root.locator("rr-heading").get_by_role("button", name="Copy run id")

    def run_id(self) -> str:
        return (self.copy_id.get_attribute("aria-label") or "").removeprefix("Copy run id ")

    def phase(self, name: str) -> Locator:
        """The segment of a phase; its `data-state` is `done`, `active`, `todo`, `failed` or `stopped`."""
        return self.root.get_by_test_id(f"phase-{name}")

    def curve(self, metric: str) -> Locator:
        return self.root.locator(f'[data-testid="curve"][data-name="{metric}"]')

    def points(self, metric: str) -> int:
        """How many points of a metric are drawn now."""
        curve = self.curve(metric)
        return int(curve.get_attribute("data-points") or 0) if curve.count() else 0

    def wait_curve_points(self, metric: str, at_least: int, timeout_ms: float = 120_000) -> int:
        """Wait until a curve has grown to so many points, and return how many it has."""
        return wait_for(
            lambda: now if (now := self.points(metric)) >= at_least else 0,
            timeout_s=timeout_ms / 1000,
            what=f"point {at_least} of {metric}",
            log=lambda: (
                f"There are {self.points(metric)}. {self.status.inner_text()}. {self.log.inner_text()}"
            ),
        )

    def wait_status(self, status: str, timeout_ms: float = 180_000) -> None:
        expect(self.status).to_have_text(
            re.compile(rf"{status}\s*$", re.IGNORECASE), timeout=timeout_ms
        )

    def stop(self) -> None:
        """Press Stop and confirm."""
        self.root.get_by_role("button", name="Stop", exact=True).click()
        self.root.get_by_role("button", name="Stop this run").click()

    def download_best(self, page: Page, folder: Path) -> Path:
        """Download the best checkpoint."""
        with page.expect_download() as started:
            self.root.get_by_test_id("download-best").click()
        download: Download = started.value
        path = folder / download.suggested_filename
        download.save_as(path)
        return path

    def best_sha256(self) -> str:
        """The hash the page promises."""
        return self.root.get_by_test_id("best-sha256").get_attribute("data-value") or ""


@dataclass
class SystemPage:
    """Health and state."""

    root: Root

    def open(self) -> SystemPage:
        go(self.root, "System")
        expect(self.root.get_by_role("heading", name="System")).to_be_visible()
        return self

    @property
    def state(self) -> Locator:
        return self.root.get_by_test_id("json")

    def fact(self, name: str) -> Locator:
        return self.root.get_by_test_id(f"fact-{name}")


def go(root: Root, name: str) -> None:
    """Follow a link of the navigation."""
    root.get_by_test_id("stTopNavLink").filter(has_text=name).first.click()


def sha256(path: Path) -> str:
    """Hash a downloaded file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
