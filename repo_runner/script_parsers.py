"""Which parser of a script an argument belongs to: the main one, or those of subcommands; by its source."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from repo_runner.literals import NotStaticError
from repo_runner.script_source import Module

#: Stands for every subcommand: the source does not tell which.
ANY = "*"
_GROUPS = ("add_argument_group", "add_mutually_exclusive_group", "add_subparsers")
#: From a name to what it stands for, and of the parsers one function is given, so many are looked at.
_MAX_STEPS = 4
_MAX_GIVEN = 8

_Function = ast.FunctionDef | ast.AsyncFunctionDef
#: A function, or 0 for the module itself, and a name in it.
_Place = tuple[int, str]


@dataclass(eq=False)
class _Parser:
    """The main parser, or that of a subcommand."""

    subcommands: set[str] = field(default_factory=set)
    is_main: bool = False
    is_nested: bool = False


class Parsers:
    """The parsers of one module."""

    def __init__(self, module: Module) -> None:
        self._module = module
        self._scopes: dict[int, int] = {}
        self._functions: dict[str, _Function] = {}
        #: What a name stands for, from a line on.
        self._bound: defaultdict[_Place, list[tuple[int, ast.expr]]] = defaultdict(list)
        self._made: dict[int, _Parser] = {}
        #: What was asked for subparsers is a main parser, wherever it came from.
        self._dividing: set[_Place] = set()
        self._main = _Parser(is_main=True)
        nodes = list(self._scoped())
        for node in nodes:
            self._bind(node)
        calls = [node for node in nodes if isinstance(node, ast.Call)]
        for call in calls:
            self._hand_over(call)
        for call in calls:
            self._note_parents(call)

    def subcommands_of(self, call: ast.Call) -> frozenset[str] | None:
        """Of `parser.add_argument(…)`: none for the main parser's; None for what is below a subcommand."""
        receiver = call.func.value if isinstance(call.func, ast.Attribute) else None
        found = list(self._parsers(receiver, self._scopes.get(id(call), 0))) if receiver else []
        if not found:
            return frozenset({ANY})
        if all(parser.is_nested for parser in found):
            return None
        if any(parser.is_main for parser in found):
            return frozenset()
        return frozenset().union(*(parser.subcommands for parser in found))

    def _scoped(self) -> Iterator[ast.AST]:
        """All nodes in the order of the text, noting in which function each is."""
        stack: list[tuple[ast.AST, int]] = [(self._module.tree, 0)]
        while stack:
            node, scope = stack.pop()
            self._scopes[id(node)] = scope
            if isinstance(node, _Function):
                self._functions.setdefault(node.name, node)
                scope = id(node)
            stack += [(child, scope) for child in reversed(list(ast.iter_child_nodes(node)))]
            yield node

    def _bind(self, node: ast.AST) -> None:
        scope = self._scopes[id(node)]
        match node:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    self._note(target, scope, value)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self._note(target, scope, value)
            case ast.Call(func=ast.Attribute(attr="add_subparsers", value=value)):
                self._dividing.add(self._place(_dotted(value), scope))

    def _note(self, target: ast.expr, scope: int, value: ast.expr) -> None:
        if name := _dotted(target):
            self._bound[self._place(name, scope)].append((target.lineno, value))

    def _hand_over(self, call: ast.Call) -> None:
        """A parser given to a function of this module is what its parameter stands for there."""
        function = self._functions.get(call.func.id) if isinstance(call.func, ast.Name) else None
        if function is None:
            return
        for parameter, value in zip(function.args.args, call.args, strict=False):
            self._bound[id(function), parameter.arg].append((0, value))

    def _note_parents(self, call: ast.Call) -> None:
        """`parents=[common]`: what belongs to `common` belongs to this one."""
        scope = self._scopes[id(call)]
        for keyword in call.keywords:
            if keyword.arg == "parents" and isinstance(keyword.value, ast.List):
                for own in self._parsers(call, scope):
                    for item in keyword.value.elts:
                        for parent in self._parsers(item, scope):
                            parent.is_main = own.is_main
                            parent.subcommands |= own.subcommands

    def _parsers(
        self, node: ast.expr, scope: int, seen: frozenset[_Place] = frozenset()
    ) -> Iterator[_Parser]:
        """What an expression stands for; several where a function is given several."""
        match node:
            case ast.Call(func=ast.Attribute(attr="add_parser", value=place)):
                yield self._subparser(node, list(self._parsers(place, scope, seen)))
            case ast.Call(func=ast.Attribute(attr=attr, value=inner)) if attr in _GROUPS:
                yield from self._parsers(inner, scope, seen)
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name.endswith(
                "ArgumentParser"
            ):
                yield self._made.setdefault(id(node), _Parser(is_main=True))
            case ast.Name() | ast.Attribute():
                yield from self._named(node, scope, seen)

    def _subparser(self, call: ast.Call, owners: list[_Parser]) -> _Parser:
        nested = any(owner.subcommands for owner in owners)
        return self._made.setdefault(id(call), _Parser({self._name(call)}, is_nested=nested))

    def _named(self, node: ast.expr, scope: int, seen: frozenset[_Place]) -> Iterator[_Parser]:
        place = self._place(_dotted(node), scope)
        if place in seen or len(seen) > _MAX_STEPS:
            return
        bound = self._bound.get(place) or self._bound.get((0, place[1]), [])
        given = [value for line, value in bound if line == 0]
        before = [value for line, value in bound if 0 < line < node.lineno]
        after = [value for line, value in bound if line]
        found = [
            parser
            for value in before[-1:] or given[:_MAX_GIVEN] or after[-1:]
            for parser in self._parsers(value, self._scopes[id(value)], seen | {place})
        ]
        if not found and place in self._dividing:
            found = [self._main]
        yield from found

    def _name(self, call: ast.Call) -> str:
        try:
            name = self._module.names.value(call.args[0]) if call.args else None
        except (NotStaticError, RecursionError):
            return ANY
        return name if isinstance(name, str) else ANY

    @staticmethod
    def _place(name: str, scope: int) -> _Place:
        """An attribute such as `self.parser` is the same in all functions."""
        return (0 if "." in name else scope), name


def _dotted(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=ast.Name(id=name), attr=attr):
            return f"{name}.{attr}"
    return ""
