"""Runs the matrix of `matrix.toml` and prints it into `docs/compatibility.md`.

    python -m tests.compat [--versions "lightning 2.6.6" 1.5.10 ...] [--shapes ddp crash ...]

With a part of the matrix the table is printed, but the page stays as it is. Ends with 1 if a cell is not as expected.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from tests.compat import checks, page, pythons, scenarios
from tests.compat.matrix import Expected, Matrix, Shape, Version
from tests.compat.observation import ROOT, Script, build_environment
from tests.compat.page import Cell
from tests.compat.results import Result, Results

UV = Path(sys.executable).with_name("uv")
OUTPUT = ROOT / "docs" / "compatibility.md"


class Run:
    """The cells that were asked for, an environment at a time; environments are thrown away again."""

    def __init__(self, folder: Path, matrix: Matrix, results: Results) -> None:
        self._folder = folder
        self._matrix = matrix
        self._results = results

    def cells(self, versions: list[Version], shapes: list[Shape]) -> Iterator[Cell]:
        for version in versions:
            applicable = [s for s in shapes if version.has_both or not s.get("needs_both")]
            environment = self._folder / str(version).replace(" ", "-")
            python: Path | None = None
            for shape in applicable:
                if self._results.of(version, shape) is None:
                    python = python or self._build(version, environment)
                    self._measure(version, shape, python)
                yield self._cell(version, shape)
            shutil.rmtree(environment, ignore_errors=True)

    def _build(self, version: Version, folder: Path) -> Path:
        overrides = self._folder / "overrides.txt"
        overrides.write_text("\n".join(self._matrix.overrides(version)))
        options = ("--compile-bytecode", "--overrides", str(overrides))
        requirements = self._matrix.requirements(version)
        python = build_environment(UV, folder, *requirements, options=options)
        # Without this, every cell would say the same.
        subprocess.run([str(python), "-c", f"import {version.imported}"], check=True)
        return python

    def _measure(self, version: Version, shape: Shape, python: Path) -> None:
        result = self._try(version, shape, python)
        if not _is_expected(self._matrix.expected(version, shape), result):
            # Once more: a machine under load may be late. What then fails, fails.
            result = replace(self._try(version, shape, python), tries=2)
        self._results.add(version, shape, result)

    def _cell(self, version: Version, shape: Shape) -> Cell:
        expected, result = self._matrix.expected(version, shape), self._results.of(version, shape)
        assert result is not None
        return Cell(version, shape, expected, result, is_expected=_is_expected(expected, result))

    def _try(self, version: Version, shape: Shape, python: Path) -> Result:
        folder = Path(tempfile.mkdtemp(dir=self._folder))
        script = Script(python, folder, version.imported)
        began = time.monotonic()
        try:
            shape = self._matrix.shape_for(version, shape)
            seen = scenarios.run(shape, script)
            failed, output = checks.failed(shape, seen), seen.stderr[-1500:]
        except (TimeoutError, LookupError) as error:
            failed, output = {"run": str(error)[:300]}, ""
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return Result(failed, output if failed else "", round(time.monotonic() - began, 1))


def _is_expected(expected: Expected, result: Result) -> bool:
    failed = result.failed
    if expected.outcome == "pass":
        return not failed
    if expected.outcome == "unsupported":
        return "exit" in failed or "run" in failed
    return set(failed) == set(expected.fails)


def _try_pythons(folder: Path) -> dict[str, str]:
    """What is wrong under each Python that is there; nothing is the empty text."""
    found = {name: pythons.find(UV, name) for name in pythons.PYTHONS}
    findings = {}
    for name, python in found.items():
        if python is not None:
            place = Path(tempfile.mkdtemp(dir=folder))
            findings[name] = pythons.finding(python, place)
            print(f"Python {name} with a stand-in: {findings[name] or 'pass'}", flush=True)
    return findings


def main() -> int:
    matrix = Matrix()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--versions", nargs="*", help='for instance 1.5.10, or "lightning 2.6.6"')
    parser.add_argument("--shapes", nargs="*", choices=[shape.name for shape in matrix.shapes])
    parser.add_argument(
        "--results", type=Path, help="keep results here, and take those already there"
    )
    asked = parser.parse_args()
    wanted = asked.versions or [str(version) for version in matrix.versions]
    versions = [v for v in matrix.versions if {str(v), v.number} & set(wanted)]
    shapes = [s for s in matrix.shapes if not asked.shapes or s.name in asked.shapes]
    is_whole = (versions, shapes) == (matrix.versions, matrix.shapes)
    os.environ["OMP_NUM_THREADS"] = "1"
    folder = Path(tempfile.mkdtemp(prefix="compat-"))
    cells = []
    try:
        run = Run(folder, matrix, Results(asked.results))
        for cell in run.cells(versions, shapes):
            print(cell.line(), flush=True)
            cells.append(cell)
        others = _try_pythons(folder)
    finally:
        shutil.rmtree(folder)
    table = page.render(cells, versions, shapes, others)
    if is_whole:
        OUTPUT.write_text(table)
        print(f"Written: {OUTPUT.relative_to(ROOT)}")
    else:
        print(table)
    return int(any(others.values()) or any(not cell.is_expected for cell in cells))


if __name__ == "__main__":
    raise SystemExit(main())
