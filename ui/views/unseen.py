"""What the app has set in the form and the browser may not show yet.

Every request carries all fields as the browser has them. One that was sent before the browser has shown what was set
here would take that back, and with it an edit: so for a moment it is set again, also over a line typed meanwhile, which
then holds both.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

#: After a page with the new value was drawn. Nobody types an old value again, or over the new one, within it.
SHOWN_AFTER_S = 2.0

Redo = Callable[[Any], Any]


@dataclass(frozen=True)
class _Set:
    value: Any = None
    #: What the browser may still have.
    before: tuple[Any, ...] = ()
    #: Edits, each of which makes of another value one that holds it too.
    edits: tuple[Redo, ...] = ()
    drawn_at: float | None = None


class Unseen:
    """The fields that were set. Each change of it is one step: a page may be interrupted anywhere."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._fields: dict[str, _Set] = {}

    def set(
        self, values: Mapping[str, Any], before: Mapping[str, Any], edits: Mapping[str, Redo]
    ) -> None:
        """Set fields that stand on the page as `before`, from the next pass on."""
        changed = {}
        for name, value in values.items():
            known = self._fields.get(name, _Set())
            redo = (edits[name],) if name in edits else ()
            olds = (*known.before, known.value, before.get(name))
            changed[name] = _Set(value, olds, (*known.edits, *redo))
        self._fields = self._fields | changed

    def apply(self, state: MutableMapping[str, Any]) -> None:
        """At the beginning of a page: set what a late request has taken back."""
        self._fields = {name: one for name, one in self._fields.items() if not self._is_shown(one)}
        for name, one in tuple(self._fields.items()):
            said = state.get(name)
            if said == one.value:
                continue
            if said in one.before:
                self._fields[name] = again = replace(one, drawn_at=None)
                state[name] = again.value
            elif one.edits:
                both = reduce(lambda value, redo: redo(value), one.edits, said)
                self._fields[name] = _Set(both, (*one.before, one.value, said), one.edits)
                state[name] = both
            else:
                del self._fields[name]  # what a person typed last has the last word

    def note_drawn(self) -> None:
        """The page shows them as soon as it has arrived."""
        now = self._clock()
        self._fields = {
            name: one if one.drawn_at is not None else replace(one, drawn_at=now)
            for name, one in self._fields.items()
        }

    def _is_shown(self, one: _Set) -> bool:
        return one.drawn_at is not None and self._clock() - one.drawn_at > SHOWN_AFTER_S
