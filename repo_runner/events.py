"""A run's one event stream, `events.jsonl`: append-only, one JSON object a line, written by the supervisor alone.

Only `retry` is written by the run's follower, when no supervisor lives.
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
| retry | attempt (which failed), error_code, message; retry, of: the how manieth of how many; retry_at: when |
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from repo_runner import clock
from repo_runner.masking import mask_values

Event = dict[str, Any]

_READ_BYTES = 4 << 20
_TAIL_BYTES = 64 << 10
#: What may wait for room on the disk; events that come often and are soon outdated leave half of it to the others.
_MAX_WAITING_BYTES = 4 << 20
_FREQUENT = frozenset({"progress", "metrics", "resources"})
#: As events spell them: JSON has no such numbers.
_NOT_FINITE = {"NaN": "nan", "Infinity": "inf", "-Infinity": "-inf"}
_AS_LINE: dict[str, Any] = {"separators": (",", ":"), "allow_nan": False, "default": str}


class EventWriter:
    """Appends events; continues the numbering of an existing stream.

    Never raises for a full disk: what cannot be written waits in memory and goes out with the next event. Only when too
    much waits, events are lost; how many is said in the stream as soon as it can be written again.
    """

    def __init__(self, path: Path, secrets: Sequence[str] = ()) -> None:
        self._path = path
        self._secrets = secrets
        self._seq, self._waiting = _continue(path)
        self._file: int | None = None
        self._lost = 0
        self.flush()

    def write(self, kind: str, /, t: float | None = None, **data: Any) -> None:
        """Append one event. `t`: when it happened, if not now."""
        limit = _MAX_WAITING_BYTES // 2 if kind in _FREQUENT else _MAX_WAITING_BYTES
        if len(self._waiting) > limit and not self.flush():
            self._lost += 1
            return
        self._append(kind, t, data)
        if self.flush() and self._lost:
            lost, self._lost = self._lost, 0
            message = f"{lost} events were lost while the disk was full: the curves have a gap."
            self.write("note", code="events_lost", message=message)

    def flush(self) -> bool:
        """Write what waits; False when it cannot be written now."""
        try:
            if self._file is None:
                flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
                self._file = os.open(self._path, flags, 0o600)
            while self._waiting:
                self._waiting = self._waiting[os.write(self._file, self._waiting) :]
        except OSError:
            return False
        return True

    def close(self) -> None:
        """Make the stream durable and close it; raises OSError when that cannot be done now."""
        if not self.flush():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._path))
        if self._file is not None:
            os.fsync(self._file)
            os.close(self._file)
            self._file = None

    def _append(self, kind: str, t: float | None, data: dict[str, Any]) -> None:
        self._seq += 1
        event = {"seq": self._seq, "t": t or clock.now(), "kind": kind}
        self._waiting += _line({**event, **mask_values(data, self._secrets)}).encode() + b"\n"


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
    except OSError:  # not there yet, or taken away
        return Batch((), offset)
    whole = data[: data.rfind(b"\n") + 1]
    if not whole and len(data) == _READ_BYTES:
        whole = data  # no event is that long: what is left of this line will not be one either
    return Batch(tuple(_parse(whole)), offset + len(whole))


def newest_event(path: Path) -> Event | None:
    """The last one of a stream, if it is not very long."""
    size = path.stat().st_size if path.exists() else 0
    events = read_batch(path, max(size - _TAIL_BYTES, 0)).events
    return events[-1] if events else None


def _line(event: Event) -> str:
    try:
        return json.dumps(event, **_AS_LINE)
    except ValueError:  # a number too large for a float is infinite, wherever it hides
        spelled = json.loads(json.dumps(event, default=str), parse_constant=_NOT_FINITE.get)
        return json.dumps(spelled, **_AS_LINE)


def _parse(data: bytes) -> Iterator[Event]:
    """A line that is no JSON object (a torn write of a killed process) is passed over."""
    for line in data.splitlines():
        try:
            event = from_json(line)  # three times as fast as the standard library's
        except ValueError:
            continue
        if isinstance(event, dict):
            yield event


def _continue(path: Path) -> tuple[int, bytes]:
    """The last number, and what ends a torn last line, so that the next event starts on a line of its own."""
    data = path.read_bytes() if path.exists() else b""
    torn = data and not data.endswith(b"\n")
    return max((int(e.get("seq", 0)) for e in _parse(data)), default=0), b"\n" if torn else b""
