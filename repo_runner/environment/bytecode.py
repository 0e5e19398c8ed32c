"""Bytecode of an environment: there before its first run, hard-linked where another one has it.

Importing torch and lightning costs several seconds more without it. A compiled file is named in the
store by the hash that its package's RECORD gives for the source, and by the source's modification
time, which Python checks when it imports; sources are hard links into the installer's cache, so
they keep that time from one environment to the next.
"""

from __future__ import annotations

import contextlib
import csv
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from repo_runner import process
from repo_runner.environment.installer import BuildWatch

#: Thousands of files that a run does not import, or compiles by itself when it does.
_SKIPPED = r"/tests?/"
_TIMEOUT_S = 1800.0
_FEW = 300
#: Progress is said every so many modules.
_REPORTED = 100


@dataclass(frozen=True)
class _Module:
    source: Path
    compiled: Path
    stored: Path


class BytecodeStore:
    """Compiled files shared by all environments; nothing ever writes into one, not even Python."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def compile(self, venv: Path, tag: str, watch: BuildWatch) -> None:
        """Give an environment all its bytecode: link what is known, compile and keep the rest."""
        modules = list(self._modules(venv, tag))
        missing = [module for module in modules if not _link(module.stored, module.compiled)]
        if not missing:
            return
        _compile(venv, [module.source for module in missing], watch)
        for module in missing:
            _link(module.compiled, module.stored)

    def prune(self) -> None:
        """Remove what no environment uses any more."""
        for folder, _, names in os.walk(self._root):
            for path in (Path(folder, name) for name in names):
                with contextlib.suppress(FileNotFoundError):  # pruned by someone else
                    if path.stat().st_nlink == 1:
                        path.unlink()

    def _modules(self, venv: Path, tag: str) -> Iterator[_Module]:
        for record in venv.glob("lib/python*/site-packages/*.dist-info/RECORD"):
            packages = record.parent.parent
            with record.open(newline="", encoding="utf-8") as file:
                for row in csv.reader(file):
                    if len(row) > 1 and row[0].endswith(".py") and row[1].startswith("sha256="):
                        yield from self._module(packages / row[0], row[1][7:], tag)

    def _module(self, source: Path, digest: str, tag: str) -> Iterator[_Module]:
        if "/test/" in source.as_posix() or "/tests/" in source.as_posix():
            return
        with contextlib.suppress(
            FileNotFoundError
        ):  # a RECORD may name what the package's own installer removed
            modified = source.stat().st_mtime_ns
            yield _Module(
                source=source,
                compiled=source.parent / "__pycache__" / f"{source.stem}.{tag}.pyc",
                stored=self._root / tag / digest[:2] / f"{digest}-{modified}",
            )


def _link(existing: Path, name: Path) -> bool:
    """Give a file a second name; False when it is not there or cannot have one."""
    try:
        os.link(existing, name)
    except FileExistsError:
        return True
    except FileNotFoundError:
        if not existing.exists():
            return False
        name.parent.mkdir(parents=True, exist_ok=True)
        return _link(existing, name)
    except OSError:
        return False
    return True


def _compile(venv: Path, sources: Sequence[Path], watch: BuildWatch) -> None:
    """With the environment's interpreter, without start-up files; a bad source is no error."""
    done = 0

    def on_line(line: str) -> None:
        nonlocal done
        if line.startswith("Compiling "):
            done += 1
            if done % _REPORTED == 0:
                share = min(done / len(sources), 1.0)
                watch.on_progress(
                    "compiling", 0.8 + 0.2 * share, f"Compiled {done} of {len(sources)} modules"
                )

    watch.log(f"Compiling {len(sources)} modules to bytecode")
    argv = [
        str(venv / "bin/python"),
        "-I",
        "-S",
        "-u",
        "-m",
        "compileall",
        *_selection(venv, sources),
    ]
    process.run(argv, env={}, timeout_s=_TIMEOUT_S, cancel=watch.cancel, on_line=on_line)


def _selection(venv: Path, sources: Sequence[Path]) -> list[str]:
    """For a folder compileall uses all cores but looks at every file; for a list it uses one."""
    if len(sources) > _FEW:
        return ["-j", "0", "-x", _SKIPPED, str(venv / "lib")]
    listed = venv.parent / "modules.txt"
    listed.write_text("".join(f"{path}\n" for path in sources))
    return ["-i", str(listed)]
