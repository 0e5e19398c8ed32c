"""Frames on a log that others write to as well."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from repo_runner.frames import Frame, FrameReader

FRAMES = [
    Frame("events.jsonl", 0, b'{"kind":"phase"}\n'),
    Frame("output.log", 7, b"\xff\x00 \r 10 % \n@repo-runner 0 {}", line=3),
    Frame("exit.json", 0, b"{}", total=2),
    Frame(fact={"kind": "alive"}),
]
LOG = b"Running entrypoint\n" + b"".join(f.to_line() for f in FRAMES) + b"said last\n"


@given(st.lists(st.integers(0, len(LOG)), max_size=12))
def test_frames_come_whole_however_the_log_is_cut(cuts: list[int]) -> None:
    reader, found = FrameReader(), []
    edges = [0, *sorted(cuts), len(LOG)]
    for start, end in itertools.pairwise(edges):
        found += reader.feed(LOG[start:end])
    assert found == FRAMES
    assert reader.foreign_lines == ["Running entrypoint", "said last"]


@given(st.binary(max_size=300))
def test_foreign_lines_are_never_frames(noise: bytes) -> None:
    reader = FrameReader()
    assert list(reader.feed(noise.replace(b"@", b"") + b"\n")) == []


def test_a_frame_behind_somebody_elses_words_is_found_and_a_torn_one_is_not() -> None:
    line = FRAMES[0].to_line()
    torn = line[:-10] + b"\n"
    assert list(FrameReader().feed(b"progress 3 %" + line + torn)) == [FRAMES[0]]


def test_every_line_is_ascii_for_readers_that_decode_it() -> None:
    assert all(f.to_line().isascii() for f in FRAMES)
