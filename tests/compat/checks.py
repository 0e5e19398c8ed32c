"""Whether the events of a run are what its shape says; not only its exit code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.compat.matrix import Shape
from tests.compat.observation import Observation


def failed(shape: Shape, seen: Observation) -> dict[str, str]:
    """Name and finding of each check that does not hold."""
    if seen.findings is not None:
        return seen.findings
    results = [check(shape, seen) for check in CHECKS]
    return {name: finding for name, finding in results if finding}


def _exit(shape: Shape, seen: Observation) -> tuple[str, str]:
    return "exit", _difference(seen.returncode, shape.get("exit", 0))


def _hello(shape: Shape, seen: Observation) -> tuple[str, str]:
    return "hello", _difference(len(seen.named("hello")), shape.get("hellos", 1))


def _calls(shape: Shape, seen: Observation) -> tuple[str, str]:
    found = ["tuning" if event["tuning"] else event["fn"] for event in seen.named("setup")]
    # Lightning searches for a batch size by several short trainings.
    found = [
        call for i, call in enumerate(found) if call != "tuning" or found[i - 1 : i] != ["tuning"]
    ]
    return "calls", _same(found, shape.get("calls", ["fit"]))


def _ends(shape: Shape, seen: Observation) -> tuple[str, str]:
    found, wanted = len(seen.named("teardown")), shape.get("ends", len(seen.named("setup")))
    return "ends", _same(found, wanted)


def _trainings(shape: Shape, seen: Observation) -> tuple[str, str]:
    wanted = shape.get("trainings", len(shape.get("calls", ["fit"])))
    return "trainings", _same(len(seen.named("train_end")), wanted)


def _steps(shape: Shape, seen: Observation) -> tuple[str, str]:
    if "steps" not in shape.facts:
        return "steps", ""
    first, last, distance = shape["steps"]
    found = [event["step"] for event in seen.named("step") if event["stage"] == "train"]
    wanted = list(range(first, last + 1, distance))
    return "steps", _same(found, wanted * max(found.count(first), 1))


def _metrics(shape: Shape, seen: Observation) -> tuple[str, str]:
    wanted, words = shape.get("metrics", {}), shape.get("words", {})
    found = {name: len(seen.metric(name)) for name in wanted}
    first = {name: seen.metric(name)[:1] for name in words}
    as_words = {name: [word] for name, word in words.items()}
    return "metrics", _same(found, wanted) or _same(first, as_words)


def _checkpoints(shape: Shape, seen: Observation) -> tuple[str, str]:
    wanted = shape.get("best")
    states = seen.named("checkpoint")
    if wanted is None or (wanted is False and not states):
        return "checkpoints", ""
    best = [saver for saver in states[-1]["ckpts"] if saver["best_path"]] if states else []
    if wanted is False or not best:
        return "checkpoints", f"{len(states)} events, {len(best)} with a best file"
    monitor = best[0]["monitor"] if isinstance(wanted, str) else wanted
    there = all(Path(saver["best_path"]).exists() for saver in best)
    return "checkpoints", _same((monitor, there), (wanted, True))


def _done(shape: Shape, seen: Observation) -> tuple[str, str]:
    if "done" not in shape.facts:
        return "done", ""
    shares = [event["done"] for event in seen.named("progress") if "done" in event]
    return "done", _same(shares[-1:], [shape["done"]])


def _exception(shape: Shape, seen: Observation) -> tuple[str, str]:
    found = sorted({event["type"] for event in seen.named("exception")})
    return "exception", _same(found, [shape["exception"]] if "exception" in shape.facts else [])


def _own_errors(_: Shape, seen: Observation) -> tuple[str, str]:
    return "probe errors", "; ".join(event["error"] for event in seen.named("monitor_error"))


def _lines(_: Shape, seen: Observation) -> tuple[str, str]:
    by_process: dict[int, list[int]] = {}
    for event in seen.events:
        by_process.setdefault(event["pid"], []).append(event["seq"])
    whole = all(numbers == list(range(1, len(numbers) + 1)) for numbers in by_process.values())
    return "lines", "" if whole else "lines are missing"


CHECKS = (
    _exit,
    _hello,
    _calls,
    _ends,
    _trainings,
    _steps,
    _metrics,
    _checkpoints,
    _done,
    _exception,
    _own_errors,
    _lines,
)


def _same(found: Any, wanted: Any) -> str:
    return "" if found == wanted else f"{str(found)[:200]} instead of {str(wanted)[:200]}"


def _difference(found: int, wanted: int | list[int]) -> str:
    allowed = wanted if isinstance(wanted, list) else [wanted]
    return "" if found in allowed else f"{found} instead of {' or '.join(map(str, allowed))}"
