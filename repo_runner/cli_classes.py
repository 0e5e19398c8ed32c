"""The arguments of a LightningCLI script: the signatures of its model's and its data module's classes."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from typing import Any

from repo_runner.literals import NotStaticError
from repo_runner.models import ScriptArgument
from repo_runner.script_arguments import Arguments, keywords
from repo_runner.script_source import Module

SUBCOMMANDS = ("fit", "validate", "test", "predict")

_MAX_BASES = 3
_SIMPLE = ("int", "float", "bool", "str")


def lightning_cli_arguments(
    script: Module, modules: Collection[Module], arguments: Arguments
) -> bool:
    """Add what the classes take; False when the script makes no LightningCLI that can be seen."""
    for module in (script, *modules):
        for call in module.calls(only=None if module is script else script.words):
            if _is_cli(call.func, script, modules):
                _take(call, module, arguments)
                _all_below(arguments)
                return True
    return False


def _all_below(arguments: Arguments) -> None:
    """Each subcommand of a LightningCLI takes everything, also what the script adds to its parser."""
    below = tuple(arguments.subcommands)
    arguments.found = [one.model_copy(update={"subcommands": below}) for one in arguments.found]


def _is_cli(function: ast.expr, script: Module, modules: Collection[Module]) -> bool:
    """LightningCLI itself, or a class of the repository that is one."""
    match function:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name == "LightningCLI" or any(
                isinstance(node, ast.ClassDef)
                and node.name == name
                and any(_last_name(base) == "LightningCLI" for base in node.bases)
                for module in (script, *modules)
                for node in module.tree.body
            )
    return False


def _take(call: ast.Call, module: Module, arguments: Arguments) -> None:
    given = dict(zip(("model_class", "datamodule_class"), call.args, strict=False))
    given |= dict(keywords(call))
    runs = given.get("run")
    if not (isinstance(runs, ast.Constant) and runs.value is False):
        arguments.subcommands.extend(SUBCOMMANDS)
    for group, keyword in (("model", "model_class"), ("data", "datamodule_class")):
        node = given.get(keyword)
        if isinstance(node, ast.Constant) and node.value is None:
            node = None
        if node is None:
            if group == "model":
                arguments.add(_class_path(group))
            continue
        _take_class(group, _last_name(node), module, arguments)
    arguments.note_gap("the Trainer's settings are accepted as --trainer.NAME, and --config FILE")


def _class_path(group: str) -> ScriptArgument:
    return ScriptArgument(
        name=group, flags=(f"--{group}",), type="class", required=True, help="Path of a class."
    )


def _take_class(group: str, name: str, module: Module, arguments: Arguments) -> None:
    found = _constructor(module, name)
    if found is None:
        arguments.note_gap(f"the arguments of {name or 'a class'} are not in the repository's code")
        return
    for argument in _parameters(group, *found):
        arguments.add(argument)


def _constructor(
    module: Module, name: str, depth: int = 0
) -> tuple[Module, ast.FunctionDef] | None:
    """A class's `__init__`, or that of the first base that has one."""
    place = module.find_class(name)
    if place is None or depth > _MAX_BASES:
        return None
    where, node = place
    for item in node.body:
        if isinstance(item, ast.FunctionDef) and item.name == "__init__":
            return where, item
    for base in node.bases:
        if found := _constructor(where, _last_name(base), depth + 1):
            return found
    return None


def _parameters(group: str, module: Module, function: ast.FunctionDef) -> Iterator[ScriptArgument]:
    taken = function.args
    positional = [*taken.posonlyargs, *taken.args]
    defaults: list[ast.expr | None] = [None] * (len(positional) - len(taken.defaults))
    pairs = [*zip(positional, [*defaults, *taken.defaults], strict=True)][1:]
    pairs += zip(taken.kwonlyargs, taken.kw_defaults, strict=True)
    for parameter, default in pairs:
        value, unknown = _default(module, default)
        kind, choices = _type(module, parameter.annotation)
        yield ScriptArgument(
            name=f"{group}.{parameter.arg}",
            flags=(f"--{group}.{parameter.arg}",),
            type=kind,
            default=value,
            choices=choices,
            required=default is None,
            unknown=unknown,
        )


def _default(module: Module, node: ast.expr | None) -> tuple[Any, tuple[str, ...]]:
    if node is None:
        return None, ()
    try:
        return module.names.value(node), ()
    except (NotStaticError, RecursionError):
        return None, ("default",)


def _type(module: Module, node: ast.expr | None) -> tuple[str, tuple[Any, ...] | None]:
    """`int`, `Optional[int]` and `int | None` are `int`; a Literal is its choices."""
    match node:
        case None:
            return "str", None
        case ast.Constant(value=str(written)):
            return (written if written in _SIMPLE else "other"), None
        case ast.Subscript(value=outer, slice=inner) if _last_name(outer) == "Optional":
            return _type(module, inner)
        case ast.Subscript(value=outer, slice=inner) if _last_name(outer) == "Literal":
            items = inner.elts if isinstance(inner, ast.Tuple) else [inner]
            values = [item.value for item in items if isinstance(item, ast.Constant)]
            return "str", tuple(value for value in values if isinstance(value, str | int))
        case ast.BinOp(left=left, op=ast.BitOr(), right=ast.Constant(value=None)):
            return _type(module, left)
    name = _last_name(node)
    if name in _SIMPLE:
        return name, None
    return ("path" if name == "Path" else name or "other"), None


def _last_name(node: ast.expr | None) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name[:60]
        case ast.Subscript(value=inner):
            return _last_name(inner)
    return ""
