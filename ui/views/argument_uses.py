"""Where a line of words says something about which argument: read as argparse would, as far as the source tells."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from repo_runner.models import ScriptArgument

_NUMBER = re.compile(r"-[\d.]")
_MANY = ("*", "+")


@dataclass(frozen=True)
class Use:
    """Where the line says something about an argument: `words[start:stop]`."""

    name: str
    start: int
    stop: int
    values: tuple[str, ...] = ()
    flag: str = ""


def uses_of(words: Sequence[str], arguments: Sequence[ScriptArgument]) -> list[Use]:
    """Return each use in the order of the words; what the source does not tell has no name."""
    by_flag = {flag: one for one in arguments for flag in (*one.flags, one.off_flag) if flag}
    places = [one for one in arguments if not one.flags]
    uses: list[Use] = []
    at = 0
    while at < len(words):
        flag, equals, inline = words[at].partition("=")
        if flag in by_flag:
            use = _flag_use(by_flag[flag], flag, inline if equals else None, words, at)
        elif _is_option(words[at]):
            has_value = not equals and at + 1 < len(words) and not _is_option(words[at + 1])
            use = Use("", at, at + 1 + has_value)  # unknown: more often than not with a value
        elif not places:
            use = Use("", at, at + 1)
        else:
            argument = places.pop(0)
            stop = at + _count(argument, words, at)
            use = Use(argument.name, at, stop, tuple(words[at:stop]))
        uses.append(use)
        at = use.stop
    return uses


def _flag_use(
    argument: ScriptArgument, flag: str, inline: str | None, words: Sequence[str], at: int
) -> Use:
    if inline is not None:
        return Use(argument.name, at, at + 1, (inline,), flag)
    if argument.is_flag:
        return Use(argument.name, at, at + 1, (), flag)
    stop = at + 1 + _count(argument, words, at + 1)
    return Use(argument.name, at, stop, tuple(words[at + 1 : stop]), flag)


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
