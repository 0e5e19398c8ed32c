"""What a run may hold and use up, as text fields of the form, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from repo_runner.errors import InvalidInput
from repo_runner.models import RunSpec, Submission
from repo_runner.quantity import parse_bytes, parse_seconds

#: By the field of a submission: label, what stands in it while it is empty.
HELD = {
    "resources.cpus": ("CPU cores", "any"),
    "resources.memory_bytes": ("Memory", "such as 8GB"),
    "resources.gpus": ("GPUs", "one, if any"),
    "priority": ("Priority", "-100 to 100"),
}
ENDS = {
    "limits.time_s": ("Time limit", "such as 2h"),
    "limits.memory_bytes": ("Memory limit", "such as 8GB"),
    "limits.disk_bytes": ("Disk limit", "such as 20GB"),
    "limits.silence_s": ("Silence limit", "such as 30m"),
}
AGAIN = {"retries.times": ("Retries", "0")}
STOP_WHEN_SILENT = "limits.on_silence"
RETRY_ON = "retries.error_codes"

TEXTS = {**HELD, **ENDS, **AGAIN}
EMPTY: dict[str, Any] = {**dict.fromkeys(TEXTS, ""), STOP_WHEN_SILENT: False, RETRY_ON: ()}
_DURATIONS = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))
_SIZES = ((1000**4, "TB"), (1000**3, "GB"), (1 << 30, "GiB"), (1000**2, "MB"), (1 << 20, "MiB"))


def limits_of(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return these parts of a submission; raises `InvalidInput` at the field that cannot be read."""
    text = {field: str(fields.get(field, "")).strip() for field in TEXTS}
    read = {field: _read(field, value) for field, value in text.items() if value}
    part = {
        group: {
            name.partition(".")[2]: value for name, value in read.items() if name.startswith(group)
        }
        for group in ("resources", "limits", "retries")
    }
    part["limits"]["on_silence"] = "stop" if fields.get(STOP_WHEN_SILENT) else "flag"
    part["retries"]["error_codes"] = tuple(fields.get(RETRY_ON) or ())
    return {**part, "priority": read.get("priority", 0)}


def texts_of(spec: RunSpec | Submission) -> dict[str, Any]:
    """Return what the fields say for a run that was asked for so."""
    held, ends, again = spec.resources, spec.limits, spec.retries
    return {
        "resources.cpus": _number(held.cpus),
        "resources.memory_bytes": size_text(held.memory_bytes),
        "resources.gpus": _number(held.gpus),
        "priority": _number(spec.priority or None),
        "limits.time_s": duration_text(ends.time_s),
        "limits.memory_bytes": size_text(ends.memory_bytes),
        "limits.disk_bytes": size_text(ends.disk_bytes),
        "limits.silence_s": duration_text(ends.silence_s),
        STOP_WHEN_SILENT: ends.on_silence == "stop",
        "retries.times": _number(again.times or None),
        RETRY_ON: list(again.error_codes),
    }


def size_text(count: int | None) -> str:
    """Return an amount exactly, in the largest unit that it is a whole number of."""
    if count is None:
        return ""
    return next(
        (f"{count // unit}{name}" for unit, name in _SIZES if count % unit == 0), str(count)
    )


def duration_text(seconds: float | None) -> str:
    """Return a duration exactly, such as `1h30m`."""
    if seconds is None:
        return ""
    if seconds != int(seconds):
        return f"{seconds:g}s"
    parts, rest = [], int(seconds)
    for unit, name in _DURATIONS:
        count, rest = divmod(rest, unit)
        parts += [f"{count}{name}"] if count else []
    return "".join(parts)


def _read(field: str, text: str) -> float | int:
    if field.endswith("_bytes"):
        return parse_bytes(text, field)
    if field.endswith("_s"):
        return parse_seconds(text, field)
    try:
        return int(text)
    except ValueError as error:
        raise InvalidInput(
            f"{text!r} is not a whole number.", field=field, hint="Write it in digits, such as 2."
        ) from error


def _number(count: int | None) -> str:
    return "" if count is None else str(count)
