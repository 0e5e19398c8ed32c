"""How a person names a script: `folder/train.py`, or `-m package.module` as Python itself takes it."""

from __future__ import annotations

from pathlib import PurePosixPath

from repo_runner.errors import InvalidInput

_MODULE = "-m "


def module_of(text: str) -> str:
    """The dotted name in `-m package.module`; empty for a path. Raises InvalidInput (field `script_path`)."""
    text = text.strip()
    if not text.startswith(_MODULE) and text != _MODULE.strip():
        return ""
    module = text.removeprefix(_MODULE.strip()).strip()
    if not all(part.isidentifier() for part in module.split(".")):
        raise InvalidInput(
            f"{module[:80]!r} is not the name of a module.",
            field="script_path",
            hint="Write it with dots, such as -m package.train; its arguments go into their own field.",
        )
    return module


def files_of(module: str) -> tuple[str, str]:
    """Where Python finds a module that it runs: the file itself, or its package's `__main__.py`."""
    path = module.replace(".", "/")
    return f"{path}.py", f"{path}/__main__.py"


def module_at(script_path: str) -> str:
    """The name by which `python -m` would run a file; empty when its path is no chain of names."""
    parts = PurePosixPath(script_path).with_suffix("").parts
    parts = parts[:-1] if parts[-1:] == ("__main__",) else parts
    return ".".join(parts) if parts and all(part.isidentifier() for part in parts) else ""
