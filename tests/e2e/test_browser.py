"""The product as a person uses it: the started app in a real browser."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import FrameLocator, Page, expect

from examples.app_process import AppProcess
from repo_runner.client import Client
from repo_runner.models import RunStatus, Submission
from tests.app_fixtures import NOTHING_TO_INSTALL, TINY_LIGHTNING_REPO
from tests.e2e.pages import NewRunPage, RunPage, RunsPage, SystemPage, enter, sha256
from tests.git_fixtures import MakeRepo
from tests.waiting import wait_for

LONG = "--max_epochs 20 --rows 4096"
ENDLESS = "import time\nprint('started', flush=True)\nwhile True: time.sleep(0.1)\n"
#: A script that does one of two things.
SUBCOMMANDS = """
import argparse
parser = argparse.ArgumentParser()
commands = parser.add_subparsers(dest="command", required=True)
commands.add_parser("fit").add_argument("--lr", type=float)
commands.add_parser("test").add_argument("--ckpt", required=True)
asked = parser.parse_args()
print(asked.command, "with", asked.lr)
"""


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


def test_the_page_of_a_run_tells_where_its_time_went_what_it_said_and_what_it_was_given(
    ui: FrameLocator, client: Client
) -> None:
    run = next(run for run in client.list(status="succeeded").runs if run.has_probe)
    run_page = RunsPage(ui).open().open_run(run.run_id)
    expect(ui.get_by_test_id("stage-Epochs")).to_be_visible(timeout=30_000)
    expect(ui.get_by_test_id("fact-Lock").get_by_role("link")).to_have_attribute(
        "href", re.compile("/environment/lock$")
    )
    run_page.log_fold("fetch").click()
    expect(run_page.log).to_contain_text(run.commit_sha, timeout=30_000)
    run_page.log_fold("output").click()
    run_page.search_log("best")
    expect(run_page.log_found).to_contain_text("1 line", timeout=30_000)
    run_page.log_found.get_by_role("button").first.click()
    expect(ui.get_by_text("A part of the log")).to_be_visible(timeout=30_000)


@pytest.mark.timeout(400)
def test_tensorboard_opens_in_a_tab_shows_the_runs_metrics_and_leaves_the_search_as_it_was(
    ui: FrameLocator, client: Client
) -> None:
    run = next(run for run in client.list(status="succeeded").runs if run.has_probe)
    run_page = RunsPage(ui).open().open_run(run.run_id)
    run_page.search_log("best")
    expect(run_page.log_found).to_contain_text("1 line", timeout=30_000)
    run_page.tab("TensorBoard").click()
    board = run_page.board
    expect(board.get_by_text("val_loss").first).to_be_visible(timeout=180_000)
    ui.get_by_role("button", name="Stop", exact=True).click()
    expect(ui.get_by_text("TensorBoard is not running")).to_be_visible(timeout=30_000)
    assert client.board(run.run_id).state == "off"
    run_page.tab("Overview").click()
    expect(run_page.log_found).to_contain_text("1 line", timeout=30_000)


def test_runs_are_compared_with_what_differs_first(
    ui: FrameLocator, client: Client, page: Page, make_repo: MakeRepo
) -> None:
    first = next(run for run in client.list(status="succeeded").runs if run.has_probe)
    asked = Submission(
        link=first.spec.repo_url, script_path="train.py", script_args="--max_epochs 1 --lr 0.5"
    )
    run_id = client.submit(asked).run_id
    wait_for(lambda: client.get(run_id).status.is_terminal, timeout_s=120)
    ids = {"first": first.run_id, "second": run_id}
    comparison = RunsPage(ui).open().compare(*ids.values())
    expect(comparison.difference("--lr")).to_contain_text("0.5", timeout=60_000)
    expect(comparison.difference("Best val_loss")).to_be_visible()
    expect(ui.get_by_text("The same in all")).to_be_visible()
    expect(comparison.best).to_have_count(1)


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


def test_a_link_opens_the_filled_form_whose_fields_edit_the_line(
    page: Page, app: AppProcess, make_repo: MakeRepo
) -> None:
    url, _ = make_repo(TINY_LIGHTNING_REPO)
    query = urlencode({"repo": url, "script": "train.py", "args": "--max_epochs 30"})
    enter(page, app).goto(f"http://127.0.0.1:{app.port}/new?{query}")
    form = NewRunPage(page)
    expect(form.argument("max_epochs")).to_have_value("30", timeout=60_000)
    form.argument("max_epochs").fill("2")
    form.argument("max_epochs").press("Enter")
    expect(form.line).to_have_value("--max_epochs 2")
    expect(form.command).to_have_text("python train.py --max_epochs 2")
    form.submit().wait_status("Succeeded")


def test_a_secret_is_masked_in_the_log_and_asked_for_again_by_a_run_like_it(
    ui: FrameLocator, client: Client, make_repo: MakeRepo
) -> None:
    says = "import os\nprint('licence', os.environ['LICENCE'], 'seed', os.environ['SEED'])\n"
    url, _ = make_repo({"train.py": says, **NOTHING_TO_INSTALL})
    form = NewRunPage(ui).open().fill(url, script="train.py")
    form.add_variable("LICENCE", "never-to-be-seen", secret=True).add_variable("SEED", "7")
    run_page = form.submit()
    run_page.wait_status("Succeeded")
    expect(run_page.log).to_contain_text("licence *** seed 7", timeout=30_000)
    first = run_page.run_id()
    spec = client.get(first).spec
    assert (spec.env, set(spec.secret_env)) == ({"SEED": "7"}, {"LICENCE"})
    ui.get_by_role("button", name="Run again", exact=True).click()
    expect(form.variable("LICENCE")).to_contain_text("Write it again", timeout=60_000)
    form.give_value("LICENCE", "another-one")
    form.submit().wait_status("Succeeded")
    again = client.get(run_page.run_id())
    assert again.run_id != first
    assert (again.spec.env, set(again.spec.secret_env)) == ({"SEED": "7"}, {"LICENCE"})
    assert client.logs(again.run_id).text == "licence *** seed 7\n"


def test_a_subcommand_is_picked_with_its_arguments(ui: FrameLocator, make_repo: MakeRepo) -> None:
    url, _ = make_repo({"train.py": SUBCOMMANDS, **NOTHING_TO_INSTALL})
    form = NewRunPage(ui).open().fill(url, script="train.py")
    form.pick_subcommand("fit")
    expect(form.line).to_have_value("fit", timeout=60_000)
    form.argument("lr").fill("0.5")
    form.press_run()  # which leaves the field, too
    run_page = RunPage(ui)
    expect(run_page.title).to_be_visible(timeout=60_000)
    run_page.wait_status("Succeeded")
    expect(run_page.log).to_contain_text("fit with 0.5", timeout=30_000)


def test_a_misspelt_script_is_mended_with_a_click(ui: FrameLocator, make_repo: MakeRepo) -> None:
    url, _ = make_repo({"train.py": "print('hello')\n", **NOTHING_TO_INSTALL})
    form = NewRunPage(ui).open().fill(url, script="trian.py")
    expect(form.errors.first).to_contain_text("There is no trian.py", timeout=60_000)
    form.press("Use train.py")
    expect(form.command).to_have_text("python train.py", timeout=60_000)


def test_a_missing_package_is_added_with_a_click(
    ui: FrameLocator, client: Client, make_repo: MakeRepo
) -> None:
    url, _ = make_repo({"train.py": "import yaml.nothing\n", **NOTHING_TO_INSTALL})
    run_page = NewRunPage(ui).open().fill(url, script="train.py").submit()
    run_page.wait_status("Failed")
    first = run_page.run_id()
    run_page.mend("Add pyyaml and run again")
    expect(run_page.copy_id).not_to_have_attribute(
        "aria-label", f"Copy run id {first}", timeout=60_000
    )
    second = run_page.run_id()
    assert client.get(second).spec.requirements == ("pyyaml",)
    wait_for(lambda: client.get(second).status.is_terminal, timeout_s=120)


def test_selected_runs_are_deleted_after_a_confirmation(
    ui: FrameLocator, client: Client, make_repo: MakeRepo
) -> None:
    url, _ = make_repo({"train.py": "print('hello')\n", **NOTHING_TO_INSTALL})
    asked = Submission(link=url, script_path="train.py")
    ids = [client.submit(asked).run_id for _ in range(2)]
    for run_id in ids:
        wait_for(lambda run_id=run_id: client.get(run_id).status.is_terminal, timeout_s=60)
    runs = RunsPage(ui).open()
    runs.delete(*ids)
    for run_id in ids:
        expect(runs.row(run_id)).to_have_count(0)


def test_the_system_page_measures_the_caches_and_cleans_up(ui: FrameLocator) -> None:
    system = SystemPage(ui).open()
    expect(system.fact("Environments")).to_contain_text("B", timeout=60_000)
    ui.get_by_role("button", name="Clean up").click()
    expect(ui.get_by_text("nothing to remove").or_(ui.get_by_text("free again"))).to_be_visible()
