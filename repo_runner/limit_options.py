"""The command line's words for resources, limits, retries and priority."""

from __future__ import annotations

import argparse
from typing import Any

from repo_runner.errors import InvalidInput
from repo_runner.models import Limits
from repo_runner.quantity import format_bytes, format_seconds, parse_bytes, parse_seconds


def add_limit_options(parser: argparse.ArgumentParser) -> None:
    """What a run holds, what ends it early, when it is tried again."""
    held = parser.add_argument_group("what the run holds (it waits until that is free)")
    held.add_argument("--cpus", type=int, metavar="N")
    held.add_argument("--memory", metavar="SIZE", help="such as 8GB")
    held.add_argument("--gpus", type=int, metavar="N", help="0: the script sees none")
    held.add_argument("--nodes", type=int, default=1, metavar="N", help="of a cluster, at once")
    held.add_argument(
        "--resource", action="append", default=[], metavar="NAME=AMOUNT", help="of a cluster"
    )
    held.add_argument(
        "--label", action="append", default=[], metavar="NAME=VALUE", help="of its nodes"
    )
    held.add_argument(
        "--priority", type=int, default=0, metavar="N", help="-100 to 100, a point is ten places"
    )
    ends = parser.add_argument_group("what ends it early")
    ends.add_argument("--time-limit", metavar="TIME", help="of the script, such as 90m or 1h30m")
    ends.add_argument("--memory-limit", metavar="SIZE", help="of the script's process tree")
    ends.add_argument("--disk-limit", metavar="SIZE", help="of the run's folder")
    ends.add_argument("--silence-limit", metavar="TIME", help="flag it after so long in silence")
    ends.add_argument("--stop-when-silent", action="store_true", help="end it then")
    again = parser.add_argument_group("when it is tried again by itself")
    again.add_argument("--retries", type=int, default=0, metavar="N", help="at most so often")
    again.add_argument(
        "--retry-on", action="append", default=[], metavar="CODE", help="only for this error code"
    )


def limits_of(asked: argparse.Namespace) -> dict[str, Any]:
    """These fields of a Submission, still unchecked. Raises InvalidInput for what is no amount."""
    return {
        "resources": {
            "cpus": asked.cpus,
            "memory_bytes": _bytes(asked.memory, "resources.memory_bytes"),
            "gpus": asked.gpus,
            "nodes": asked.nodes,
            "custom": _pairs(asked.resource, "resources.custom"),
            "labels": _pairs(asked.label, "resources.labels"),
        },
        "limits": {
            "time_s": _seconds(asked.time_limit, "limits.time_s"),
            "memory_bytes": _bytes(asked.memory_limit, "limits.memory_bytes"),
            "disk_bytes": _bytes(asked.disk_limit, "limits.disk_bytes"),
            "silence_s": _seconds(asked.silence_limit, "limits.silence_s"),
            "on_silence": "stop" if asked.stop_when_silent else "flag",
        },
        "retries": {"times": asked.retries, "error_codes": asked.retry_on},
        "priority": asked.priority,
    }


def _pairs(items: list[str], field: str) -> dict[str, str]:
    pairs = [item.partition("=") for item in items]
    if not all(name and value for name, _, value in pairs):
        raise InvalidInput("This is not NAME=VALUE.", field=field)
    return {name: value for name, _, value in pairs}


def describe_limits(limits: Limits) -> str:
    """What ends the run early, on one line; empty when nothing does."""
    silence = "flagged" if limits.on_silence == "flag" else "ended"
    said = (
        (limits.time_s, format_seconds, "{} of time"),
        (limits.memory_bytes, format_bytes, "{} of memory"),
        (limits.disk_bytes, format_bytes, "{} of disk"),
        (limits.silence_s, format_seconds, f"{silence} after {{}} of silence"),
    )
    return ", ".join(text.format(words(limit)) for limit, words, text in said if limit)


def _bytes(text: str | None, field: str) -> int | None:
    return None if text is None else parse_bytes(text, field)


def _seconds(text: str | None, field: str) -> float | None:
    return None if text is None else parse_seconds(text, field)
