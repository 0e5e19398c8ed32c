"""A short animated picture of a run, from the filled form to the best checkpoint, taken in a real browser."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from playwright.sync_api import FrameLocator, Page

SIZE = {"width": 1100, "height": 760}
#: What the picture is scaled to, and how much each frame may take of the reader's time.
SHOWN = (880, 608)
FRAME_MS = 320
LAST_MS = 3200
EVERY_S = 0.7
MOST_FRAMES = 70
QUALITY = 62


def record(page: Page, url: str, target: Path) -> None:
    """Type, submit, watch, and write the animation."""
    page.set_viewport_size(SIZE)
    ui = page.frame_locator("iframe")
    frames = [shot(page) for _ in story(page, ui, url)]
    write(frames, target)


def story(page: Page, ui: FrameLocator, url: str) -> Iterator[None]:
    """What happens; at each yield the page is worth a frame."""
    link = ui.get_by_role("textbox", name="GitHub link", exact=True)
    for end in range(0, len(url) + 1, 9):
        link.fill(url[:end])
        yield
    link.fill(url)
    link.press("Tab")
    ui.get_by_role("textbox", name="Script", exact=True).fill("train.py")
    page.keyboard.press("Tab")
    yield from for_a_while(page, 4)
    ui.get_by_role("button", name="Run", exact=True).click()
    ui.locator("rr-heading h1").wait_for(timeout=60_000)
    deadline = time.monotonic() + 240
    done = ui.locator("rr-heading").get_by_text("succeeded")
    while not done.is_visible() and time.monotonic() < deadline:
        yield from for_a_while(page, 1)
    yield from for_a_while(page, 2)


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
    """An animation without frames that show nothing new, at most so many, the last one longest."""
    news = [frames[0]]
    for frame in frames[1:]:
        if frame.tobytes() != news[-1].tobytes():
            news.append(frame)
    while len(news) > MOST_FRAMES:
        news = [*news[:-1:2], news[-1]]
    times = [FRAME_MS] * (len(news) - 1) + [LAST_MS]
    news[0].save(
        target, save_all=True, append_images=news[1:], duration=times, loop=0, quality=QUALITY, method=4
    )  # fmt: skip  # one line of settings
