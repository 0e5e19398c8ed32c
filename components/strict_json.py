"""JSON as the standard has it: what parsers read differently, one after the other, is refused before any of them."""

from __future__ import annotations

import json
from typing import NoReturn


def fault_of(body: bytes) -> str:
    """Why this is not JSON that means one thing only; empty when it is."""
    try:
        json.loads(body.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_refuse)
    except UnicodeDecodeError:
        return "it is not UTF-8"
    except RecursionError:
        return "it is nested too deeply"
    except ValueError as error:
        return str(error)
    return ""


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name comes twice in one object")
    return found


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON")
