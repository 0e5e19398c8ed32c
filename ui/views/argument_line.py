"""The script's arguments as fields over the raw line: the line is the truth, a field shows it and edits it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from repo_runner.models import ScriptArgument
from ui.widgets import formats

_NUMBER = re.compile(r"-[\d.]")
_NUMBERS = ("int", "float")
_MANY = ("*", "+")
ON, OFF = "on", "off"


@dataclass(frozen=True)
class _Use:
    """Where the line says something about an argument: `words[start:stop]`."""

    name: str
    start: int
    stop: int
    values: tuple[str, ...] = ()
    flag: str = ""


def split(line: str) -> list[str] | None:
    """Return the words of a line; None while a quote is open."""
    try:
        return shlex.split(line)
    except ValueError:
        return None


def fields(arguments: Sequence[ScriptArgument], line: str) -> list[dict[str, Any]]:
    """Return one field an argument, with the value the line gives it."""
    words = split(line) or []
    uses = {use.name: use for use in _uses(words, arguments)}
    return [_field(argument, uses.get(argument.name)) for argument in arguments]


def with_value(line: str, arguments: Sequence[ScriptArgument], name: str, value: str) -> str:
    """Return the line after a field was changed; a value that is the default leaves the line."""
    words = split(line)
    argument = next((one for one in arguments if one.name == name), None)
    if words is None or argument is None:
        return line
    uses = list(_uses(words, arguments))
    last = next((use for use in reversed(uses) if use.name == name), None)
    fresh = _written(argument, value.strip(), last)
    if last:
        words[last.start : last.stop] = fresh
    elif argument.flags:
        words += fresh
    else:
        place = max((use.stop for use in uses if use.name and not use.flag), default=0)
        words[place:place] = fresh
    return shlex.join(words)


def long_flag(argument: ScriptArgument) -> str:
    """Return the flag people read: the longest one."""
    return max(argument.flags, key=len, default="")


def _field(argument: ScriptArgument, use: _Use | None) -> dict[str, Any]:
    kind = _kind(argument)
    flags = ", ".join(flag for flag in (*argument.flags, argument.off_flag) if flag)
    return {
        "name": argument.name,
        "label": argument.name,
        "kind": kind,
        "type": argument.type if argument.nargs is None else f"{argument.type} …",
        "value": _shown(argument, use) if kind == "switch" else _typed(argument, use),
        "given": use is not None,
        "required": argument.required,
        "placeholder": _placeholder(argument),
        "choices": [str(one) for one in argument.choices or ()] or ["true", "false"],
        "help": argument.help,
        "hint": " · ".join(part for part in (flags, argument.help) if part),
    }


def _kind(argument: ScriptArgument) -> str:
    if argument.is_flag:
        return "switch"
    if argument.nargs is None and (argument.choices or argument.type == "bool"):
        return "choice"
    return argument.type if argument.nargs is None and argument.type in _NUMBERS else "text"


def _placeholder(argument: ScriptArgument) -> str:
    if argument.required:
        return "required"
    if "default" in argument.unknown:
        return "set by the script"
    if argument.default is None:
        return "none"
    return formats.plain(argument.default)


def _typed(argument: ScriptArgument, use: _Use | None) -> str:
    """Return the value as one types it; several are quoted as in the line, a single one is not."""
    values = use.values if use else ()
    return shlex.join(values) if argument.nargs is not None else " ".join(values)


def _shown(argument: ScriptArgument, use: _Use | None) -> str:
    """Whether a switch stands: without a way to turn it off, whether its flag is there."""
    if use is None:
        return ON if argument.off_flag and argument.default is True else OFF
    return OFF if argument.off_flag and use.flag == argument.off_flag else ON


def _written(argument: ScriptArgument, value: str, last: _Use | None) -> list[str]:
    if argument.is_flag:
        return _written_switch(argument, value)
    if not value or _is_default(argument, value):
        return []
    several = argument.nargs is not None
    values = (split(value) or [value]) if several else [value]
    if not argument.flags:
        return values
    flag = last.flag if last else long_flag(argument)
    if not several and (value.startswith("-") or (last and last.stop - last.start == 1)):
        return [f"{flag}={value}"]
    return [flag, *values]


def _written_switch(argument: ScriptArgument, value: str) -> list[str]:
    if value == _shown(argument, None):
        return []
    return [long_flag(argument) if value == ON else argument.off_flag]


def _is_default(argument: ScriptArgument, value: str) -> bool:
    known = "default" not in argument.unknown and argument.default is not None
    return (
        known
        and not argument.required
        and value in {str(argument.default), formats.plain(argument.default)}
    )


def _uses(words: Sequence[str], arguments: Sequence[ScriptArgument]) -> list[_Use]:
    """Read the words as argparse would, as far as the source tells; what it does not know has no name."""
    by_flag = {flag: one for one in arguments for flag in (*one.flags, one.off_flag) if flag}
    places = [one for one in arguments if not one.flags]
    uses: list[_Use] = []
    at = 0
    while at < len(words):
        flag, equals, inline = words[at].partition("=")
        if flag in by_flag:
            use = _flag_use(by_flag[flag], flag, inline if equals else None, words, at)
        elif _is_option(words[at]):
            has_value = not equals and at + 1 < len(words) and not _is_option(words[at + 1])
            use = _Use("", at, at + 1 + has_value)  # unknown: more often than not with a value
        elif not places:
            use = _Use("", at, at + 1)
        else:
            argument = places.pop(0)
            stop = at + _count(argument, words, at)
            use = _Use(argument.name, at, stop, tuple(words[at:stop]))
        uses.append(use)
        at = use.stop
    return uses


def _flag_use(
    argument: ScriptArgument, flag: str, inline: str | None, words: Sequence[str], at: int
) -> _Use:
    if inline is not None:
        return _Use(argument.name, at, at + 1, (inline,), flag)
    if argument.is_flag:
        return _Use(argument.name, at, at + 1, (), flag)
    stop = at + 1 + _count(argument, words, at + 1)
    return _Use(argument.name, at, stop, tuple(words[at + 1 : stop]), flag)


def _count(argument: ScriptArgument, words: Sequence[str], at: int) -> int:
    """How many words from here on are its values."""
    limit = argument.nargs if isinstance(argument.nargs, int) else 1
    limit = len(words) if argument.nargs in _MANY else limit
    count = 0
    while count < limit and at + count < len(words) and not _is_option(words[at + count]):
        count += 1
    return count


def _is_option(word: str) -> bool:
    return word.startswith("-") and len(word) > 1 and not _NUMBER.match(word)
