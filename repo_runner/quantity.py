"""Amounts as people write them: `4GB`, `512 MiB`, `90m`, `1h30m`."""

from __future__ import annotations

import re

from repo_runner.errors import InvalidInput

_BYTES = {
    "": 1,
    "b": 1,
    "k": 1000,
    "kb": 1000,
    "m": 1000**2,
    "mb": 1000**2,
    "g": 1000**3,
    "gb": 1000**3,
    "t": 1000**4,
    "tb": 1000**4,
    "kib": 1 << 10,
    "mib": 1 << 20,
    "gib": 1 << 30,
    "tib": 1 << 40,
}
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def parse_bytes(text: str, field: str) -> int:
    """The number of bytes, such as 4000000000 for `4GB`; InvalidInput names the field."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]*)", text.strip().lower())
    if match is None or match.group(2) not in _BYTES:
        raise InvalidInput(
            f"{text!r} is not an amount of bytes.",
            field=field,
            hint="Write it as 4GB, 512MiB or a plain number of bytes.",
        )
    return int(float(match.group(1)) * _BYTES[match.group(2)])


def parse_seconds(text: str, field: str) -> float:
    """The number of seconds, such as 5400 for `1h30m` or for `5400`; InvalidInput names the field."""
    plain = text.strip().lower().replace(" ", "")
    if re.fullmatch(r"\d+(\.\d+)?", plain):
        return float(plain)
    if not re.fullmatch(r"(\d+(\.\d+)?[smhd])+", plain):
        raise InvalidInput(
            f"{text!r} is not a duration.",
            field=field,
            hint="Write it as 90m, 1h30m, 2d or a plain number of seconds.",
        )
    return sum(float(n) * _SECONDS[unit] for n, unit in re.findall(r"([\d.]+)([smhd])", plain))


def format_bytes(count: float) -> str:
    """Such as `4 GB`."""
    for unit, size in (("TB", 1000**4), ("GB", 1000**3), ("MB", 1000**2), ("kB", 1000)):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count:.0f} bytes"


def format_seconds(seconds: float) -> str:
    """Such as `1 h 30 min`."""
    if seconds < 60:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "min"), (0 if hours else rest, "s"))
    return " ".join(f"{n} {unit}" for n, unit in parts if n)
