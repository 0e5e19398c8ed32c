"""What is new in an element's data, so that a live update carries that and not everything again.

Plain JSON in, plain JSON out; `browser/dom.js` applies it. A change is None (the same as before) or one of

    ["=", value]                             another value
    ["{", {name: change}, [names gone]]      some entries of a mapping
    ["#", {index: change}]                   some items of a list of as many items
    ["[", before, drop, keep, after]         a list that has moved: `before`, `keep` old items from `drop` on, `after`
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import takewhile
from operator import eq
from typing import Any

Change = list[Any] | None


def change_of(old: Any, new: Any) -> Change:
    """What turns `old` into `new`."""
    if type(old) is type(new):
        if old == new:
            return None
        if isinstance(new, Mapping):
            return _of_mapping(old, new)
        if isinstance(new, Sequence) and not isinstance(new, str):
            return _of_items(old, new) or _of_moved(old, new)
    return ["=", new]


def _of_mapping(old: Mapping[str, Any], new: Mapping[str, Any]) -> Change:
    changes = {name: change_of(old[name], new[name]) for name in new if name in old}
    changed = {name: change for name, change in changes.items() if change}
    added = {name: ["=", value] for name, value in new.items() if name not in old}
    return ["{", {**changed, **added}, [name for name in old if name not in new]]


def _of_items(old: Sequence[Any], new: Sequence[Any]) -> Change:
    """Items that are mappings are changed in place."""
    if len(old) != len(new) or not all(isinstance(item, Mapping) for item in (*old, *new)):
        return None
    changes = (change_of(*pair) for pair in zip(old, new, strict=True))
    return ["#", {str(i): change for i, change in enumerate(changes) if change}]


def _of_moved(old: Sequence[Any], new: Sequence[Any]) -> Change:
    """A curve grows, a log moves on at its end, or is read further back."""
    if not old or not new:
        return ["=", new]
    drop, before = 0, 0
    if new[0] in old:
        drop = old.index(new[0])
    elif old[0] in new:
        before = new.index(old[0])
    kept = sum(takewhile(bool, map(eq, old[drop:], new[before:])))
    after = new[before + kept :]
    if before + len(after) >= len(new):
        return ["=", new]
    return ["[", new[:before], drop, kept, after]
