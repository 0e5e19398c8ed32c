"""Where a script's words name a subcommand: before it is what the script takes, after it what the subcommand takes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from repo_runner.models import ScriptArgument


@dataclass(frozen=True)
class Division:
    """A line of words, divided at its subcommand; without one all of it comes before."""

    before: tuple[str, ...]
    subcommand: str = ""
    after: tuple[str, ...] = ()


def divide(
    words: Sequence[str], arguments: Sequence[ScriptArgument], subcommands: Collection[str]
) -> Division:
    """Divide as argparse does: the first word that is a subcommand, and not the value of an option."""
    takes_value = {
        flag
        for one in of_script(arguments)
        for flag in one.flags
        if not one.is_flag and one.nargs is None
    }
    for at, word in enumerate(words):
        if word in subcommands and not (at and words[at - 1] in takes_value):
            return Division(tuple(words[:at]), word, tuple(words[at + 1 :]))
    return Division(tuple(words))


def of_script(arguments: Sequence[ScriptArgument]) -> list[ScriptArgument]:
    """The arguments that come before a subcommand; all of a script that has none."""
    return [one for one in arguments if not one.subcommands]


def of_subcommand(arguments: Sequence[ScriptArgument], name: str) -> list[ScriptArgument]:
    """The arguments of one subcommand."""
    return [one for one in arguments if name in one.subcommands]
