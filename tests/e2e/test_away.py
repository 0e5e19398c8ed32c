"""The pages without what they show: the app away and back, runs that are gone. A made-up app, the real pages."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from examples.app_process import ROOT, free_port
from tests.e2e.pages import NewRunPage, RunPage, RunsPage, go
from tests.e2e.sight import cut, out_of_reach, violations
from tests.waiting import wait_for

AWAY = "The app is not answering"
WAIT_MS = 60_000
#: By view: where it is, and what it shows once it has loaded.
VIEWS = {
    "New run": ("", "Nothing to check yet"),
    "Runs": ("runs", "digits/train"),
    "Run": ("run?run_id=live", "Hyperparameters"),
    "Compare": ("compare?runs=live,done0", "Differences"),
    "System": ("system", "Everything works"),
}


@dataclass
class Preview:
    """The pages over a made-up history."""

    address: str
    away: Path

    def open(self, page: Page, path: str, shows: str) -> None:
        page.goto(f"{self.address}/{path}")
        expect(page.get_by_text(shows).first).to_be_visible(timeout=WAIT_MS)


@pytest.fixture(scope="module")
def preview(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Preview]:
    """One server for all of these tests."""
    away = tmp_path_factory.mktemp("preview") / "away"
    address = f"http://127.0.0.1:{(port := free_port())}"
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PREVIEW_AWAY_FILE": str(away)}
    env |= {"REPO_RUNNER_SECRET_VARIABLES": "TEAM_TOKEN"}
    options = ["--server.port", str(port), "--server.address", "127.0.0.1"]
    command = [sys.executable, "-m", "streamlit", "run", "tests/unit/ui/preview.py", *options]
    with subprocess.Popen(
        command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as server:
        try:
            wait_for(lambda: _answers(address), timeout_s=60, what="the preview")
            yield Preview(address, away)
        finally:
            server.terminate()


def complaints(page: Page) -> list[str]:
    """What is wrong with how the page looks now, in both themes."""
    page.add_style_tag(content="* { transition: none !important; animation: none !important }")
    found = out_of_reach(page) + cut(page)
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        found += [f"{theme}: {one}" for one in violations(page)]
    return found


def _answers(address: str) -> bool:
    try:
        return urllib.request.urlopen(f"{address}/_stcore/health", timeout=5).status == 200
    except OSError:
        return False


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_says_that_the_app_is_away_and_goes_on_when_it_is_back(
    preview: Preview, page: Page, view: str
) -> None:
    preview.open(page, *VIEWS[view])
    preview.away.touch()
    try:
        expect(page.get_by_text(AWAY).first).to_be_visible(timeout=WAIT_MS)
    finally:
        preview.away.unlink()
    expect(page.get_by_text(AWAY)).to_have_count(0, timeout=WAIT_MS)
    expect(page.get_by_text(VIEWS[view][1]).first).to_be_visible(timeout=WAIT_MS)


def test_a_comparison_with_a_run_that_is_gone_says_so_and_shows_the_others(
    preview: Preview, page: Page
) -> None:
    preview.open(page, "compare?runs=live,never,done0", "The run never is gone")
    expect(page.get_by_text("Differences").first).to_be_visible(timeout=WAIT_MS)


def test_one_run_alone_is_shown_and_another_one_asked_for(preview: Preview, page: Page) -> None:
    preview.open(page, "compare?runs=done0", "One more run, and there is a comparison")
    expect(page.get_by_test_id("curve").first).to_be_visible(timeout=WAIT_MS)


def test_the_page_of_a_run_that_is_gone_says_so(preview: Preview, page: Page) -> None:
    preview.open(page, "run?run_id=never", "There is no run never")


def test_a_dangerous_variable_is_refused_at_its_row_and_a_secret_leaves_the_page(
    preview: Preview, page: Page
) -> None:
    preview.open(page, "?repo=https://github.com/acme/digits&script=train.py", "What will run")
    page.get_by_role("button", name="Add a secret").click()
    page.keyboard.type("LICENCE")
    value = page.get_by_label("Value of LICENCE")
    value.fill("never-to-be-seen")
    expect(value).to_have_attribute("type", "password")
    page.get_by_role("button", name="Add a variable").click()
    page.keyboard.type("LD_PRELOAD")
    row = page.get_by_test_id("variable").filter(has_text="cannot be set for a run")
    expect(row).to_be_visible(timeout=WAIT_MS)
    assert not complaints(page)
    expect(value).to_have_attribute("placeholder", "given, never shown again", timeout=WAIT_MS)
    expect(value).to_have_value("")
    assert "never-to-be-seen" not in page.content()
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_text("LD_PRELOAD has to be mended first")).to_be_visible(timeout=WAIT_MS)
    go(page, "Runs")
    expect(page.get_by_role("heading", name="Runs", exact=True)).to_be_visible(timeout=WAIT_MS)
    go(page, "New run")
    expect(page.get_by_test_id("variable")).to_have_count(2, timeout=WAIT_MS)


def test_of_fields_that_are_edited_at_once_no_edit_is_lost(preview: Preview, page: Page) -> None:
    """Faster than the page follows: each edit is under way while the one before comes back as the new line."""
    preview.open(page, "?repo=https://github.com/acme/digits&script=train.py", "What will run")
    form = NewRunPage(page)
    expect(form.argument("lr")).to_be_visible(timeout=WAIT_MS)
    for name, value in {"max_epochs": "7", "lr": "0.5", "tag": "fast"}.items():
        form.argument(name).fill(value)
        form.argument(name).press("Tab")
    ref = page.get_by_role("textbox", name="Ref", exact=True)
    ref.fill("v1.9")
    ref.press("Tab")
    expect(form.line).to_have_value("--max_epochs 7 --lr 0.5 --tag fast", timeout=WAIT_MS)
    expect(ref).to_have_value("v1.9")
    command = page.get_by_test_id("fact-Command")
    expect(command).to_contain_text("--max_epochs 7 --lr 0.5 --tag fast", timeout=WAIT_MS)


@pytest.mark.parametrize(
    ("view", "picked", "button", "confirm"),
    [
        ("run?run_id=live", "", "Stop", "Stop this run"),
        ("run?run_id=done0", "", "Delete", "Delete for good"),
        ("runs", "live", "Stop …", "Stop 1 run"),
        ("runs", "done0", "Delete …", "Delete 1 run for good"),
        ("system", "", "Remove all unused …", "Remove all unused"),
    ],
)
def test_a_dialog_is_readable_and_used_by_the_keyboard_alone(
    preview: Preview, page: Page, view: str, picked: str, button: str, confirm: str
) -> None:
    preview.open(page, view, "digits" if picked else button)
    if picked:
        RunsPage(page).row(picked).get_by_role("checkbox").press("Space")
    asks = page.get_by_role("button", name=button, exact=True)
    asks.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    confirms = dialog.get_by_role("button", name=confirm, exact=True)
    expect(confirms).to_be_visible(timeout=WAIT_MS)
    assert not complaints(page)
    for _ in range(3):
        if confirms.evaluate("node => node === document.activeElement"):
            break
        page.keyboard.press("Tab")
    expect(confirms).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0, timeout=WAIT_MS)
    expect(asks).to_be_focused(timeout=WAIT_MS)


def test_tensorboard_is_come_to_by_the_keyboard(preview: Preview, page: Page) -> None:
    preview.open(page, "run?run_id=done0", "Hyperparameters")
    RunPage(page).tab("TensorBoard").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("board")).to_be_visible(timeout=WAIT_MS)
    assert not complaints(page)
