"""The script's arguments as fields over the raw line: the line is the truth, a field shows it and edits it."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from repo_runner.models import ScriptArgument
from repo_runner.subcommands import Division, divide, of_script, of_subcommand
from ui.views.argument_uses import Use, uses_of
from ui.widgets import formats

_NUMBERS = ("int", "float")
ON, OFF = "on", "off"


def split(line: str) -> list[str] | None:
    """Return the words of a line; None while a quote is open."""
    try:
        return shlex.split(line)
    except ValueError:
        return None


def fields(
    arguments: Sequence[ScriptArgument], line: str, subcommands: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """Return one field an argument that can be given now, with the value the line gives it."""
    parts = _divided(line, arguments, subcommands)
    own, main = of_subcommand(arguments, parts.subcommand), of_script(arguments)
    told = {one.name for one in own}
    uses = {use.name: use for use in (*uses_of(parts.before, main), *uses_of(parts.after, own))}
    rest = [one for one in main if one.name not in told]
    return [_field(argument, uses.get(argument.name)) for argument in (*rest, *own)]


def subcommand_of(
    line: str, arguments: Sequence[ScriptArgument], subcommands: Sequence[str]
) -> str:
    """Return the subcommand that the line names."""
    return _divided(line, arguments, subcommands).subcommand


def with_value(
    line: str,
    arguments: Sequence[ScriptArgument],
    name: str,
    value: str,
    subcommands: Sequence[str] = (),
) -> str:
    """Return the line after a field was changed; a value that is the default leaves the line."""
    if split(line) is None:
        return line
    parts = _divided(line, arguments, subcommands)
    own, main = of_subcommand(arguments, parts.subcommand), of_script(arguments)
    if any(one.name == name for one in own):
        return _joined(replace(parts, after=_edited(parts.after, own, name, value)))
    return _joined(replace(parts, before=_edited(parts.before, main, name, value)))


def with_subcommand(
    line: str, arguments: Sequence[ScriptArgument], subcommands: Sequence[str], name: str
) -> str:
    """Return the line with another subcommand: what only the one before takes leaves the line with it."""
    if split(line) is None:
        return line
    parts = _divided(line, arguments, subcommands)
    main, old = of_script(arguments), of_subcommand(arguments, parts.subcommand)
    known = {flag for one in of_subcommand(arguments, name) for flag in one.flags}
    gone = [one for one in old if not known & set(one.flags)]
    before = _without(parts.before, main, lambda use: not use.name)
    moved = _without(parts.before, main, lambda use: bool(use.name))
    if parts.subcommand:
        before, moved = parts.before, ()
    names = {one.name for one in gone}
    after = _without(parts.after, old, lambda use: use.name in names)
    return _joined(Division(before, name, (*moved, *after)))


def long_flag(argument: ScriptArgument) -> str:
    """Return the flag people read: the longest one."""
    return max(argument.flags, key=len, default="")


def _divided(
    line: str, arguments: Sequence[ScriptArgument], subcommands: Sequence[str]
) -> Division:
    return divide(split(line) or [], arguments, subcommands)


def _joined(parts: Division) -> str:
    middle = [parts.subcommand] if parts.subcommand else []
    return shlex.join([*parts.before, *middle, *parts.after])


def _without(
    words: Sequence[str], arguments: Sequence[ScriptArgument], leave: Callable[[Use], bool]
) -> tuple[str, ...]:
    stay = [use for use in uses_of(words, arguments) if not leave(use)]
    return tuple(word for use in stay for word in words[use.start : use.stop])


def _edited(
    given: Sequence[str], arguments: Sequence[ScriptArgument], name: str, value: str
) -> tuple[str, ...]:
    words = list(given)
    argument = next((one for one in arguments if one.name == name), None)
    if argument is None:
        return tuple(words)
    uses = list(uses_of(words, arguments))
    last = next((use for use in reversed(uses) if use.name == name), None)
    fresh = _written(argument, value.strip(), last)
    if last:
        words[last.start : last.stop] = fresh
    elif argument.flags:
        words += fresh
    else:
        place = max((use.stop for use in uses if use.name and not use.flag), default=0)
        words[place:place] = fresh
    return tuple(words)


def _field(argument: ScriptArgument, use: Use | None) -> dict[str, Any]:
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


def _typed(argument: ScriptArgument, use: Use | None) -> str:
    """Return the value as one types it; several are quoted as in the line, a single one is not."""
    values = use.values if use else ()
    return shlex.join(values) if argument.nargs is not None else " ".join(values)


def _shown(argument: ScriptArgument, use: Use | None) -> str:
    """Whether a switch stands: without a way to turn it off, whether its flag is there."""
    if use is None:
        return ON if argument.off_flag and argument.default is True else OFF
    return OFF if argument.off_flag and use.flag == argument.off_flag else ON


def _written(argument: ScriptArgument, value: str, last: Use | None) -> list[str]:
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
