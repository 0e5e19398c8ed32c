"""What was measured, apart from what is made of it: a run that was broken off can go on."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.compat.matrix import Shape, Version


@dataclass(frozen=True)
class Result:
    """One cell."""

    #: Name and finding of each check that did not hold.
    failed: dict[str, str]
    output: str
    seconds: float
    tries: int = 1

    @property
    def finding(self) -> str:
        return "; ".join(f"{name}: {text}" for name, text in self.failed.items()) or "passes"


class Results:
    """In memory, and in a file of one JSON object a line if there is one."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._cells: dict[tuple[str, str], Result] = {}
        if file is not None and file.exists():
            for line in file.read_text().splitlines():
                fields = json.loads(line)
                place = fields.pop("version"), fields.pop("shape")
                self._cells[place] = Result(**fields)

    def of(self, version: Version, shape: Shape) -> Result | None:
        return self._cells.get((str(version), shape.name))

    def add(self, version: Version, shape: Shape, result: Result) -> None:
        self._cells[str(version), shape.name] = result
        if self._file is not None:
            place = {"version": str(version), "shape": shape.name}
            with self._file.open("a") as file:
                file.write(json.dumps({**place, **asdict(result)}) + "\n")
