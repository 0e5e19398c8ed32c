"""What a run is given of the machine, what it may use up, and when it is tried again."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from repo_runner.models.record import Record

_MIB = 1 << 20
#: More than any machine has, and a number that every database takes.
_PIB = 1 << 50
_YEAR_S = 366 * 86400.0


class Resources(Record):
    """What a run holds of the machine while it runs; it waits until that much is free. None: not counted."""

    cpus: int | None = Field(None, ge=1, le=65536)
    memory_bytes: int | None = Field(None, ge=_MIB, le=_PIB)
    #: Whole GPUs; None: one where the machine has any. With 0 the script sees none.
    gpus: int | None = Field(None, ge=0, le=1024)
    #: On a cluster: so many machines at once, each with these resources, as one training.
    nodes: int = Field(1, ge=1, le=1024)
    #: On a cluster: amounts of resources the cluster itself has named.
    custom: dict[str, float] = Field(default_factory=dict, max_length=20)
    #: On a cluster: what the labels of a node must be.
    labels: dict[str, str] = Field(default_factory=dict, max_length=20)


class Limits(Record):
    """What ends an attempt early; None: no limit. Each is looked at while the script runs."""

    #: Of the script, from its start; fetching and building have the operator's own limits.
    time_s: float | None = Field(None, gt=0, le=_YEAR_S)
    #: Of the script's whole process tree.
    memory_bytes: int | None = Field(None, ge=_MIB, le=_PIB)
    #: Of the run's folder.
    disk_bytes: int | None = Field(None, ge=_MIB, le=_PIB)
    #: Neither output nor progress for so long: the run is flagged, or stopped.
    silence_s: float | None = Field(None, gt=0, le=_YEAR_S)
    on_silence: Literal["flag", "stop"] = "flag"


class Retries(Record):
    """When a failed attempt is followed by another one without being asked."""

    times: int = Field(0, ge=0, le=20)
    #: Only for failures with one of these codes.
    error_codes: tuple[str, ...] = Field((), max_length=50)
