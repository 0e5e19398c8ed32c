"""The use-cases: submit, get, list, logs, metrics, stop, resume, delete, recover; the rims call nothing below them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from repo_runner import bell, deletion, housekeeping, preflight, recovery, run_group, submitted
from repo_runner.artifact import Artifact
from repo_runner.backends.choose import look_at_cluster
from repo_runner.backups import check
from repo_runner.board_status import BoardStatus
from repo_runner.boards import Boards
from repo_runner.caches import Caches, TidyReport, measure
from repo_runner.errors import ArtifactNotFound, Conflict
from repo_runner.inspection import Inspection
from repo_runner.log_search import Search, search_log
from repo_runner.logs import WholeLog, read_log
from repo_runner.metric_store import Stretch
from repo_runner.migrations import migrate
from repo_runner.models import (
    Checkpoint,
    Cluster,
    LogSearch,
    LogSlice,
    MetricPoint,
    MetricSeries,
    Preflight,
    Run,
    RunPage,
    RunStatus,
    Submission,
)
from repo_runner.paths import HomePaths, RunPaths
from repo_runner.recovery import Recovered
from repo_runner.resources import ResourcePoint, peaks
from repo_runner.run_environment import RunEnvironment, lock_text, read_environment
from repo_runner.run_list import RunQuery
from repo_runner.run_view import to_run, waits_for
from repo_runner.scheduler import Scheduler
from repo_runner.settings import Settings
from repo_runner.source import Source
from repo_runner.store import Store
from repo_runner.tables import RunRow

MAX_PAGE = 500
EVERYTHING = RunQuery()
WHOLE = Stretch()


class Manager:
    """One per process, used from any thread."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.paths = HomePaths(settings.home)
        self.paths.runs.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.store = Store(settings.store_url, goes_first=True)
        self._source = Source(settings)
        self._boards = Boards(settings)
        self._scheduler = Scheduler(self.store, settings)
        self._must_recover = False
        #: What needs the operator, by what found it.
        self.problems: dict[str, str] = {}

    def close(self) -> None:
        """Close the store, and the boards that were opened here."""
        self._boards.close_all()
        self.store.close()

    def recover(self) -> Recovered:
        """Once at the app's start: check the database, bring its schema and its rows up to date.

        Raises StoreDamaged or StoreUnavailable; then `due` tries again.
        """
        self._must_recover = True
        for half in self.paths.half_written():
            half.unlink()
        if self.settings.database_file:
            check(self.settings.database_file)
        migrate(self.store.engine, self.paths.backups)
        # The first look at the GPUs loads NVIDIA's library, which no later one has to wait for.
        self._scheduler.capacity()
        run_group.sweep(self.paths)
        recovered = recovery.recover(self.store, self.paths)
        self._must_recover = False
        return recovered

    def preflight(self, submission: Submission) -> Preflight:
        """What is known about a submission; starts nothing."""
        return self._inspect(submission).report()

    def submit(
        self, submission: Submission, idempotency_key: str | None = None, *, submitted_by: str = ""
    ) -> Run:
        """Store a run durably; the same key twice is the same run. Raises what the preflight finds first."""
        known = self.store.find_by_key(idempotency_key) if idempotency_key else None
        if known:
            return self.get(known)
        self._scheduler.check_room()
        found = self._inspect(submission)
        if found.spec is None or found.errors:
            raise found.errors[0]
        spec = found.spec.model_copy(update={"submitted_by": submitted_by})
        run_id = submitted.store(
            self.store, self.paths, spec, idempotency_key, self.settings.max_waiting
        )
        bell.ring(self.paths.bell)
        return self.get(run_id)

    def get(self, run_id: str) -> Run:
        """One run; raises RunNotFound."""
        row = self.store.get(run_id)
        place = self._scheduler.place(row)
        return self._to_run(row, place, self._scheduler.reasons() if place else {})

    def list(self, query: RunQuery = EVERYTHING, limit: int = 50) -> RunPage:
        """One page of the runs that match; raises InvalidInput."""
        page = self.store.page(query, min(max(limit, 1), MAX_PAGE))
        is_waiting = any(row.status == RunStatus.PENDING.value for row in page.rows)
        places = self._scheduler.places() if is_waiting else {}
        reasons = self._scheduler.reasons() if is_waiting else {}
        return RunPage(
            runs=tuple(self._to_run(row, places.get(row.run_id), reasons) for row in page.rows),
            next_cursor=page.next_cursor,
            total=page.total,
            is_total_exact=page.is_total_exact,
        )

    def logs(
        self,
        run_id: str,
        *,
        after: int | None = None,
        tail: int | None = None,
        upto: int | None = None,
        stream: str = "output",
    ) -> LogSlice:
        """A piece of the script's output, or with `stream="build"` of the installer's."""
        return read_log(self._log(run_id, stream), after=after, tail=tail, upto=upto)

    def search_logs(self, run_id: str, search: Search, stream: str = "output") -> LogSearch:
        """The lines of a log that hold a word, with the lines around them."""
        return search_log(self._log(run_id, stream), search)

    def whole_log(self, run_id: str, stream: str) -> WholeLog:
        """All that is kept of a log; what was dropped in its middle is said there."""
        return WholeLog.of(self._log(run_id, stream))

    def metrics(
        self, run_id: str, names: Sequence[str] = (), stretch: Stretch = WHOLE
    ) -> tuple[MetricSeries, ...]:
        """The run's curves (all, or the named ones) that have values in the stretch, without losing extremes."""
        curves = self.store.curves(self.store.get(run_id).number, names, stretch)
        return tuple(
            MetricSeries(
                name=curve.name,
                total=curve.count,
                broken=curve.broken,
                points=tuple(
                    MetricPoint(
                        step=p[0], epoch=p[1], timestamp=p[2], value=p[3], text=p[4], number=p[5]
                    )
                    for p in curve.points
                ),
            )
            for curve in curves
        )

    def resources(self, run_id: str, max_points: int = 500) -> tuple[ResourcePoint, ...]:
        """What the run took of the machine over time, thinned to the peaks."""
        rows = self.store.resources(self.store.get(run_id).number)
        return peaks(
            [ResourcePoint.model_validate(r, from_attributes=True) for r in rows], max_points
        )

    def environment(self, run_id: str) -> RunEnvironment:
        """What is in the run's environment, held against what its repository asks for."""
        folder = self._folder(run_id)
        found = read_environment(folder.environment)
        return found.model_copy(update={"control_group": folder.cgroup.exists()})

    def environment_lock(self, run_id: str) -> str:
        """A requirements file of the run's environment; raises ArtifactNotFound before it is built."""
        found = self.environment(run_id)
        if not found.key:
            raise ArtifactNotFound(f"The run {run_id} has no environment (yet).")
        run = self.get(run_id)
        return lock_text(found, run.spec.repo_url, run.commit_sha)

    def open_board(self, run_id: str) -> BoardStatus:
        """Start TensorBoard for a run; it goes on by itself, `board` tells when it is ready."""
        return self._boards.open(self._folder(run_id))

    def board(self, run_id: str) -> BoardStatus:
        """How far a run's TensorBoard is."""
        return self._boards.status(self.store.get(run_id).run_id)

    def close_board(self, run_id: str) -> None:
        """End a run's TensorBoard before it would end by itself."""
        self._boards.close(self.store.get(run_id).run_id)

    def checkpoints(self, run_id: str) -> tuple[Checkpoint, ...]:
        """What the run folder holds, best first."""
        items = [
            Checkpoint.model_validate(c)
            for c in self.store.checkpoints(self.store.get(run_id).number)
        ]
        return tuple(sorted(items, key=lambda c: (not c.is_best, not c.is_last, c.name)))

    def checkpoint_file(self, run_id: str, name: str) -> tuple[Checkpoint, Path]:
        """A registered checkpoint by `best`, `last` or its name, and where its file should be."""
        wanted = [
            c
            for c in self.checkpoints(run_id)
            if c.name == name or (name == "best" and c.is_best) or (name == "last" and c.is_last)
        ]
        if not wanted:
            raise ArtifactNotFound(f"The run {run_id} has no checkpoint {name!r} (yet).")
        return wanted[0], self._folder(run_id).checkpoints / wanted[0].name

    def artifact(self, run_id: str, name: str) -> Artifact:
        """A registered checkpoint, opened; raises ArtifactNotFound, or ArtifactChanged when it is another file."""
        checkpoint, file = self.checkpoint_file(run_id, name)
        return Artifact.open(
            self.paths.runs,
            file.relative_to(self.paths.runs).as_posix(),
            sha256=checkpoint.sha256,
            size_bytes=checkpoint.size_bytes,
        )

    def stop(self, run_id: str) -> Run:
        """Store the intent to stop; a run that has ended stays as it is."""
        self.store.get(run_id)
        self.store.request_stop(run_id)
        bell.ring(self.paths.bell)
        return self.get(run_id)

    def resume(self, run_id: str) -> Run:
        """Queue a new attempt of a run that failed or was stopped; raises Conflict for any other."""
        row = self.store.get(run_id)
        resumable = (RunStatus.FAILED.value, RunStatus.STOPPED.value)
        if row.status not in resumable or not self.store.request_resume(run_id):
            raise Conflict(f"The run is {row.status}; only a failed or stopped run can be resumed.")
        bell.ring(self.paths.bell)
        return self.get(run_id)

    def delete(self, run_id: str) -> None:
        """Remove an ended run, its rows and its folder, whatever of it is missing; raises Conflict while it lives."""
        self._boards.close(run_id)
        deletion.delete(self.store, self.settings, run_id)

    def cluster(self) -> Cluster:
        """The cluster runs may go to, and what of it is free now."""
        return look_at_cluster(self.settings)

    def caches(self) -> Caches:
        """How much disk the shared caches take."""
        return measure(self.settings)

    def tidy(self, *, everything: bool = False) -> TidyReport:
        """Remove environments that are too old or too many, or all that no run uses."""
        limits = replace(self.settings, max_cache_bytes=0) if everything else self.settings
        done = housekeeping.tidy(limits)
        return TidyReport(bytes_freed=done.bytes_freed, removed=len(done.removed))

    def due(self, following: Collection[str]) -> Sequence[str]:
        """Ids of runs that need a work now: those that run without one, then waiting ones while there is room."""
        if self._must_recover:
            self.recover()
        return self._scheduler.due(following)

    def revision(self) -> int:
        """Changes whenever a new intent was stored; cheap."""
        return bell.revision(self.paths.bell)

    def _inspect(self, submission: Submission) -> Inspection:
        return preflight.inspect(
            submission, self.settings, self._source, capacity=self._scheduler.capacity()
        )

    def _to_run(self, row: RunRow, place: int | None, reasons: Mapping[str, str]) -> Run:
        waiting_for = "" if place is None else waits_for(row, place, reasons)
        return to_run(row, place, self.settings.stop_grace_s, waiting_for)

    def _log(self, run_id: str, stream: str) -> Path:
        return self._folder(run_id).log(stream)

    def _folder(self, run_id: str) -> RunPaths:
        """By the id the store knows, never by what a request says."""
        return self.paths.run(self.store.get(run_id).run_id)
