"""What several runs differ in, and what they have in common: results, arguments, hyperparameters, code, environment."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from repo_runner.models import Run
from repo_runner.run_environment import RunEnvironment
from ui.widgets import formats, safe
from ui.widgets.run_table import status_word

#: Properties of one run by group and name, as text.
Properties = dict[str, dict[str, str]]
_NEGATIVE_NUMBER = re.compile(r"-[\d.]")
_NOT_A_HASH = 12


def difference_data(
    runs: Sequence[Run], environments: Mapping[str, RunEnvironment]
) -> dict[str, Any]:
    """Return one row a property: those that differ, by group; then those that are the same in all."""
    columns = [properties(run, environments.get(run.run_id)) for run in runs]
    groups = list(dict.fromkeys(group for column in columns for group in column))
    rows = [row for group in groups for row in _rows(group, columns)]
    return {
        "runs": [_head(run, index) for index, run in enumerate(runs)],
        "different": [row for row in rows if row["differs"]],
        "same": [row for row in rows if not row["differs"]],
        "best": best_run(runs),
    }


def properties(run: Run, environment: RunEnvironment | None = None) -> Properties:
    """Return what runs are compared by."""
    spec = run.spec
    return {
        "Result": {
            f"Best {run.monitor or 'score'}": formats.number(run.best_model_score),
            "Duration": formats.duration(run.duration_s),
        },
        "Arguments": dict(arguments(spec.script_args)),
        "Hyperparameters": {name: formats.plain(value) for name, value in run.hparams.items()},
        "Code": {
            "Repository": safe.repo_label(spec.repo_url),
            "Ref": spec.ref,
            "Commit": formats.short_sha(run.commit_sha),
            "Script": spec.script_path,
        },
        "Environment": {
            "Requirements": ", ".join(spec.requirements),
            "Variables": ", ".join(f"{name}={value}" for name, value in spec.env.items()),
            "Environment": (run.environment_key or "")[:_NOT_A_HASH],
            "Python": environment.python if environment else "",
        },
        "Packages": {row.name: row.version for row in environment.packages} if environment else {},
    }


def arguments(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Return the arguments by name as far as a line tells; those without a name by their position."""
    flag, values, position = "", [], 0
    for word in [*words, ""]:
        is_flag = word.startswith("-") and not _NEGATIVE_NUMBER.match(word)
        if flag and (is_flag or not word):
            yield flag, " ".join(values) or "given"
            flag, values = "", []
        if is_flag:
            flag, equals, value = word.partition("=")
            values = [value] if equals else []
        elif flag:
            values.append(word)
        elif word:
            position += 1
            yield f"argument {position}", word


def best_run(runs: Sequence[Run]) -> int | None:
    """Return which run has the best score, if they were all measured by the same metric."""
    if len({(run.monitor, run.mode) for run in runs}) != 1 or len(runs) < 2 or not runs[0].mode:
        return None
    scores = [
        (run.best_model_score, i) for i, run in enumerate(runs) if run.best_model_score is not None
    ]
    sign = -1 if runs[0].mode == "max" else 1
    return min(scores, key=lambda pair: sign * pair[0])[1] if scores else None


def _rows(group: str, columns: Sequence[Properties]) -> Iterator[dict[str, Any]]:
    parts = [column.get(group, {}) for column in columns]
    for name in dict.fromkeys(name for part in parts for name in part):
        values = [part.get(name, "") for part in parts]
        yield {"group": group, "name": name, "values": values, "differs": len(set(values)) > 1}


def _head(run: Run, index: int) -> dict[str, Any]:
    return {"run_id": run.run_id, "name": run.name, "status": status_word(run), "color": index}
