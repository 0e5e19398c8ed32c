from __future__ import annotations

import math

import pytest

from ui.widgets import formats


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "–"), (0.44, "0.4 s"), (8, "8 s"), (59.6, "1 min 00 s"), (184, "3 min 04 s"),
     (7_500, "2 h 05 min"), (97_200, "1 d 3 h"), (-1, "0 s")],
)  # fmt: skip
def test_a_duration_has_at_most_two_units(seconds: float | None, text: str) -> None:
    assert formats.duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, ""), (3, "a few seconds left"), (31, "about 40 s left"), (61, "about 2 min left"),
     (3_700, "about 1 h 02 min left")],
)  # fmt: skip
def test_the_rest_of_the_time_is_no_more_precise_than_known(
    seconds: float | None, text: str
) -> None:
    assert formats.eta(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (0.97123, "0.9712"), (12.3456, "12.35"), (12_345, "12,345"), (1.23e-5, "1.230e-5"),
     (0, "0"), (1.0, "1.000"), (25, "25.00"), (-0.5, "-0.5000"), (math.inf, "inf"), (math.nan, "nan")],
)  # fmt: skip
def test_a_number_keeps_four_digits(value: float | None, text: str) -> None:
    assert formats.number(value) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (352_871, "353 kB"), (4.2e9, "4.2 GB"), (3e15, "3000.0 TB")],
)
def test_a_size_is_decimal(count: float, text: str) -> None:
    assert formats.size(count) == text


def test_any_hyperparameter_is_one_line() -> None:
    assert formats.plain({"a": [1, 0.25], "b": None, "c": True}) == "a: 1, 0.25, b: None, c: True"
