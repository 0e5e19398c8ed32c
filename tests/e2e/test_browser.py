"""The product as a person uses it: the started app in a real browser."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import FrameLocator, Page, expect

from repo_runner.client import Client
from repo_runner.models import RunStatus
from tests.app_fixtures import NOTHING_TO_INSTALL, TINY_LIGHTNING_REPO
from tests.e2e.pages import NewRunPage, RunsPage, SystemPage, sha256
from tests.git_fixtures import MakeRepo

LONG = "--max_epochs 20 --rows 4096"
ENDLESS = "import time\nprint('started', flush=True)\nwhile True: time.sleep(0.1)\n"


def test_a_person_trains_a_script_watches_its_curve_grow_and_downloads_the_best_checkpoint(
    ui: FrameLocator, page: Page, client: Client, make_repo: MakeRepo, tmp_path: Path
) -> None:
    url, _ = make_repo(TINY_LIGHTNING_REPO)
    run_page = NewRunPage(ui).open().fill(url, script="train.py", args=LONG).submit()
    first = run_page.wait_curve_points("val_loss", 2)
    run_id = run_page.run_id()
    assert run_page.wait_curve_points("val_loss", first + 3) > first
    assert client.get(run_id).status is RunStatus.RUNNING, (
        "the curve must grow while the script trains"
    )
    run_page.wait_status("Succeeded")
    expect(run_page.best_score).to_contain_text(f"{client.get(run_id).best_model_score:.4g}"[:5])
    file = run_page.download_best(page, tmp_path)
    best = next(c for c in client.checkpoints(run_id) if c.is_best)
    assert sha256(file) == best.sha256 == run_page.best_sha256()


def test_a_person_stops_a_run(ui: FrameLocator, client: Client, make_repo: MakeRepo) -> None:
    url, _ = make_repo({"train.py": ENDLESS, **NOTHING_TO_INSTALL})
    run_page = NewRunPage(ui).open().fill(url, script="train.py").submit()
    expect(run_page.log).to_contain_text("started", timeout=60_000)
    run_page.stop()
    run_page.wait_status("Stopped")
    assert client.get(run_page.run_id()).status is RunStatus.STOPPED


def test_a_bad_link_is_answered_with_a_sentence_at_the_form(
    ui: FrameLocator, client: Client
) -> None:
    before = client.list().total
    form = NewRunPage(ui).open().fill("https://example.org/somebody/something", script="train.py")
    form.press_run()
    expect(form.errors.first).to_contain_text("example.org")
    assert client.list().total == before


def test_a_failed_run_shows_its_cause_on_top(ui: FrameLocator, make_repo: MakeRepo) -> None:
    url, _ = make_repo({"train.py": "raise ValueError('lr is negative')\n", **NOTHING_TO_INSTALL})
    run_page = NewRunPage(ui).open().fill(url, script="train.py").submit()
    run_page.wait_status("Failed")
    expect(run_page.failure.first).to_contain_text("lr is negative")


def test_the_table_of_runs_leads_to_a_run(ui: FrameLocator, client: Client) -> None:
    newest = client.list(limit=1).runs[0]
    run_page = RunsPage(ui).open().open_run(newest.run_id)
    assert run_page.run_id() == newest.run_id


def test_the_system_page_shows_versions_and_the_apps_state(ui: FrameLocator) -> None:
    system = SystemPage(ui).open()
    expect(system.state.first).to_contain_text("vars")
