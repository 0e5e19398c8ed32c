"""A short animated picture of a run, from the filled form to the best checkpoint, taken in a real browser."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from playwright.sync_api import FrameLocator, Page

SIZE = {"width": 1100, "height": 880}
#: What the picture is scaled to, and how much each frame may take of the reader's time.
SHOWN = (880, 704)
FRAME_MS = 280
LAST_MS = 3200
EVERY_S = 0.7
MOST_FRAMES = 70
QUALITY = 62


def record(page: Page, url: str, target: Path) -> None:
    """Type, submit, watch, and write the animation."""
    page.set_viewport_size(SIZE)
    ui = page.frame_locator("iframe")
    asked = [shot(page) for _ in fill(page, ui, url)]
    seen = [shot(page) for _ in watch(page, ui)]
    write([*asked, *thinned(seen, MOST_FRAMES - len(asked))], target)


def fill(page: Page, ui: FrameLocator, url: str) -> Iterator[None]:
    """What a person does; at each yield the page is worth a frame."""
    link = ui.get_by_role("textbox", name="GitHub link", exact=True)
    for end in range(0, len(url) + 1, 9):
        link.fill(url[:end])
        yield
    link.fill(url)
    link.press("Tab")
    ui.get_by_role("textbox", name="Script", exact=True).fill("train.py")
    page.keyboard.press("Tab")
    yield from for_a_while(page, 2)
    epochs = ui.locator("rr-arguments").get_by_role("textbox", name="max_epochs", exact=True)
    epochs.fill("6")
    yield
    epochs.press("Enter")
    yield from for_a_while(page, 3)
    ui.get_by_role("button", name="Run", exact=True).click()
    ui.locator("rr-heading h1").wait_for(timeout=60_000)


def watch(page: Page, ui: FrameLocator) -> Iterator[None]:
    """What the page of the run shows until it has ended."""
    deadline = time.monotonic() + 240
    done = ui.locator("rr-heading").get_by_text("succeeded")
    while not done.is_visible() and time.monotonic() < deadline:
        yield from for_a_while(page, 1)
    ui.get_by_test_id("download-best").scroll_into_view_if_needed()
    yield from for_a_while(page, 2)


def thinned(frames: list[Image.Image], count: int) -> list[Image.Image]:
    """At most so many frames, as far from each other as from the next, and the last one."""
    if len(frames) <= count:
        return frames
    return [frames[round(at * (len(frames) - 1) / (count - 1))] for at in range(count)]


def for_a_while(page: Page, frames: int) -> Iterator[None]:
    """Some frames of whatever goes on by itself."""
    for _ in range(frames):
        page.wait_for_timeout(EVERY_S * 1000)
        yield


def shot(page: Page) -> Image.Image:
    """The page as it is now, small."""
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    return picture.resize(SHOWN, Image.Resampling.LANCZOS)


def write(frames: list[Image.Image], target: Path) -> None:
    """An animation without frames that show nothing new, the last one longest."""
    news = [frames[0]]
    for frame in frames[1:]:
        if frame.tobytes() != news[-1].tobytes():
            news.append(frame)
    times = [FRAME_MS] * (len(news) - 1) + [LAST_MS]
    news[0].save(
        target, save_all=True, append_images=news[1:], duration=times, loop=0, quality=QUALITY, method=4
    )  # fmt: skip  # one line of settings
