"""A script and the modules of its repository that it imports, as syntax trees; nothing is executed."""

from __future__ import annotations

import ast
import threading
import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from repo_runner.literals import Names

MAX_SOURCE_BYTES = 512 * 1024
#: Of the modules a script imports, so many are looked at.
MAX_MODULES = 40

_quiet = threading.Lock()


@dataclass(frozen=True)
class Import:
    """One name that an import binds."""

    local: str
    #: Files that could be the module, best first.
    paths: tuple[str, ...]
    #: The name in that module; empty: the module itself.
    name: str = ""
    #: Files that could be a module of that name inside: `from package import module`.
    inner: tuple[str, ...] = ()
    #: The first part of the module's name: `torch` of `torch.utils.data`.
    package: str = ""
    #: The module's whole name.
    module: str = ""


@dataclass
class Module:
    """One parsed file."""

    path: str
    tree: ast.Module
    names: Names
    imports: tuple[Import, ...]
    #: Every identifier in it.
    words: frozenset[str]
    #: The repository's own modules behind its imports, by local name.
    imported: dict[str, tuple[Module, str]] = field(default_factory=dict)

    @property
    def packages(self) -> set[str]:
        """The first names of all it imports."""
        return {item.package for item in self.imports}

    @property
    def has_relative_imports(self) -> bool:
        """Whether it says `from . import …` while it is loaded."""
        return any(isinstance(node, ast.ImportFrom) and node.level for node in self.tree.body)

    def find_class(self, name: str) -> tuple[Module, ast.ClassDef] | None:
        """A class by the name it has here: its own, or one of an imported module."""
        for node in self.tree.body:
            if isinstance(node, ast.ClassDef) and node.name == name:
                return self, node
        module, there = self.imported.get(name, (None, ""))
        return module.find_class(there) if module and there and module is not self else None

    def calls(self, only: Collection[str] | None = None) -> Iterator[ast.Call]:
        """All calls in the order of the text; or those inside the functions that are named."""
        roots: list[ast.AST] = [self.tree]
        if only is not None:
            roots = [n for n in ast.walk(self.tree) if _is_function(n) and n.name in only]  # type: ignore[attr-defined]  # a function has a name
        calls = {id(n): n for root in roots for n in ast.walk(root) if isinstance(n, ast.Call)}
        yield from sorted(calls.values(), key=lambda call: (call.lineno, call.col_offset))


def parse_module(path: str, content: bytes, files: Collection[str], script: str) -> Module | None:
    """A file's tree; None when it is no Python, too long or too deep to look at."""
    if len(content) > MAX_SOURCE_BYTES:
        return None
    try:
        tree = _parse(content.decode("utf-8-sig", errors="replace"))
        imports = tuple(_imports(tree, path, files, script))
        return Module(path, tree, Names.of(tree), imports, _words(tree))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def connect(script: Module, modules: Mapping[str, Module]) -> None:
    """Tell a script which of its names lead to which of the repository's modules."""
    for item in script.imports:
        inner = next((modules[path] for path in item.inner if path in modules), None)
        outer = next((modules[path] for path in item.paths if path in modules), None)
        if inner or (outer and not item.name):
            module = inner or outer
            assert module is not None
            script.names.modules[item.local] = module.names
            script.imported[item.local] = (module, "")
        elif outer:
            script.names.imported[item.local] = (outer.names, item.name)
            script.imported[item.local] = (outer, item.name)


def wanted_modules(script: Module) -> tuple[str, ...]:
    """The files of the repository that hold what a script imports."""
    paths = dict.fromkeys(path for i in script.imports for path in (*i.inner, *i.paths))
    return tuple(path for path in paths if path != script.path)[:MAX_MODULES]


def _parse(text: str) -> ast.Module:
    with _quiet, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text)


def _words(tree: ast.Module) -> frozenset[str]:
    words = set()
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=word) | ast.Attribute(attr=word) | ast.alias(name=word):
                words.add(word)
    return frozenset(words)


def _imports(tree: ast.Module, path: str, files: Collection[str], script: str) -> Iterator[Import]:
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                for alias in names:
                    local = alias.asname or alias.name.partition(".")[0]
                    module = alias.name if alias.asname else local
                    yield _import(local, module, "", 0, path, files, script)
            case ast.ImportFrom(module=module, names=names, level=level):
                for alias in names:
                    local = alias.asname or alias.name
                    yield _import(local, module or "", alias.name, level, path, files, script)


def _import(
    local: str, module: str, name: str, level: int, path: str, files: Collection[str], script: str
) -> Import:
    """With the files that Python would look for, from the script's folder and the usual tops."""
    parts = [part for part in module.split(".") if part]
    if level:
        folder = PurePosixPath(path)
        for _ in range(min(level, 50)):
            folder = folder.parent
        tops = [folder]
    else:
        tops = [PurePosixPath(script).parent, PurePosixPath(), PurePosixPath("src")]
    whole = [top.joinpath(*parts) for top in tops]
    inner = [top.joinpath(*parts, name) for top in tops] if name else []
    return Import(
        local,
        paths=_files_of(whole, files),
        name=name,
        inner=_files_of(inner, files),
        package="" if level else module.partition(".")[0],
        module=module,
    )


def _files_of(places: Iterable[PurePosixPath], files: Collection[str]) -> tuple[str, ...]:
    candidates = [
        str(file)
        for place in places
        if place.name
        for file in (place.with_name(place.name + ".py"), place / "__init__.py")
    ]
    return tuple(dict.fromkeys(file for file in candidates if file in files))


def _is_function(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
