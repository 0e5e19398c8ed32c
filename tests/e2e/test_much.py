"""The pages with much in them, seen, judged and used.

`make much` fills them with 10 000 runs, a curve of a million values and a log of 200 MB; the tests with a part of that.
"""

from __future__ import annotations

import os
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Page, expect

from examples.app_process import AppProcess
from examples.git_server import GitServer
from examples.large_history import LONG_RUN, Sizes, write_history
from repo_runner.client import Client
from repo_runner.models import Submission
from tests.app_fixtures import NOTHING_TO_INSTALL, app_env
from tests.e2e.conftest import SCREENSHOTS
from tests.e2e.pages import RunPage, RunsPage, open_app
from tests.e2e.sight import collisions, cut, out_of_reach, violations
from tests.git_fixtures import MakeRepo
from tests.integration.faults.scripts import GOES_ON
from tests.waiting import wait_for

MUCH = Sizes() if os.environ.get("TEST_MUCH") else Sizes(300, 20_000, 4_000_000)
WIDTHS = {"desktop": (1280, 800), "tablet": (768, 1024), "phone": (390, 844)}
THEMES = ("light", "dark")


@pytest.fixture(scope="module")
def app(
    git_server: GitServer, shared_caches: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AppProcess]:
    """The started app on a data folder with much in it."""
    home = tmp_path_factory.mktemp("much") / "home"
    home.mkdir()
    (home / "cache").symlink_to(shared_caches)
    write_history(home, MUCH)
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


@pytest.mark.timeout(600)
def test_every_view_fits_every_width_and_keeps_to_the_rules_of_accessibility(
    page: Page, ui: str, client: Client
) -> None:
    page.emulate_media(reduced_motion="reduce")
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    complaints: list[str] = []
    for name, address in addresses(client).items():
        page.goto(f"{ui}/{address}")
        settle(page)
        page.add_style_tag(content="* { transition: none !important }")
        complaints += [f"{name}, out of reach: {found}" for found in out_of_reach(page)]
        for theme in THEMES:
            page.emulate_media(color_scheme=theme)
            complaints += [f"{name}, {theme}: {found}" for found in violations(page)]
            for width in WIDTHS:
                show_at(page, width)
                found = cut(page) + collisions(page)
                complaints += [f"{name}, {theme}, {width}: {one}" for one in found]
                page.screenshot(path=SCREENSHOTS / f"{name}-{theme}-{width}.png")
            show_at(page, "desktop")
    assert not complaints, "\n".join(complaints)


def show_at(page: Page, width: str) -> None:
    """Give the window another size, and the page two frames to follow."""
    page.set_viewport_size(dict(zip(("width", "height"), WIDTHS[width], strict=True)))
    page.wait_for_function(
        "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )


def test_many_runs_are_sorted_searched_and_leafed_through(
    page: Page, ui: str, client: Client
) -> None:
    page.goto(f"{ui}/runs")
    rows = page.get_by_test_id("run-row")
    expect(rows).to_have_count(25, timeout=60_000)
    expect(page.get_by_text(f"{MUCH.runs + 1:,} runs")).to_be_visible()
    page.get_by_role("button", name="Best score").click()
    scores = rows.locator("td.best strong")
    expect(scores.first).to_have_text(re.compile(r"0\.9[89]"))
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_text("Page 2")).to_be_visible()
    page.get_by_role("button", name=re.compile("Only runs of lab-")).first.click()
    expect(page.get_by_role("button", name=re.compile("Only lab-"))).to_be_visible()
    expect(page.get_by_text("Page 2")).to_have_count(0)
    page.get_by_role("button", name=re.compile("Only lab-")).click()
    wanted = client.list(sort="submitted", limit=98).runs[-1]
    RunsPage(page).search(wanted.commit_sha[:10])
    expect(rows).to_have_count(1)
    expect(rows.first).to_contain_text(wanted.name)


def test_a_long_curve_shows_its_spike_and_more_of_it_where_one_zooms(page: Page, ui: str) -> None:
    page.goto(f"{ui}/run?run_id={LONG_RUN}")
    curve = page.locator('[data-testid="curve"][data-name="train_loss"]')
    expect(curve).to_be_visible(timeout=60_000)
    chart = page.get_by_test_id("chart").filter(has=curve).get_by_role("img")
    expect(chart).to_have_attribute("aria-label", re.compile(f"{MUCH.points} points"))
    assert 200 <= int(curve.get_attribute("data-points") or 0) <= 800
    assert "40" in (chart.text_content() or ""), "the one spike among so many values sets the scale"
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
  return (node?.getAttribute("aria-label") || node?.innerText || "").trim();
}"""


def test_live_updates_touch_neither_scroll_nor_selection_nor_the_elements_themselves(
    page: Page, ui: str, client: Client, make_repo: MakeRepo, tmp_path: Path
) -> None:
    url, _ = make_repo({"train.py": GOES_ON, **NOTHING_TO_INSTALL})
    asked = Submission(link=url, script_path="train.py", script_args=str(tmp_path / "enough"))
    run_id = client.submit(asked).run_id
    page.set_viewport_size({"width": 1280, "height": 500})
    page.goto(f"{ui}/run?run_id={run_id}")
    run_page = RunPage(page)
    first = run_page.wait_curve_points("loss", 20)
    expect(run_page.log).to_contain_text("step 20")
    page.evaluate(_WATCH)
    before = page.evaluate(_SEEN)
    assert run_page.wait_curve_points("loss", first + 50) > first
    assert page.evaluate(_SEEN) == before
    assert page.evaluate("jumps") == []
    (tmp_path / "enough").touch()
    run_page.wait_status("Succeeded")


def test_an_app_that_answers_slowly_loses_neither_updates_nor_what_a_person_does(
    page: Page, ui: str, app: AppProcess, client: Client, make_repo: MakeRepo, tmp_path: Path
) -> None:
    url, _ = make_repo({"train.py": GOES_ON, **NOTHING_TO_INSTALL})
    asked = Submission(link=url, script_path="train.py", script_args=str(tmp_path / "enough"))
    page.goto(f"{ui}/run?run_id={client.submit(asked).run_id}")
    run_page = RunPage(page)
    first = run_page.wait_curve_points("loss", 3)
    with answering_slowly(app):
        run_page.log_fold("build").click()
        expect(run_page.log_fold("build")).to_have_attribute(
            "aria-expanded", "true", timeout=60_000
        )
        first = run_page.wait_curve_points("loss", first + 10)
        run_page.log_fold("output").click()
        expect(run_page.log).to_contain_text("step 3", timeout=60_000)
        run_page.search_log("step 2")
        expect(run_page.log_found).to_contain_text("line", timeout=60_000)
        run_page.wait_curve_points("loss", first + 10)
    (tmp_path / "enough").touch()
    run_page.wait_status("Succeeded")


@contextmanager
def answering_slowly(app: AppProcess) -> Iterator[None]:
    """The server of the API is held most of the time, so that the page takes longer than a second for its second."""
    assert app.process is not None
    family = psutil.Process(app.process.pid).children(recursive=True)
    server = next(one for one in family if listens(one, app.port))
    enough = threading.Event()

    def hold() -> None:
        while not enough.is_set():
            server.suspend()
            enough.wait(0.4)
            server.resume()
            enough.wait(0.02)

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        yield
    finally:
        enough.set()
        holder.join()


def listens(process: psutil.Process, port: int) -> bool:
    found = process.connections(kind="tcp")
    return any(one.status == psutil.CONN_LISTEN and one.laddr.port == port for one in found)


#: Scrolls page and log, selects, marks elements; then notes whatever is moved or faded, frame by frame.
_WATCH = """() => {
  window.found = (name, inner) => document.querySelector(name).shadowRoot.querySelector(inner);
  window.main = document.querySelector('[data-testid="stMain"]');
  window.chart = found("rr-curves", '[data-testid="chart"]');
  window.log = found("rr-log", '[data-testid="log"]');
  chart.marked = log.marked = log.children[3].marked = 1;
  getSelection().selectAllChildren(found("rr-heading", "h1"));
  log.scrollTop = 7;
  main.scrollTop = 200;
  window.jumps = [];
  let last;
  const look = () => {
    const tops = [chart, log].map((node) => Math.round(node.getBoundingClientRect().top));
    const elements = [...document.querySelectorAll('[data-testid="stElementContainer"]')];
    if (elements.some((node) => getComputedStyle(node).opacity < 1)) jumps.push("faded");
    if (last && String(tops) !== last) jumps.push(`${last} to ${tops}`);
    last = String(tops);
    requestAnimationFrame(look);
  };
  requestAnimationFrame(() => requestAnimationFrame(look));
}"""
_SEEN = """() => ({
  selected: String(found("rr-heading", "h1").getRootNode().getSelection()),
  page: main.scrollTop,
  log: log.scrollTop,
  same: [chart, log, log.children[3]].map((node) => node.isConnected && node.marked === 1),
  anew: found("rr-curves", '[data-testid="chart"]') === chart,
})"""


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
