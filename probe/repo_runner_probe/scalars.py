"""Numbers out of metric values, with at most one transfer from each device."""

from __future__ import annotations

import math
import sys
from typing import Any, Mapping, Union

Number = Union[int, float, str]


def numbers(values: Mapping[str, Any]) -> dict[str, Number]:
    """Return the scalars among `values`; NaN and the infinities, unknown to JSON, become words."""
    result: dict[str, Number] = {}
    remote: dict[str, Any] = {}
    for name, value in values.items():
        if getattr(value, "is_cpu", False) and value.numel() == 1:
            # Nearly every metric of nearly every script: no further question.
            real = value.item()
            result[name] = real if type(real) is float and math.isfinite(real) else finite(real)
        elif not _is_scalar(value):
            continue
        elif _is_remote(value):
            remote[name] = value
        else:
            result[name] = number(value)
    if remote:
        result.update((name, number(value)) for name, value in _fetch(remote).items())
    return result


def parts(values: dict[str, Number], most: int) -> list[dict[str, Number]]:
    """Split into parts of at most so many; what is few, or nothing, is one part."""
    if len(values) <= most:
        return [values]
    pairs = list(values.items())
    return [dict(pairs[start : start + most]) for start in range(0, len(pairs), most)]


def number(value: Any) -> Number:
    if hasattr(value, "item"):
        value = value.item()
    return finite(value)


def finite(value: Any) -> Number:
    """Return a number that JSON knows, or the word for it."""
    if isinstance(value, int):
        return int(value)
    real = float(value)
    if math.isfinite(real):
        return real
    return "nan" if math.isnan(real) else ("inf" if real > 0 else "-inf")


def _is_scalar(value: Any) -> bool:
    if hasattr(value, "numel"):
        return bool(value.numel() == 1)
    return isinstance(value, (int, float)) or getattr(value, "size", 0) == 1


def _is_remote(value: Any) -> bool:
    device = getattr(value, "device", None)
    return getattr(device, "type", "cpu") != "cpu"


def _fetch(tensors: dict[str, Any]) -> dict[str, float]:
    torch = sys.modules["torch"]
    by_device: dict[str, list[str]] = {}
    for name, tensor in tensors.items():
        by_device.setdefault(str(tensor.device), []).append(name)
    fetched: dict[str, float] = {}
    for names in by_device.values():
        stacked = torch.stack([tensors[name].detach().reshape(()).float() for name in names])
        fetched.update(zip(names, stacked.tolist()))
    return fetched
