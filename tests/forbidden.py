"""What app code must not contain: whatever turns data into code, or text into a shell's command."""

from __future__ import annotations

import ast
from collections.abc import Iterator

#: To import one is enough.
MODULES = frozenset(
    {"pickle", "_pickle", "cPickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"}
)
#: To mention one is enough: who holds it can call it.
NAMES = frozenset(
    {
        *("eval", "exec", "builtins.eval", "builtins.exec"),
        *("torch.load", "torch.jit.load", "torch.package", "pandas.read_pickle"),
        *("yaml.unsafe_load", "yaml.unsafe_load_all", "yaml.full_load", "yaml.full_load_all"),
        *("yaml.Loader", "yaml.UnsafeLoader", "yaml.FullLoader"),
        *("os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput"),
    }
)
#: On whatever object.
ATTRIBUTES = frozenset({"load_from_checkpoint", "create_subprocess_shell"})
_IMPORTERS = frozenset({"__import__", "importlib.import_module"})
_SAFE_LOADERS = frozenset({"yaml.SafeLoader", "yaml.CSafeLoader"})


def forbidden(source: str) -> Iterator[tuple[int, str]]:
    """Line and name of each, under whatever name it was imported."""
    tree = ast.parse(source)
    known = dict(_imported(tree))
    for node in ast.walk(tree):
        yield from ((node.lineno, found) for found in _in_node(node, known))  # type: ignore[attr-defined]


def _in_node(node: ast.AST, known: dict[str, str]) -> Iterator[str]:
    match node:
        case ast.Import(names=names):
            yield from (a.name for a in names if a.name.split(".")[0] in MODULES or a.name in NAMES)
        case ast.ImportFrom(module=str(module), names=names):
            whole = [module, *(f"{module}.{alias.name}" for alias in names)]
            yield from (n for n in whole if n.split(".")[0] in MODULES or n in NAMES)
        case ast.Name() | ast.Attribute():
            name = _dotted(node, known)
            if name in NAMES:
                yield name
            elif isinstance(node, ast.Attribute) and node.attr in ATTRIBUTES:
                yield node.attr
        case ast.Call():
            yield from _in_call(node, known)


def _in_call(call: ast.Call, known: dict[str, str]) -> Iterator[str]:
    name = _dotted(call.func, known)
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    if not _is_false(given.get("shell")):
        yield "shell="
    if name == "numpy.load" and not _is_false(given.get("allow_pickle")):
        yield "numpy.load(allow_pickle=…)"
    if name in ("yaml.load", "yaml.load_all"):
        loader = given.get("Loader") or (call.args[1] if len(call.args) > 1 else None)
        if loader is None or _dotted(loader, known) not in _SAFE_LOADERS:
            yield f"{name} without a safe loader"
    match call:
        case ast.Call(args=[ast.Constant(value=str(module)), *_]) if name in _IMPORTERS:
            if module.split(".")[0] in MODULES:
                yield module
        case ast.Call(args=[owner, ast.Constant(value=str(attribute)), *_]) if name == "getattr":
            if f"{_dotted(owner, known)}.{attribute}" in NAMES or attribute in ATTRIBUTES:
                yield attribute


def _imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Each name that an import binds, and what it stands for."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                for alias in names:
                    yield (
                        (alias.asname or alias.name.split(".")[0]),
                        (alias.name if alias.asname else alias.name.split(".")[0]),
                    )
            case ast.ImportFrom(module=str(module), names=names):
                for alias in names:
                    yield alias.asname or alias.name, f"{module}.{alias.name}"


def _dotted(node: ast.expr, known: dict[str, str]) -> str:
    match node:
        case ast.Name(id=name):
            return known.get(name, name)
        case ast.Attribute(value=value, attr=attribute):
            return f"{_dotted(value, known)}.{attribute}"
    return "?"


def _is_false(value: ast.expr | None) -> bool:
    """Left out, or plainly False."""
    return value is None or (isinstance(value, ast.Constant) and value.value is False)
