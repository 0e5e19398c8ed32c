"""The pages with much in them: 10 000 runs, a curve of a million values, a log of 200 MB; seen, judged and used."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from examples.app_process import AppProcess
from examples.git_server import GitServer
from examples.large_history import LONG_RUN, Sizes, write_history
from repo_runner.client import Client
from repo_runner.models import Submission
from tests.app_fixtures import NOTHING_TO_INSTALL, TINY_LIGHTNING_REPO, app_env
from tests.e2e.conftest import SCREENSHOTS
from tests.e2e.pages import RunPage, open_app
from tests.e2e.sight import cut, violations
from tests.git_fixtures import MakeRepo
from tests.waiting import wait_for

SIZES = {"desktop": (1280, 800), "tablet": (800, 1100), "phone": (390, 844)}


@pytest.fixture(scope="module")
def app(
    git_server: GitServer, shared_caches: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AppProcess]:
    """The started app on a data folder with much in it."""
    home = tmp_path_factory.mktemp("much") / "home"
    home.mkdir()
    (home / "cache").symlink_to(shared_caches)
    write_history(home, Sizes())
    with AppProcess(home, env=app_env(git_server, shared_caches)) as process:
        yield process
    shutil.rmtree(home)


@pytest.fixture
def ui(page: Page, app: AppProcess) -> str:
    """Where the UI itself lives, outside of the framework's page; its console has to stay free of errors."""
    open_app(page, app)
    found = re.match(r"http://[^/]+", page.frames[1].url)
    assert found
    return found[0]


def addresses(client: Client) -> dict[str, str]:
    """Every view; the one of a run twice, for a failed one looks different."""
    failed = client.list(status="failed", limit=1).runs[0].run_id
    others = [run.run_id for run in client.list(status="succeeded", limit=2).runs]
    return {
        "new": "",
        "runs": "runs",
        "run": f"run?run_id={LONG_RUN}",
        "failed": f"run?run_id={failed}",
        "compare": f"compare?runs={','.join([LONG_RUN, *others])}",
        "system": "system",
    }


def settle(page: Page) -> None:
    """Wait until the view stands: its elements are drawn and Streamlit runs nothing."""
    expect(
        page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]')
    ).to_be_visible(timeout=60_000)
    page.wait_for_load_state("networkidle")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.timeout(600)
def test_every_view_fits_every_width_and_keeps_to_the_rules_of_accessibility(
    page: Page, ui: str, client: Client, theme: str
) -> None:
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    complaints = []
    for name, address in addresses(client).items():
        page.set_viewport_size({"width": 1280, "height": 800})
        page.goto(f"{ui}/{address}")
        settle(page)
        complaints += [f"{name}: {found}" for found in violations(page)]
        for size, (width, height) in SIZES.items():
            page.set_viewport_size({"width": width, "height": height})
            page.wait_for_function(
                "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
            )
            complaints += [f"{name}, {size}: {found}" for found in cut(page)]
            page.screenshot(path=SCREENSHOTS / f"{name}-{theme}-{size}.png")
    assert not complaints, "\n".join(complaints)


def test_ten_thousand_runs_are_sorted_searched_and_leafed_through(page: Page, ui: str) -> None:
    page.goto(f"{ui}/runs")
    rows = page.get_by_test_id("run-row")
    expect(rows).to_have_count(25, timeout=60_000)
    expect(page.get_by_text("10,001 runs")).to_be_visible()
    page.get_by_role("button", name="Best score").click()
    scores = rows.locator("td.best strong")
    expect(scores.first).to_have_text(re.compile(r"0\.9[89]"))
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_text("Page 2")).to_be_visible()
    page.get_by_role("button", name=re.compile("Only runs of lab-")).first.click()
    expect(page.get_by_role("button", name=re.compile("Only lab-"))).to_be_visible()
    expect(page.get_by_text("Page 1")).to_be_visible()
    page.get_by_role("button", name=re.compile("Only lab-")).click()
    box = page.get_by_role("textbox", name="Search")
    box.fill("digits, unet 97")
    box.press("Enter")
    expect(rows.first).to_contain_text("digits, unet 97")


def test_a_curve_of_a_million_values_shows_its_spike_and_more_of_it_where_one_zooms(
    page: Page, ui: str
) -> None:
    page.goto(f"{ui}/run?run_id={LONG_RUN}")
    curve = page.locator('[data-testid="curve"][data-name="train_loss"]')
    expect(curve).to_be_visible(timeout=60_000)
    chart = page.get_by_test_id("chart").filter(has=curve).get_by_role("img")
    expect(chart).to_have_attribute("aria-label", re.compile("1000000 points"))
    assert 200 <= int(curve.get_attribute("data-points") or 0) <= 800
    assert "40" in (chart.text_content() or ""), (
        "the one spike among a million values sets the scale"
    )
    chart.focus()
    for _ in range(2):
        before = curve.get_attribute("d")
        chart.press("+")
        expect(curve).not_to_have_attribute("d", before or "")
        wait_for(lambda: int(curve.get_attribute("data-points") or 0) > 500, what="a finer curve")
    page.get_by_role("button", name="Reset zoom").click()
    expect(page.get_by_text("Drag across a chart to zoom")).to_be_visible()


def test_of_a_long_log_only_what_is_seen_is_loaded_and_scrolling_back_loads_more(
    page: Page, ui: str
) -> None:
    page.goto(f"{ui}/run?run_id={LONG_RUN}")
    log = RunPage(page).log
    expect(log).to_contain_text("the last line", timeout=60_000)
    lines = log.locator(":scope > div")
    assert lines.count() <= 801
    first = lines.first.inner_text()
    log.evaluate("(box) => { box.scrollTop = 200; window.read = box.children[14]; }")
    before = log.evaluate("(box) => read.offsetTop - box.scrollTop")
    expect(lines.first).not_to_have_text(first)
    after = log.evaluate("(box) => read.offsetTop - box.scrollTop")
    assert abs(after - before) < 3, "what is read stays where it is"
    page.get_by_test_id("log-follow").click()
    at_end = "(box) => box.scrollHeight - box.scrollTop - box.clientHeight < 30"
    wait_for(lambda: log.evaluate(at_end), what="the end of the log")
    expect(lines.last).to_have_text("the last line")
    page.get_by_role("button", name="First error").click()
    expect(log).to_contain_text("ValueError: the error in the middle", timeout=60_000)
    assert lines.count() < 12_000


def test_a_run_is_submitted_by_the_keyboard_alone(
    page: Page, ui: str, client: Client, make_repo: MakeRepo
) -> None:
    url, _ = make_repo({"train.py": "print('hello')\n", **NOTHING_TO_INSTALL})
    page.goto(ui)
    settle(page)
    focus(page, "GitHub link")
    page.keyboard.type(url)
    focus(page, "Script")
    page.keyboard.type("train.py")
    focus(page, "Run")
    page.keyboard.press("Enter")
    run_page = RunPage(page)
    run_page.wait_status("Succeeded")
    assert client.get(run_page.run_id()).spec.script_path == "train.py"


def focus(page: Page, name: str) -> None:
    """Press Tab until what has this name has the focus."""
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate(_FOCUSED) == name:
            return
    raise AssertionError(f"Tab does not lead to {name!r}")


_FOCUSED = """() => {
  let node = document.activeElement;
  while (node?.shadowRoot?.activeElement) node = node.shadowRoot.activeElement;
  return (node?.getAttribute("aria-label") ?? node?.innerText ?? "").trim();
}"""


def test_live_updates_touch_neither_scroll_nor_selection_nor_the_elements_themselves(
    page: Page, ui: str, client: Client, make_repo: MakeRepo
) -> None:
    url, _ = make_repo(TINY_LIGHTNING_REPO)
    asked = Submission(link=url, script_path="train.py", script_args="--max_epochs 400 --rows 4096")
    run_id = client.submit(asked).run_id
    page.goto(f"{ui}/run?run_id={run_id}")
    run_page = RunPage(page)
    first = run_page.wait_curve_points("train_loss", 3, timeout_ms=180_000)
    page.get_by_test_id("chart").first.evaluate(
        "(node) => { window.chart = node; node.marked = 1 }"
    )
    page.locator("rr-curves").first.evaluate("(node) => { node.marked = 1 }")
    page.evaluate(
        """() => {
          const heading = document.querySelector("rr-heading").shadowRoot.querySelector("h1");
          getSelection().selectAllChildren(heading);
          document.querySelector('[data-testid="stMain"]').scrollTop = 300;
        }"""
    )
    selected = page.evaluate(_SELECTED)
    place = page.evaluate("document.querySelector('[data-testid=\"stMain\"]').scrollTop")
    assert run_page.wait_curve_points("train_loss", first + 5) > first
    assert page.evaluate("chart.isConnected && chart.marked === 1")
    assert page.locator("rr-curves").first.evaluate("(node) => node.marked") == 1
    assert page.evaluate("document.querySelector('[data-testid=\"stMain\"]').scrollTop") == place
    assert page.evaluate(_SELECTED) == selected
    client.stop(run_id)
    wait_for(lambda: client.get(run_id).status.is_terminal, timeout_s=60)


_SELECTED = """String(document.querySelector("rr-heading").shadowRoot.getSelection())"""


@pytest.fixture(autouse=True)
def quiet_console(page: Page) -> Iterator[None]:
    """No view leaves an error in the browser's console."""
    errors: list[str] = []
    page.on(
        "console",
        lambda said: (
            errors.append(f"{said.text} ({said.location.get('url')})")
            if said.type == "error"
            else None
        ),
    )
    yield
    assert not errors
