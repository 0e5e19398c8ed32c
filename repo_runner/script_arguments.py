"""A script's arguments, read from its argparse calls and its LightningCLI classes; never by running it."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from repo_runner.literals import NotStaticError
from repo_runner.models import ScriptArgument
from repo_runner.script_parsers import ANY, Parsers
from repo_runner.script_source import Module

MAX_ARGUMENTS = 300
MAX_SUBCOMMANDS = 50
_MAX_HELP_CHARS = 500
_NO_ARGUMENT = ("help", "version")
_OF_PARSERS = ("add_argument", "set_defaults", "add_parser")
_COLLECTING = ("append", "extend", "append_const")


@dataclass
class Arguments:
    """What was found, and what makes it incomplete."""

    found: list[ScriptArgument] = field(default_factory=list)
    #: Names of subcommands; an argument says to which of them it belongs.
    subcommands: list[str] = field(default_factory=list)
    #: Why there may be more than was found, one sentence part each.
    gaps: list[str] = field(default_factory=list)

    def add(self, argument: ScriptArgument) -> None:
        """The same argument twice is kept once."""
        if len(self.found) < MAX_ARGUMENTS and argument not in self.found:
            self.found.append(argument)

    def add_subcommand(self, name: str) -> None:
        """The same name twice is kept once."""
        if len(self.subcommands) < MAX_SUBCOMMANDS and name not in self.subcommands:
            self.subcommands.append(name)

    def settle(self) -> None:
        """One entry for what several subcommands take; what belongs to unknown ones belongs to all."""
        found, self.found = self.found, []
        for one in found:
            named = tuple(self.subcommands) if ANY in one.subcommands else one.subcommands
            self._merge(one.model_copy(update={"subcommands": named}))

    def _merge(self, argument: ScriptArgument) -> None:
        for place, one in enumerate(self.found):
            if _is_same(one, argument):
                both = tuple(dict.fromkeys((*one.subcommands, *argument.subcommands)))
                self.found[place] = one.model_copy(update={"subcommands": both})
                return
        self.found.append(argument)

    def note_gap(self, reason: str) -> None:
        """Say once why this is not all."""
        if reason not in self.gaps:
            self.gaps.append(reason)


def _is_same(one: ScriptArgument, other: ScriptArgument) -> bool:
    """Whether they differ in nothing but the subcommands, where each has some."""
    if bool(one.subcommands) != bool(other.subcommands):
        return False
    return one == other.model_copy(update={"subcommands": one.subcommands})


def argparse_arguments(script: Module, modules: Collection[Module]) -> Arguments:
    """From the script's own calls, and from those functions of its modules that it names."""
    arguments = Arguments()
    _take_all(script.calls(), script, arguments)
    for module in modules:
        _take_all(module.calls(only=script.words), module, arguments)
    arguments.settle()
    return arguments


def _take_all(calls: Iterable[ast.Call], module: Module, arguments: Arguments) -> None:
    parsers = Parsers(module)
    for call in calls:
        if isinstance(call.func, ast.Attribute) and call.func.attr in _OF_PARSERS:
            _take_of_parser(call, call.func.attr, module, parsers.subcommands_of(call), arguments)
        else:
            _note_more(call, arguments)


def _take_of_parser(
    call: ast.Call,
    verb: str,
    module: Module,
    owners: frozenset[str] | None,
    arguments: Arguments,
) -> None:
    """`owners`: the subcommands whose parser is called, none for the main one; None for what is below a subcommand."""
    if verb == "add_parser":
        name = _value(call.args[0], module) if call.args else None
        if owners and ANY not in owners:
            arguments.note_gap("subcommands have subcommands of their own")
        elif isinstance(name, str):
            arguments.add_subcommand(name)
    elif owners is not None and verb == "add_argument":
        _take_argument(call, module, owners, arguments)
    elif owners is not None:
        _take_defaults(call, module, owners, arguments)


def _note_more(call: ast.Call, arguments: Arguments) -> None:
    match call.func:
        case ast.Attribute(attr="parse_known_args"):
            arguments.note_gap("the script passes over arguments that it does not know")
        case ast.Attribute(attr="add_argparse_args"):
            arguments.note_gap("the Trainer's own arguments are accepted too")
        case ast.Attribute(attr="add_lightning_class_args" | "add_class_arguments"):
            arguments.note_gap("the arguments of further classes are accepted too")


def _take_argument(
    call: ast.Call, module: Module, owners: frozenset[str], arguments: Arguments
) -> None:
    names = [_value(item, module) for item in call.args]
    if not names or not all(isinstance(name, str) and name for name in names):
        if call.args:
            arguments.note_gap("some names are computed while the script runs")
        return
    given = {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
    if len(given) < len(call.keywords):
        arguments.note_gap("some settings of arguments are computed while the script runs")
    action = _action(given.get("action"), module)
    if action not in _NO_ARGUMENT:
        read = _Reader(module, given).argument([str(name) for name in names], action)
        arguments.add(read.model_copy(update={"subcommands": tuple(sorted(owners))}))


@dataclass
class _Reader:
    """Reads the keywords of one call."""

    module: Module
    given: dict[str, ast.expr]
    unknown: list[str] = field(default_factory=list)

    def argument(self, names: list[str], action: str) -> ScriptArgument:
        flags = tuple(name for name in names if name.startswith("-"))
        long = next((flag for flag in flags if flag.startswith("--")), names[0])
        is_flag = action in ("store_true", "store_false", "store_const", "boolean", "count")
        off = f"--no-{long.removeprefix('--')}" if action == "boolean" else ""
        nargs = self.read("nargs", None)
        choices = self.read("choices", None)
        return ScriptArgument(
            name=str(self.read("dest", None) or long.lstrip("-").replace("-", "_")),
            flags=flags,
            type=self.type_name(action),
            default=self.read("default", _default_of(action)),
            choices=tuple(choices) if isinstance(choices, list) else None,
            required=bool(self.read("required", False)) or (not flags and nargs not in ("?", "*")),
            is_flag=is_flag,
            off_flag=off,
            nargs=nargs if nargs or action not in _COLLECTING else "*",
            help=str(self.read("help", "") or "")[:_MAX_HELP_CHARS],
            unknown=tuple(self.unknown),
        )

    def read(self, name: str, otherwise: Any) -> Any:
        if name not in self.given:
            return otherwise
        try:
            return self.module.names.value(self.given[name])
        except (NotStaticError, RecursionError):
            self.unknown.append(name)
            return otherwise

    def type_name(self, action: str) -> str:
        if action in ("store_true", "store_false", "boolean"):
            return "bool"
        if action == "count":
            return "int"
        match self.given.get("type"):
            case None:
                return "str"
            case ast.Name(id="Path") | ast.Attribute(attr="Path"):
                return "path"
            case ast.Name(id=name) | ast.Attribute(attr=name):
                return name[:60]
        self.unknown.append("type")
        return "other"


def _take_defaults(
    call: ast.Call, module: Module, owners: frozenset[str], arguments: Arguments
) -> None:
    """`parser.set_defaults(lr=0.1)` wins over what an argument says itself."""
    given = {k.arg: _Reader(module, {"default": k.value}) for k in call.keywords if k.arg}
    for place, argument in enumerate(arguments.found):
        concerned = owners <= {ANY} or owners >= set(argument.subcommands)
        if argument.name in given and concerned:
            reader = given[argument.name]
            default = reader.read("default", None)
            unknown = tuple(dict.fromkeys((*argument.unknown, *reader.unknown)))
            arguments.found[place] = argument.model_copy(
                update={"default": default, "unknown": unknown}
            )


def _action(node: ast.expr | None, module: Module) -> str:
    match node:
        case None:
            return "store"
        case ast.Name(id=name) | ast.Attribute(attr=name) if name == "BooleanOptionalAction":
            return "boolean"
    value = _value(node, module)
    return value if isinstance(value, str) else "store"


def _default_of(action: str) -> bool | None:
    return {"store_true": False, "store_false": True}.get(action)


def _value(node: ast.expr, module: Module) -> Any:
    try:
        return module.names.value(node)
    except (NotStaticError, RecursionError):
        return None


def keywords(call: ast.Call) -> Iterator[tuple[str, ast.expr]]:
    """A call's named arguments."""
    for keyword in call.keywords:
        if keyword.arg:
            yield keyword.arg, keyword.value
