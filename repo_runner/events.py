"""A run's one event stream, `events.jsonl`: append-only, one JSON object a line, written by the supervisor alone.

Every event has `seq` (from 1, no gaps within a run), `t` (unix seconds, which never jump within an attempt) and `kind`;
the other keys depend on the kind:

| kind | keys |
|---|---|
| attempt | attempt, pid |
| phase | phase |
| source | commit_sha, checkout_bytes, reused |
| environment | environment_key, python, reused, packages |
| progress | the fields of models.Progress |
| metrics | values {name: number, "nan", "inf" or "-inf"}, step, epoch |
| trainer | facts of the trainer: versions, strategy, devices, params, … |
| hparams | values |
| stop_checkpoint | path, fit: what the probe saved when it was asked to stop, and in which fit of the process |
| checkpoints | items: every checkpoint the run folder now holds, each with the fields of models.Checkpoint |
| resources | cpu_percent, memory_bytes; where the run uses a GPU also gpu_percent, gpu_memory_bytes |
| note | code, message |
| silence | since: neither output nor progress since then, longer than the run's limit; null: it has ended |
| exit | exit_code, signal, stopped, cause |
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from repo_runner import clock
from repo_runner.masking import mask_text

Event = dict[str, Any]

_READ_BYTES = 4 << 20


class EventWriter:
    """Appends events; continues the numbering of an existing stream."""

    def __init__(self, path: Path, secrets: Sequence[str] = ()) -> None:
        self._secrets = secrets
        self._seq = _last_seq(path)
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def write(self, kind: str, /, t: float | None = None, **data: Any) -> None:
        """Append one event. `t`: when it happened, if not now. Raises OSError when the disk is full."""
        self._seq += 1
        event = {"seq": self._seq, "t": t or clock.now(), "kind": kind, **data}
        line = json.dumps(event, separators=(",", ":"), allow_nan=False, default=str)
        os.write(self._file, mask_text(line, self._secrets).encode() + b"\n")

    def close(self) -> None:
        """Make the stream durable and close it."""
        os.fsync(self._file)
        os.close(self._file)


@dataclass(frozen=True)
class Batch:
    """Whole events read from a byte offset, and the offset after them."""

    events: tuple[Event, ...]
    next_offset: int


def read_batch(path: Path, offset: int) -> Batch:
    """The events after `offset`, up to 4 MiB; a last line without newline is left for the next read."""
    try:
        with path.open("rb") as file:
            file.seek(offset)
            data = file.read(_READ_BYTES)
    except FileNotFoundError:
        return Batch((), offset)
    whole = data[: data.rfind(b"\n") + 1]
    return Batch(tuple(_parse(whole)), offset + len(whole))


def _parse(data: bytes) -> Iterator[Event]:
    """A line that is no JSON object (a torn write of a killed process) is passed over."""
    for line in data.splitlines():
        try:
            event = from_json(line)  # three times as fast as the standard library's
        except ValueError:
            continue
        if isinstance(event, dict):
            yield event


def _last_seq(path: Path) -> int:
    """Also ends a torn last line, so that the next event starts on a line of its own."""
    if not path.exists():
        return 0
    data = path.read_bytes()
    if data and not data.endswith(b"\n"):
        with path.open("ab") as file:
            file.write(b"\n")
    return max((int(e.get("seq", 0)) for e in _parse(data)), default=0)
