"""Run folder → store, exactly once: events after the stored byte offset become rows together with the new offset."""

from __future__ import annotations

import contextlib
import math
from typing import Any

from repo_runner.events import Event, read_batch
from repo_runner.models import RunPhase
from repo_runner.paths import RunPaths
from repo_runner.store import Changes, Store
from repo_runner.tables import RunRow

#: Names of metrics in a run's summary; more are in the store.
MAX_LAST_METRICS = 64
_MAX_NAME_CHARS = 500
_MAX_NOTES = 20


def ingest(store: Store, paths: RunPaths, run_id: str) -> RunRow:
    """Bring the store up to the run folder's event stream; returns the run as it then is."""
    while True:
        row = store.get(run_id)
        batch = read_batch(paths.events, row.events_offset)
        if batch.next_offset == row.events_offset:
            return row
        changes = interpret(batch.events, row)
        store.apply(
            run_id, offset=row.events_offset, next_offset=batch.next_offset, changes=changes
        )


def interpret(events: tuple[Event, ...], row: RunRow) -> Changes:
    """What the events mean for the store; an event this version does not know means nothing."""
    changes = Changes()
    state = _State(row, changes)
    for event in events:
        handler = getattr(state, f"on_{event.get('kind')}", None)
        if handler is not None:
            # The script could have written into the stream; what is no event must not keep its run from being seen.
            with contextlib.suppress(
                KeyError, TypeError, ValueError, AttributeError, OverflowError
            ):
                handler(event)
    return changes


class _State:
    """Folds events into the columns of a run's row."""

    def __init__(self, row: RunRow, changes: Changes) -> None:
        self._row = row
        self._changes = changes
        self._columns = changes.columns

    def on_phase(self, event: Event) -> None:
        phases = [dict(p) for p in self._now("phases")]
        if phases and phases[-1]["ended_at"] is None:
            phases[-1]["ended_at"] = event["t"]
        phase = RunPhase(event["phase"]).value
        phases.append({"phase": phase, "started_at": event["t"], "ended_at": None})
        self._columns.update(phase=phase, phases=phases, progress={"phase": phase})

    def on_environment(self, event: Event) -> None:
        self._columns["environment_key"] = event["environment_key"]

    def on_progress(self, event: Event) -> None:
        self._columns["progress"] = _data(event)

    def on_metrics(self, event: Event) -> None:
        last = self._columns.get("last_metrics")
        if (
            last is None
        ):  # copied once a batch: there may be tens of thousands of these events in it
            last = self._columns["last_metrics"] = dict(self._row.last_metrics)
        for given, raw in event["values"].items():
            name, (value, text) = _storable(given), _number(raw)
            self._changes.metrics.append(
                {
                    "name": name,
                    "step": event["step"],
                    "epoch": event.get("epoch"),
                    "timestamp": event["t"],
                    "value": value,
                    "text": text,
                }
            )
            if name in last or len(last) < MAX_LAST_METRICS:
                last[name] = value

    def on_resources(self, event: Event) -> None:
        self._changes.resources.append(
            {
                "timestamp": event["t"],
                "cpu_percent": event["cpu_percent"],
                "memory_bytes": event["memory_bytes"],
                "gpu_percent": event.get("gpu_percent"),
                "gpu_memory_bytes": event.get("gpu_memory_bytes"),
            }
        )

    def on_trainer(self, event: Event) -> None:
        self._columns["has_probe"] = True
        self._columns["trainer"] = {**self._now("trainer"), **_data(event)}

    def on_hparams(self, event: Event) -> None:
        self._columns["hparams"] = {**self._now("hparams"), **event["values"]}

    def on_checkpoints(self, event: Event) -> None:
        self._changes.checkpoints = event["items"]
        for item in event["items"]:
            if item["is_best"]:
                self._columns.update(
                    monitor=item["monitor"],
                    mode=item["mode"],
                    best_model_score=item["score"],
                    best_model_path=f"checkpoints/{item['name']}",
                )

    def on_note(self, event: Event) -> None:
        self._columns["notes"] = [*self._now("notes"), event["message"]][-_MAX_NOTES:]

    def on_retry(self, event: Event) -> None:
        self.on_note(event)

    def on_silence(self, event: Event) -> None:
        self._columns["silent_since"] = event.get("since")

    def on_exit(self, event: Event) -> None:
        phases = [dict(p) for p in self._now("phases")]
        if phases:
            phases[-1]["ended_at"] = event["t"]
        self._columns.update(
            phases=phases,
            exit_code=event.get("exit_code"),
            exit_signal=event.get("signal"),
            exit_cause=event.get("cause"),
        )

    def _now(self, column: str) -> Any:
        return (
            self._columns.get(column, getattr(self._row, column))
            or type(getattr(self._row, column))()
        )


def _data(event: Event) -> dict[str, Any]:
    return {k: v for k, v in event.items() if k not in ("seq", "t", "kind")}


def _storable(name: str) -> str:
    """Bounded, and without halves of characters, which no database takes."""
    return name[:_MAX_NAME_CHARS].encode(errors="replace").decode()


def _number(raw: Any) -> tuple[float | None, str | None]:
    """A finite number, or None and the word for what it was."""
    if isinstance(raw, str):
        return None, raw[:8]
    value = float(raw)
    return (value, None) if math.isfinite(value) else (None, str(value))
