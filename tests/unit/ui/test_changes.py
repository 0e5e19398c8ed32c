from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ui.widgets.changes import change_of

leaves = st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=2)
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text("ab", max_size=1), inner),
    max_leaves=12,
)


def applied(old: Any, change: Any) -> Any:
    """As the browser does it."""
    if not change:
        return old
    kind, first, *rest = change
    if kind == "=":
        return first
    if kind == "[":
        drop, keep, after = rest
        return [*first, *old[drop : drop + keep], *after]
    if kind == "#":
        return [applied(item, first.get(str(i))) for i, item in enumerate(old)]
    kept = {name: value for name, value in old.items() if name not in rest[0]}
    return {**kept, **{name: applied(old.get(name), inner) for name, inner in first.items()}}


@given(values, values)
def test_a_change_turns_the_one_into_the_other(old: Any, new: Any) -> None:
    change = json.loads(json.dumps(change_of(old, new)))
    assert applied(old, change) == new


@given(st.lists(leaves), st.lists(leaves), st.lists(leaves, min_size=1), st.lists(leaves))
def test_so_it_does_with_lists_that_move(a: list, b: list, c: list, d: list) -> None:
    for old, new in ((a + c, c + d), (c, a + c + b), (c + a, c + b)):
        assert applied(old, change_of(old, new)) == new


def test_what_is_the_same_is_not_sent() -> None:
    data = {"lines": [[0, "a"]], "note": ""}
    assert change_of(data, json.loads(json.dumps(data))) is None
    assert change_of(True, 1) == ["=", 1]


def test_a_curve_that_grows_is_sent_by_its_new_points() -> None:
    old = {"groups": [{"name": "loss", "lines": [{"values": list(range(500)), "total": 500}]}]}
    new = {"groups": [{"name": "loss", "lines": [{"values": list(range(501)), "total": 501}]}]}
    assert len(json.dumps(change_of(old, new))) < 150


def test_a_log_whose_last_line_is_drawn_anew_is_sent_by_that_line() -> None:
    old = [[i, f"line {i}"] for i in range(800)]
    new = [*old[2:-1], [799, "rewritten"], [800, "new"], [801, "newer"]]
    assert change_of(old, new) == ["[", [], 2, 797, [[799, "rewritten"], *new[-2:]]]


def test_a_log_that_is_read_further_back_is_sent_by_what_came_before() -> None:
    lines = [[i, f"line {i}"] for i in range(100)]
    assert change_of(lines[40:], lines) == ["[", lines[:40], 0, 60, []]
