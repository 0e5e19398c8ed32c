"""The client's verbs over a made-up history: what the pages show while they are built and tested."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from repo_runner.board_status import BoardStatus
from repo_runner.caches import Caches, CacheSize, TidyReport
from repo_runner.errors import AppUnreachable, InvalidInput, RunNotFound
from repo_runner.models import (
    Checkpoint,
    Cluster,
    Failure,
    Health,
    LogMatch,
    LogSearch,
    LogSlice,
    MetricSeries,
    Preflight,
    Run,
    RunPage,
    RunPhase,
    RunStatus,
    Submission,
)
from repo_runner.resources import ResourcePoint
from repo_runner.run_environment import RunEnvironment
from tests.unit.ui import fake_runs as fake
from tests.unit.ui.fake_preflight import check, fake_preflight

IMPORT_FAILURE = Failure(
    error_code="module_missing",
    message="The script needs the package `einops`, which is not in the environment.",
    hint="Add einops to the requirements and run again.",
    lines=(
        "Traceback (most recent call last):",
        '  File "examples/train.py", line 7, in <module>',
        "    import einops",
        "ModuleNotFoundError: No module named 'einops'",
    ),
)
BUILD_FAILURE = Failure(
    error_code="no_matching_wheel",
    message="The package torch==1.4 has no build for Python 3.11.",
    hint="Choose another Python version or another version of the package.",
    lines=(
        "× No solution found when resolving dependencies:",
        "  ╰─▶ torch==1.4 has no wheels with a matching tag",
    ),
)

#: A name that wants to be more than text.
HOSTILE = "<img src=x onerror=alert(1)> ![x](http://evil.example/x.png) :red[x] $x$"


class FakeClient:
    """Stands in for `repo_runner.client.Client`; `away` plays an app that does not answer while the file exists."""

    def __init__(self, history: int = 60, away: Path | None = None) -> None:
        self.address = self.public_address = "http://127.0.0.1:7501"
        self.away = away
        self.born = fake.moment()
        self.submitted: list[Submission] = []
        self.stopped: dict[str, Any] = {}
        self.deleted: set[str] = set()
        self.resumed: list[str] = []
        self.tidied: list[bool] = []
        self.cluster_now = Cluster()
        self.boards: dict[str, BoardStatus] = {}
        self._starts = {"live": self.born - timedelta(seconds=45)}
        self._history = [self._ended(index) for index in range(history)]

    def submit(self, submission: Submission, idempotency_key: str | None = None) -> Run:
        self._answer()
        self._check(submission)
        found = fake_preflight(submission)
        if not found.ok:
            wrong = found.findings[0]
            raise InvalidInput(wrong.message, field=wrong.field, code=wrong.code)
        self.submitted.append(submission)
        run_id = f"new{len(self.submitted)}"
        self._starts[run_id] = fake.moment()
        return self.get(run_id)

    def preflight(self, submission: Submission) -> Preflight:
        self._answer()
        self._check(submission)
        return fake_preflight(submission)

    def get(self, run_id: str) -> Run:
        self._answer()
        found = next((run for run in self._all() if run.run_id == run_id), None)
        if found is None:
            raise RunNotFound(f"There is no run {run_id}.", hint="It may have been deleted.")
        return found

    def list(
        self,
        status: str | None = None,
        q: str = "",
        limit: int = 50,
        cursor: str | None = None,
        *,
        sort: str = "",
        repository: str = "",
    ) -> RunPage:
        self._answer()
        runs = [
            r
            for r in self._all()
            if (not status or r.status in status.split(","))
            and q in r.name + r.spec.script_path
            and r.spec.repo_url.endswith(repository)
        ]
        order = {"name": lambda r: r.name, "score": lambda r: r.best_model_score or 0}
        if key := order.get(sort.removeprefix("-")):
            runs.sort(key=key, reverse=sort.startswith("-"))
        start = int(cursor or 0)
        page = tuple(runs[start : start + limit])
        more = str(start + limit) if start + limit < len(runs) else None
        return RunPage(runs=page, next_cursor=more, total=len(runs))

    def logs(
        self,
        run_id: str,
        after: int | None = None,
        tail: int | None = None,
        stream: str = "output",
        *,
        upto: int | None = None,
    ) -> LogSlice:
        run = self.get(run_id)
        text = self._text(run, stream)
        data = text.encode()[:upto]
        start = after if after is not None else max(0, len(data) - (tail or len(data)))
        kept = data[start:].decode(errors="replace")
        return LogSlice(text=kept, next_offset=len(data), size_bytes=len(data))

    def metrics(
        self,
        run_id: str,
        names: Sequence[str] | None = None,
        max_points: int = 500,
        *,
        after: int = 0,
        upto: int | None = None,
    ) -> tuple[MetricSeries, ...]:
        run = self.get(run_id)
        curves = fake.series(_step(run), run.created_at, after=after, upto=upto)
        return tuple(one for one in curves if not names or one.name in names)

    def search_logs(
        self, run_id: str, q: str, *, stream: str = "output", **asked: Any
    ) -> LogSearch:
        text = self._text(self.get(run_id), stream)
        lines = text.split("\n")
        matches = [
            LogMatch(
                line=i + 1,
                offset=len("\n".join(lines[:i]).encode()) + bool(i),
                text=line,
                before=tuple(lines[max(i - 2, 0) : i]),
                after=tuple(lines[i + 1 : i + 3]),
            )
            for i, line in enumerate(lines)
            if q.lower() in line.lower()
        ]
        return LogSearch(matches=tuple(matches[: asked.get("limit", 200)]), size_bytes=len(text))

    def log_url(self, run_id: str, stream: str) -> str:
        return f"http://127.0.0.1:7501/api/v1/runs/{run_id}/logs/{stream}"

    def _text(self, run: Run, stream: str) -> str:
        if stream == "fetch":
            return f"{run.spec.repo_url} at {run.commit_sha}\nUpdating files: 9 %\rUpdating files: 100 %\nDone.\n"
        if stream == "build":
            return "Resolved 41 packages in 120ms\nInstalled 41 packages in 1.2s\n"
        if run.failure:
            return "\n".join(run.failure.lines)
        return fake.log_text(_step(run)) if run.has_probe else ""

    def resources(self, run_id: str, max_points: int = 500) -> tuple[ResourcePoint, ...]:
        run = self.get(run_id)
        return fake.resources(_step(run), run.created_at)

    def environment(self, run_id: str) -> RunEnvironment:
        run = self.get(run_id)
        return (
            fake.environment("0.2" if run_id == "live" else "0.1")
            if run.environment_key
            else RunEnvironment()
        )

    def lock_url(self, run_id: str) -> str:
        return f"http://127.0.0.1:7501/api/v1/runs/{run_id}/environment/lock"

    def open_board(self, run_id: str) -> BoardStatus:
        self._answer()
        self.boards[run_id] = BoardStatus(
            state="starting", message="Installing TensorBoard: resolving"
        )
        return self.boards[run_id]

    def board(self, run_id: str) -> BoardStatus:
        self._answer()
        return self.boards.get(run_id, BoardStatus())

    def close_board(self, run_id: str) -> None:
        self._answer()
        self.boards.pop(run_id, None)

    def checkpoints(self, run_id: str) -> tuple[Checkpoint, ...]:
        run = self.get(run_id)
        return fake.checkpoints(_step(run), run.created_at)

    def stop(self, run_id: str) -> Run:
        self._answer()
        self.stopped[run_id] = fake.moment()
        return self.get(run_id)

    def resume(self, run_id: str) -> Run:
        self._answer()
        self.resumed.append(run_id)
        return self.get(run_id)

    def delete(self, run_id: str) -> None:
        self._answer()
        self.deleted.add(run_id)

    def health(self) -> Health:
        self._answer()
        return Health(
            status="ok",
            version="0.1.0",
            home="~/.local/share/repo-runner",
            address="http://127.0.0.1:7501",
            versions={
                "python": "3.11.9",
                "lightning": "2.3.2",
                "streamlit": "1.56.0",
                "uv": "0.13.8",
                "git": "2.43.0",
            },
            disk_free_bytes=83_000_000_000,
            disk_total_bytes=256_000_000_000,
            max_running=2,
            started_at=self.born,
            runs_by_status={"pending": 2, "running": 2, "succeeded": 48, "failed": 9, "stopped": 3},
        )

    def cluster(self) -> Cluster:
        self._answer()
        return self.cluster_now

    def caches(self) -> Caches:
        self._answer()
        sizes = {"environments": 8_300, "bytecode": 610, "packages": 4_100, "repositories": 92}
        counts = {"environments": 0 if self.tidied else 7}
        return Caches(
            caches=tuple(
                CacheSize(name=name, count=counts.get(name), size_bytes=size * 1_000_000)
                for name, size in sizes.items()
            ),
            max_bytes=53_700_000_000,
            max_age_s=30 * 86400,
        )

    def tidy(self, *, everything: bool = False) -> TidyReport:
        self._answer()
        self.tidied.append(everything)
        return TidyReport(bytes_freed=2_300_000_000 * everything, removed=3 * everything)

    def state(self) -> dict[str, Any]:
        self._answer()
        run = self.get("live")
        summary = run.model_dump(mode="json", include={"status", "phase", "progress"})
        return {"works": {"live": {"vars": {"summary": summary}}}}

    def download_url(self, run_id: str, name: str) -> str:
        return f"http://127.0.0.1:7501/api/v1/runs/{run_id}/checkpoints/{name}"

    def _all(self) -> list[Run]:
        now = fake.moment()
        live = [
            self._stopping(fake.training(key, start, now, name=f"digits/{key}"))
            for key, start in self._starts.items()
        ]
        waiting = [
            fake.run(f"wait{n}", self.born, name=f"sweep lr {n}", queue_position=n) for n in (1, 2)
        ]
        runs = [*reversed(live), fake.building("building", now), *waiting, *self._history]
        return [run for run in runs if run.run_id not in self.deleted]

    def _stopping(self, run: Run) -> Run:
        asked = self.stopped.get(run.run_id)
        if asked is None:
            return run
        changes: dict[str, Any] = {"stop_requested_at": asked}
        if fake.moment() - asked > timedelta(seconds=4):
            changes |= {"status": RunStatus.STOPPED, "ended_at": asked, "exit_code": 0}
        return run.model_copy(update=changes)

    def _ended(self, index: int) -> Run:
        start = self.born - timedelta(hours=1.7 * (index + 1))
        if index % 7 == 1:
            return fake.failed(f"failed{index}", start, RunPhase.TRAINING, IMPORT_FAILURE)
        if index % 7 == 4:
            return fake.failed(f"failed{index}", start, RunPhase.BUILDING, BUILD_FAILURE)
        seconds = 60 + 37 * (index % 5)
        name = HOSTILE if index == 2 else f"digits/lr sweep {index}"
        return fake.training(f"done{index}", start, self.born, seconds=seconds, name=name)

    def _check(self, submission: Submission) -> None:
        check(submission)

    def _answer(self) -> None:
        if self.away and self.away.exists():
            raise AppUnreachable("The app at http://127.0.0.1:7501 does not answer.")


def _step(run: Run) -> int:
    return run.progress.step or 0 if run.progress and run.progress.phase is RunPhase.TRAINING else 0
