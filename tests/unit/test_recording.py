"""The README's recording: what of it is kept."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from examples.recording import FRAME_MS, LAST_MS, thinned, write


def shot(colour: int) -> Image.Image:
    return Image.new("RGB", (16, 16), (colour, 255 - colour, 0))


def frames_of(path: Path) -> list[int]:
    """How long each frame of an animation stands, in milliseconds."""
    times = []
    with Image.open(path) as picture:
        for index in range(picture.n_frames):
            picture.seek(index)
            picture.load()
            times.append(int(picture.info["duration"]))
    return times


def test_frames_that_show_nothing_new_are_left_out_and_the_last_one_stands(tmp_path: Path) -> None:
    write([shot(0), shot(0), shot(90), shot(90), shot(200)], tmp_path / "run.webp")
    assert frames_of(tmp_path / "run.webp") == [FRAME_MS, FRAME_MS, LAST_MS]


def test_a_long_story_is_told_in_few_frames_with_its_end() -> None:
    story = [shot(colour) for colour in range(250)]
    told = thinned(story, 20)
    assert (len(told), told[0], told[-1]) == (20, story[0], story[-1])
    assert thinned(story[:3], 20) == story[:3]
