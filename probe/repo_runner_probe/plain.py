"""Any Python value as something JSON can hold, lossy and bounded."""

from __future__ import annotations

import numbers
import os
from argparse import Namespace
from typing import Any, Iterable, Mapping

from repo_runner_probe.scalars import number

LONGEST_TEXT = 500
DEEPEST = 6
MOST_VALUES = 1000
#: Their `str` is short and says it all: a dtype, a device, a date.
WITH_GOOD_TEXT = frozenset(("torch", "datetime", "decimal", "uuid"))


def plain(value: Any) -> Any:
    """Return a copy of text, numbers, lists and mappings; whatever else there is becomes a name."""
    return _Copy().of(value, DEEPEST)


class _Copy:
    """Copies at most `MOST_VALUES` values, however they are nested."""

    def __init__(self) -> None:
        self._left = MOST_VALUES

    def of(self, value: Any, depth: int) -> Any:
        self._left -= 1
        if isinstance(value, Namespace):
            value = vars(value)
        if isinstance(value, Mapping):
            return self._mapping(value, depth)
        if isinstance(value, (list, tuple, set, frozenset)) or _is_list_config(value):
            return self._items(value, depth)
        return _leaf(value)

    def _mapping(self, value: Mapping[Any, Any], depth: int) -> Any:
        if depth == 0:
            return "..."
        pairs = ((key, value[key]) for key in value if self._left > 0)
        return {str(key)[:LONGEST_TEXT]: self.of(item, depth - 1) for key, item in pairs}

    def _items(self, value: Iterable[Any], depth: int) -> Any:
        if depth == 0:
            return "..."
        return [self.of(item, depth - 1) for item in value if self._left > 0]


def _leaf(value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, (str, os.PathLike)):
        return str(value)[:LONGEST_TEXT]
    if isinstance(value, (numbers.Integral, numbers.Real)):
        return number(value)
    kind = type(value)
    if kind.__module__ in WITH_GOOD_TEXT and not hasattr(value, "numel"):
        return str(value)[:LONGEST_TEXT]
    named = value if hasattr(value, "__qualname__") else kind
    return f"<{named.__module__}.{named.__qualname__}>"[:LONGEST_TEXT]


def _is_list_config(value: Any) -> bool:
    return type(value).__name__ == "ListConfig" and type(value).__module__.startswith("omegaconf")
