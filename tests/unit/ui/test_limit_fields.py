from __future__ import annotations

import pytest

from repo_runner.errors import InvalidInput
from repo_runner.models import Submission
from ui.views.limit_fields import EMPTY, duration_text, limits_of, size_text, texts_of


def submitted(**fields: object) -> Submission:
    return Submission(link="a/b", **limits_of({**EMPTY, **fields}))


def test_an_empty_form_asks_for_no_limits() -> None:
    assert submitted() == Submission(link="a/b")


def test_what_was_asked_for_comes_back_as_it_was_typed() -> None:
    fields = {
        "resources.cpus": "4",
        "resources.memory_bytes": "8GB",
        "resources.gpus": "0",
        "priority": "-5",
        "limits.time_s": "1h30m",
        "limits.memory_bytes": "512MiB",
        "limits.disk_bytes": "20GB",
        "limits.silence_s": "45s",
        "limits.on_silence": True,
        "retries.times": "2",
        "retries.error_codes": ["index_unreachable"],
    }
    asked = submitted(**fields)
    assert (asked.limits.time_s, asked.resources.gpus) == (5400, 0)
    assert texts_of(asked) == fields


@pytest.mark.parametrize(
    ("field", "text"),
    [("limits.time_s", "soon"), ("resources.memory_bytes", "much"), ("resources.cpus", "1.5")],
)
def test_what_cannot_be_read_is_said_at_its_field(field: str, text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        submitted(**{field: text})
    assert caught.value.field == field


def test_amounts_are_written_exactly() -> None:
    assert [size_text(n) for n in (None, 1000**4, 1_500_000_000, 1 << 30, 7)] == [
        "", "1TB", "1500MB", "1GiB", "7",
    ]  # fmt: skip
    assert [duration_text(s) for s in (90_061, 0.5, 60)] == ["1d1h1m1s", "0.5s", "1m"]
