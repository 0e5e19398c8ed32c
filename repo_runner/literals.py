"""What an expression of a Python source is, when that can be said without running anything."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

_MAX_DEPTH = 20
_MAX_LOOKS = 20_000
_MAX_ITEMS = 200
_MAX_CHARS = 2000

_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}


class NotStaticError(Exception):
    """Only running the script would tell."""


@dataclass
class Names:
    """A module's constants by name, and those of the modules it imports."""

    assigned: Mapping[str, ast.expr] = field(default_factory=dict)
    #: By local name: what came from another module, with its name there.
    imported: dict[str, tuple[Names, str]] = field(default_factory=dict)
    #: By local name: whole modules.
    modules: dict[str, Names] = field(default_factory=dict)
    #: Looks so far; a source that needs too many is made to need them.
    _looks: int = 0

    @classmethod
    def of(cls, tree: ast.Module) -> Names:
        """The assignments at the top of a module; of several to one name the last counts."""
        assigned: dict[str, ast.expr] = {}
        for node in tree.body:
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    assigned[name] = value
                case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                    assigned[name] = value
        return cls(assigned)

    def value(self, node: ast.expr, depth: int = 0) -> Any:
        """The value as JSON knows it. Raises NotStaticError."""
        self._looks += 1
        if depth > _MAX_DEPTH or self._looks > _MAX_LOOKS:
            raise NotStaticError
        match node:
            case ast.Constant(value=value):
                return _plain(value)
            case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
                return [self.value(item, depth + 1) for item in _few(items)]
            case ast.Name() | ast.Attribute():
                names, found = self._find(node)
                return names.value(found, depth + 1)
            case ast.Subscript(value=container, slice=index):
                return self.item(container, self.value(index, depth + 1), depth + 1)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -_number(self.value(operand, depth + 1))
            case ast.BinOp(left=left, op=op, right=right):
                values = self.value(left, depth + 1), self.value(right, depth + 1)
                return _calculated(type(op), *values)
            case ast.Call(func=function, args=arguments, keywords=[]):
                return self._call(function, arguments, depth + 1)
        raise NotStaticError

    def _call(self, function: ast.expr, arguments: list[ast.expr], depth: int) -> Any:
        """The few calls that only rearrange what is there."""
        match function, arguments:
            case ast.Name(id="list" | "tuple" | "sorted" | "set" as name), [item]:
                keys = self.keys(item, depth)
                return sorted(keys, key=str) if name == "sorted" else keys
            case ast.Attribute(value=item, attr="keys"), []:
                return self.keys(item, depth)
            case ((ast.Name(id="Path") | ast.Attribute(attr="Path")), [item]):
                return str(self.value(item, depth))
            case ast.Name(id="range"), [_, *_] if len(arguments) <= 3:
                bounds = [self.value(item, depth) for item in arguments]
                if all(type(bound) is int for bound in bounds) and 0 not in bounds[2:]:
                    return _few(range(*bounds))
        raise NotStaticError

    def keys(self, node: ast.expr, depth: int) -> list[Any]:
        """What iterating gives: of a dictionary its keys, whatever their values are. Raises NotStaticError."""
        match node:
            case ast.Dict(keys=keys):
                return [self.value(key, depth + 1) for key in _few(keys) if key is not None]
            case ast.Name() | ast.Attribute() if depth <= _MAX_DEPTH:
                names, found = self._find(node)
                return names.keys(found, depth + 1)
            case ast.Call(func=ast.Attribute(value=inner, attr="keys"), args=[]):
                return self.keys(inner, depth + 1)
        value = self.value(node, depth + 1)
        if not isinstance(value, list):
            raise NotStaticError
        return value

    def item(self, node: ast.expr, index: Any, depth: int) -> Any:
        """One item of a dictionary or a list. Raises NotStaticError."""
        match node:
            case ast.Dict(keys=keys, values=values):
                for key, value in zip(_few(keys), values, strict=True):
                    if key is not None and self.value(key, depth + 1) == index:
                        return self.value(value, depth + 1)
            case ast.Name() | ast.Attribute() if depth <= _MAX_DEPTH:
                names, found = self._find(node)
                return names.item(found, index, depth + 1)
            case ast.List(elts=items) | ast.Tuple(elts=items) if isinstance(index, int):
                if -len(items) <= index < len(items):
                    return self.value(items[index], depth + 1)
        raise NotStaticError

    def _find(self, node: ast.Name | ast.Attribute) -> tuple[Names, ast.expr]:
        """Where a name is assigned: here, or one module further."""
        match node:
            case ast.Name(id=name) if name in self.assigned:
                return self, self.assigned[name]
            case ast.Name(id=name) if name in self.imported:
                module, there = self.imported[name]
                if there in module.assigned:
                    return module, module.assigned[there]
            case ast.Attribute(value=ast.Name(id=name), attr=attr) if name in self.modules:
                if attr in self.modules[name].assigned:
                    return self.modules[name], self.modules[name].assigned[attr]
        raise NotStaticError


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return value[:_MAX_CHARS].encode(errors="replace").decode()
    if value is None or isinstance(value, bool | int | float):
        return value
    raise NotStaticError


def _few(items: Any) -> Any:
    if len(items) > _MAX_ITEMS:
        raise NotStaticError
    return list(items)


def _number(value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise NotStaticError
    return value


def _calculated(kind: type[ast.operator], left: Any, right: Any) -> Any:
    """Small sums only: `2 ** 10`, `60 * 60`, texts put together."""
    if kind is ast.Add and isinstance(left, str) and isinstance(right, str):
        return (left + right)[:_MAX_CHARS]
    if kind not in _ARITHMETIC or max(abs(_number(left)), abs(_number(right))) > 1e15:
        raise NotStaticError
    if kind is ast.Pow and abs(right) > 64:
        raise NotStaticError
    try:
        result = _ARITHMETIC[kind](left, right)
    except (ArithmeticError, ValueError) as error:
        raise NotStaticError from error
    return _number(result)
