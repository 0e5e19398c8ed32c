from __future__ import annotations

from typing import Any

import pytest

from ui.views.unseen import SHOWN_AFTER_S, Unseen


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def unseen(clock: Clock) -> Unseen:
    return Unseen(clock)


def seen(unseen: Unseen, **said: Any) -> dict[str, Any]:
    """What a page knows that begins with what the browser says."""
    unseen.apply(said)
    return said


def test_a_late_request_takes_nothing_back(unseen: Unseen, clock: Clock) -> None:
    unseen.set({"ref": "develop"}, {"ref": ""}, {})
    assert seen(unseen, ref="") == {"ref": "develop"}
    unseen.note_drawn()
    clock.now += SHOWN_AFTER_S / 2
    assert seen(unseen, ref="") == {"ref": "develop"}


def test_a_page_that_was_interrupted_before_it_was_drawn_is_waited_for(
    unseen: Unseen, clock: Clock
) -> None:
    unseen.set({"ref": "develop"}, {"ref": ""}, {})
    clock.now += 60
    assert seen(unseen, ref="") == {"ref": "develop"}


def test_of_two_changes_in_a_row_both_old_values_are_known(unseen: Unseen) -> None:
    unseen.set({"line": "--a 1"}, {"line": ""}, {})
    unseen.set({"line": "--a 1 --b 2"}, {"line": "--a 1"}, {})
    for late in ("", "--a 1"):
        assert seen(unseen, line=late) == {"line": "--a 1 --b 2"}


def test_what_a_person_types_has_the_last_word(unseen: Unseen) -> None:
    unseen.set({"ref": "develop"}, {"ref": ""}, {})
    assert seen(unseen, ref="v1") == {"ref": "v1"}
    assert seen(unseen, ref="") == {"ref": ""}


def test_a_line_typed_before_the_edits_were_shown_holds_them_too(unseen: Unseen) -> None:
    for flag, before in (("--a", ""), ("--b", " --a")):
        unseen.set(
            {"line": f"{before} {flag}"}, {"line": before}, {"line": lambda x, f=flag: f"{x} {f}"}
        )
    assert seen(unseen, line="typed") == {"line": "typed --a --b"}
    assert seen(unseen, line="typed") == {"line": "typed --a --b"}


def test_once_it_is_shown_an_old_value_can_be_typed_again(unseen: Unseen, clock: Clock) -> None:
    unseen.set({"ref": "develop"}, {"ref": ""}, {})
    unseen.note_drawn()
    clock.now += SHOWN_AFTER_S + 0.1
    assert seen(unseen, ref="") == {"ref": ""}
