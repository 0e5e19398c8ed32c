"""Abuse of a signed-in browser by other pages, in a real Chromium; the ids are those of the fault matrix."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote, urlencode, urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from repo_runner.models import RunSpec
from repo_runner.store import Store
from tests.e2e.faults.hostile import ALL, CORPUS, second_origin, store_hostile_run
from tests.e2e.pages import enter, open_app
from tests.integration.rim_process import RimProcess
from tests.raw_http import exchange, handshake, request, status_of

#: Another site; a name of this machine, which is another site than 127.0.0.1; and another port, which is the same site.
ELSEWHERE = ("evil.example", "localhost", "127.0.0.1")
FIRST_CONTENT_MS = 60_000

#: Every way for a page to send a request, and what it learnt.
REACH = """
async ({api, ui, run}) => {
  const learnt = [];
  const ask = async (what, url, options) => {
    try {
      const answer = await fetch(url, {credentials: "include", ...options});
      const text = await answer.text();
      if (answer.type !== "opaque" || text) learnt.push(`${what}: ${answer.status} ${text.slice(0, 80)}`);
    } catch {}
  };
  const json = {"Content-Type": "application/json"};
  for (const [name, address] of Object.entries({api, ui})) {
    await ask(`${name} GET`, address + "/", {});
    await ask(`${name} GET no-cors`, address + "/", {mode: "no-cors"});
  }
  for (const path of ["/api/v1/runs", "/api/v1/state", "/healthz", run]) await ask(path, api + path, {});
  await ask("simple POST", `${api}${run}/stop`, {method: "POST", mode: "no-cors"});
  await ask("text POST", `${api}/api/v1/runs`, {method: "POST", mode: "no-cors", body: "{}"});
  await ask("JSON POST", `${api}${run}/stop`, {method: "POST", headers: json, body: "{}"});
  await ask("DELETE", api + run, {method: "DELETE"});
  await ask("beacon", api, {method: "HEAD"});
  navigator.sendBeacon(`${api}${run}/stop`, new Blob(["{}"], {type: "text/plain"}));
  const loads = (tag, src) => new Promise((done) => {
    const element = document.createElement(tag);
    element.onload = () => done(true); element.onerror = () => done(false);
    element.src = src; document.body.append(element);
    setTimeout(() => done(false), 1500);
  });
  for (const src of [`${api}/static/media/lightning-logo-with-text.svg`, `${ui}/favicon.png`])
    if (await loads("img", src)) learnt.push(`image ${src}`);
  for (const src of [`${api}/api/v1/state`, `${api}${run}`])
    if (await loads("script", src)) learnt.push(`script ${src}`);
  const form = document.createElement("form");
  const frame = document.createElement("iframe");
  frame.name = "answer"; document.body.append(frame);
  Object.assign(form, {method: "POST", action: `${api}${run}/stop`, target: "answer"});
  document.body.append(form);
  await new Promise((done) => { frame.onload = done; form.submit(); setTimeout(done, 1500); });
  try { if (frame.contentDocument?.body.innerText) learnt.push("form"); } catch {}
  return learnt;
}
"""

SOCKET = """
(url) => new Promise((done) => {
  const socket = new WebSocket(url);
  socket.onopen = () => done("open"); socket.onerror = () => done("refused");
})
"""


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[int]:
    with second_origin() as port:
        yield port


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of a fresh profile, without the other tests' idea of a stranger."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    yield context.new_page()
    context.close()


@pytest.fixture
def running_run(store: Store) -> str:
    spec = RunSpec(repo_url="https://x/a/b", commit_sha="0" * 40, script_path="t.py")
    store.add("victim", spec, idempotency_key="victim")
    return "/api/v1/runs/victim"


@pytest.mark.parametrize("host", ELSEWHERE)
def test_H1_a_page_of_another_origin_reads_nothing_and_changes_nothing(
    page: Page, app: RimProcess, elsewhere: int, running_run: str, store: Store, host: str
) -> None:
    enter(page, app)
    headers: list[dict[str, str]] = []
    page.goto(f"http://{host}:{elsewhere}/")
    page.on("response", lambda answer: headers.append(answer.headers))
    places = {"api": app.address.address, "ui": app.address.ui_address, "run": running_run}
    assert page.evaluate(REACH, places) == []
    assert not [h for h in headers if any(name.startswith("access-control") for name in h)]
    assert store.get("victim").stop_requested_at is None


@pytest.mark.parametrize("host", ELSEWHERE)
def test_H2_a_page_of_another_origin_opens_no_websocket(
    page: Page, app: RimProcess, elsewhere: int, host: str
) -> None:
    enter(page, app)
    page.goto(f"http://{host}:{elsewhere}/")
    for address, path in (
        (app.address.address, "/api/v1/ws"),
        (app.address.ui_address, "/_stcore/stream"),
    ):
        assert page.evaluate(SOCKET, address.replace("http", "ws", 1) + path) == "refused"


def test_H2_our_own_page_does(page: Page, app: RimProcess) -> None:
    enter(page, app)
    assert (
        page.evaluate(SOCKET, app.address.address.replace("http", "ws", 1) + "/api/v1/ws") == "open"
    )


def test_H2_a_name_that_resolves_to_us_is_not_us(page: Page, app: RimProcess) -> None:
    """DNS rebinding: the browser takes the page for evil.example's, and the machine it reaches is ours."""
    ui = urlsplit(app.address.ui_address)
    for port in (app.port, ui.port):
        answer = page.goto(f"http://evil.example:{port}/")
        assert answer
        assert answer.status == 421


@pytest.mark.parametrize("plane", ["address", "ui_address"])
@pytest.mark.parametrize(
    "origin", [None, "null", "http://localhost:9999", "http://evil.example", "file://", "rebound"]
)
def test_H2_no_websocket_without_our_own_origin_even_with_a_session(
    app: RimProcess, plane: str, origin: str | None
) -> None:
    address, cookie = getattr(app.address, plane), app.enter()["cookie"]
    path = "/api/v1/ws" if plane == "address" else "/_stcore/stream"
    host = f"evil.example:{urlsplit(address).port}" if origin == "rebound" else None
    asked = f"http://{host}" if host else origin
    assert handshake(address, path, cookie, host=host, origin=asked) in (403, 421)


@pytest.mark.parametrize("plane", ["address", "ui_address"])
@pytest.mark.parametrize(
    ("lines", "passes"),
    [
        (["Host: 127.0.0.1:{port}"], True),
        (["Host: localhost:{port}"], True),
        (["Host: LocalHost:{port}"], True),
        (["Host: evil.example"], False),
        (["Host: evil.example:{port}"], False),
        (["Host: 127.0.0.1"], False),
        (["Host: 127.0.0.1.:{port}"], False),
        (["Host: localhost.:{port}"], False),
        (["Host: [::ffff:127.0.0.1]:{port}"], False),
        (["Host: [0:0:0:0:0:0:0:1]:{port}"], False),
        (["Host: 2130706433:{port}"], False),
        (["Host: 0.0.0.0:{port}"], False),
        (["Host: 127.0.0.1:{port}@evil.example"], False),
        (["Host: 127.0.0.1:{port}, evil.example"], False),
        (["Host:"], False),
        ([], False),
        (["Host: 127.0.0.1:{port}", "Host: 127.0.0.1:{port}"], False),
        (["Host: 127.0.0.1:{port}", "Host: evil.example"], False),
        (["X-Forwarded-Host: 127.0.0.1:{port}", "Host: evil.example"], False),
    ],
)
def test_H3_only_our_own_names_are_hosts(
    app: RimProcess, plane: str, lines: list[str], passes: bool
) -> None:
    port = urlsplit(getattr(app.address, plane)).port
    assert port
    headers = [line.format(port=port) for line in lines]
    path = "/view" if plane == "address" else "/"
    session = f"Cookie: {app.enter()['cookie']}"
    status = status_of(
        exchange(port, request("GET", path, [*headers, session, "Connection: close"]))
    )
    assert status == 200 if passes else status in (400, 421)


@pytest.fixture(scope="module")
def hostile_runs(app: RimProcess) -> tuple[str, str]:
    store = Store(app.settings.store_url)
    for run_id, ended in (("hostile-live", False), ("hostile-failed", True)):
        store_hostile_run(store, app.home, run_id, ended=ended)
    store.close()
    return "hostile-live", "hostile-failed"


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("runs", "hostile-failed"),
        ("run?run_id=hostile-live", "the end"),
        ("run?run_id=hostile-failed", "the end"),
        ("compare?runs=hostile-live,hostile-failed", "hostile-live"),
        ("system", "System"),
        (f"run?run_id={quote(ALL)}", "There is nothing at this address"),
        (f"runs?q={quote(CORPUS[0])}", "Runs"),
        ("new?" + urlencode({"repo": ALL, "script": ALL, "args": ALL, "ref": ALL}), "New run"),
    ],
)
def test_H4_what_a_run_says_is_never_markup(
    page: Page, app: RimProcess, hostile_runs: tuple[str, str], path: str, shown: str
) -> None:
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
    page.on(
        "request",
        lambda asked: complaints.append(asked.url) if "127.0.0.1" not in asked.url[:20] else None,
    )
    page.on(
        "console", lambda said: complaints.append(said.text) if "xss.example" in said.text else None
    )
    page.on("dialog", lambda dialog: complaints.append(dialog.message))
    enter(page, app)
    page.goto(f"{app.address.ui_address}/{path}")
    expect(page.get_by_text(shown).first).to_be_visible(timeout=FIRST_CONTENT_MS)
    page.wait_for_timeout(1500)  # for what comes late: fragments, images, curves
    page.locator("details").evaluate_all("all => all.forEach((one) => { one.open = true })")
    assert page.locator("[data-xss]").count() == 0
    for there in ("javascript:", "http://xss.example", "//xss.example"):
        assert page.locator(f"[href^='{there}' i], [src^='{there}' i]").count() == 0, there
    assert page.evaluate("window.pwned") is None
    assert [c for c in complaints if not c.startswith(("data:", "blob:"))] == []


@pytest.mark.parametrize("host", ELSEWHERE)
def test_H5_no_other_origin_frames_our_pages(
    page: Page, app: RimProcess, elsewhere: int, host: str
) -> None:
    enter(page, app)
    page.goto(f"http://{host}:{elsewhere}/")
    for address in (f"{app.address.address}/view", app.address.ui_address):
        page.evaluate(
            "(src) => new Promise((done) => { const f = document.createElement('iframe');"
            " f.onload = done; f.src = src; document.body.append(f); setTimeout(done, 2500); })",
            address,
        )
    framed = [frame for frame in page.frames if frame is not page.main_frame]
    assert len(framed) == 2
    assert not [f for f in framed if f.locator("#root, [data-testid='stApp']").count()]


def test_H5_our_own_frame_works_with_same_site_cookies(page: Page, app: RimProcess) -> None:
    open_app(page, app)
    cookies = page.context.cookies()
    session = next(c for c in cookies if c["name"] == f"repo-runner-{app.port}")
    assert (session["httpOnly"], session["sameSite"]) == (True, "Strict")
    assert session["value"] not in page.evaluate("document.cookie")


def test_H5_a_link_of_another_site_opens_the_form_and_not_more(
    page: Page, app: RimProcess, elsewhere: int
) -> None:
    """A browser keeps a strict cookie back then; the app asks once more from its own page."""
    enter(page, app)
    page.goto(f"http://evil.example:{elsewhere}/")
    target = f"{app.address.address}/new?repo=acme/digits"
    page.evaluate("(to) => { location.href = to }", target)
    expect(page.get_by_role("heading", name="New run")).to_be_visible(timeout=FIRST_CONTENT_MS)
