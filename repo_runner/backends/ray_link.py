"""The app's end of one attempt on a Ray cluster: submits it, mirrors its log, hands it a stop, and notices its end.

Two threads: one reads the log, one looks at the job and speaks for the app. Everything they know is in the run folder,
on the shelf and on the cluster, so the app may die anywhere and another link goes on.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from pathlib import Path

from repo_runner.app_file import write_private
from repo_runner.backends import ray_job
from repo_runner.backends.downloads import Downloads
from repo_runner.backends.mirror import Mirror
from repo_runner.backends.ray_jobs import ClusterRefused, JobInfo, JobUnknown, RayJobs
from repo_runner.errors import RunnerError
from repo_runner.frames import Frame, FrameReader
from repo_runner.lifecycle import ExitCause, ExitRecord
from repo_runner.models import Failure, RunSpec
from repo_runner.order import purpose, sealed_name, stop_name
from repo_runner.paths import RunPaths
from repo_runner.sealing import Handover, seal
from repo_runner.settings import Settings
from repo_runner.shelf import Shelf
from repo_runner.token_vault import TokenVault

_LOOK_EVERY_S = 1.0
#: A job mostly begins within seconds, and its first events wait for us to notice; later it is waiting for room.
_LOOK_SOON_S = 0.2
_SOON_S = 20.0
_RETRY_S = 1.0
#: A cluster whose head has just come back may not know its jobs yet.
_UNKNOWN_TIMES = 5
#: The log of a job that is over, on a node that may be gone.
_LAST_TRIES = 3
_CLOSE_S = 4.0
#: A job that waits for room may begin just now.
_PENDING_STOP_S = 3.0


class RayLink:
    """Lives while a work follows the attempt."""

    def __init__(
        self, settings: Settings, paths: RunPaths, attempt: int, submit: Callable[[], None] | None
    ) -> None:
        self._settings = settings
        self._paths = paths
        self._attempt = attempt
        self._submit = submit
        self._job = ray_job.job_name(paths.run_id, attempt)
        self._jobs = RayJobs(settings.ray_address, settings.ray_token)
        self._shelf = Shelf(settings.shelf_url, paths.run_id)
        self._mirror = Mirror(paths, settings.max_log_bytes)
        self._downloads = Downloads(paths, self._shelf)
        self._frames = FrameReader()
        #: What the courier complained of.
        self._troubles: list[str] = []
        self._info = JobInfo("PENDING")
        #: Set once the job has, or never will have, a log.
        self._started = threading.Event()
        self._job_over = threading.Event()
        self._closing = threading.Event()
        #: Set once `exit.json` and all that belongs to the attempt is in the run folder.
        self.ended = threading.Event()
        self._threads = [
            threading.Thread(target=work, name=f"ray-{work.__name__}", daemon=True)
            for work in (self._read, self._watch)
        ]

    def start(self) -> None:
        """Begin."""
        self._downloads.start()
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Leave off; the attempt goes on without us."""
        self._closing.set()
        self._downloads.close()
        for thread in self._threads:
            thread.join(_CLOSE_S)
        self._jobs.close()

    # ---- the log

    def _read(self) -> None:
        last_tries = _LAST_TRIES
        while not self._is_done():
            if not self._started.wait(_RETRY_S):
                continue
            over = self._job_over.is_set()
            read = self._take_log(follow=not over)
            last_tries -= over
            if over and (read or last_tries == 0) and not self._mirror.has_exit:
                self._write_exit(self._last_word())
                self._finish()
            elif self._mirror.has_exit:
                self._finish()
            else:
                self._closing.wait(_RETRY_S)
        self._mirror.close()

    def _take_log(self, *, follow: bool) -> bool:
        """Read the log from its beginning; False when it cannot be read. Lost clusters are the watcher's business."""
        self._frames, self._troubles = FrameReader(), []
        if not self._info.node_id:
            return self._job_over.is_set()
        try:
            for chunk in self._jobs.log(self._job, self._info.node_id, follow=follow):
                for frame in self._frames.feed(chunk):
                    self._take(frame)
                if self._mirror.has_exit or self._closing.is_set():
                    break
        except RunnerError:
            return False
        return True

    def _take(self, frame: Frame) -> None:
        kind = (frame.fact or {}).get("kind")
        if frame.fact is None:
            self._mirror.take(frame)
        elif kind == "trouble":
            self._troubles.append(str(frame.fact["message"]))
            self._paths.supervisor_log.write_text("\n".join(self._troubles) + "\n")
        elif kind == "on_shelf":
            self._downloads.offer(frame.fact)
        elif kind == "key":
            self._hand_over(str(frame.fact["public"]))

    def _hand_over(self, public: str) -> None:
        """Seal the run's secrets for the node's key, unless it has long begun."""
        if self._has_begun():
            return
        spec = RunSpec.model_validate_json(self._paths.spec.read_text())
        vault = TokenVault(self._settings.home)
        secrets = Handover(
            {ticket: vault.open(ticket) for ticket in spec.tickets},
            self._settings.referred(spec.secret_refs.values()),
        )
        about = purpose(self._paths.run_id, self._attempt)
        self._shelf.write(sealed_name(self._attempt), seal(secrets.flat(), public, about))

    def _has_begun(self) -> bool:
        marker = f'"kind":"attempt","attempt":{self._attempt},'
        return self._paths.events.exists() and marker in self._paths.events.read_text()

    def _finish(self) -> None:
        self._downloads.finish()
        self.ended.set()

    def _is_done(self) -> bool:
        return self._closing.is_set() or self.ended.is_set()

    # ---- the job

    def _watch(self) -> None:
        began = last_word = time.monotonic()
        unknown, stop = 0, _StopOnce(self)
        while not self._is_done() and not self._job_over.is_set():
            try:
                self._look(stop)
                last_word, unknown = time.monotonic(), 0
            except JobUnknown:
                unknown += 1
                if unknown >= _UNKNOWN_TIMES:
                    self._give_up(ray_job.FORGOTTEN)
            except ClusterRefused as error:
                if self._submit is not None:
                    lines = tuple([error.message, *error.lines][-10:])
                    self._give_up(ray_job.NEVER_SUBMITTED.model_copy(update={"lines": lines}))
            except RunnerError:
                silence = time.monotonic() - last_word
                if silence > self._settings.cluster_patience_s:
                    self._give_up(ray_job.unreachable(silence))
            is_new = not self._started.is_set() and time.monotonic() - began < _SOON_S
            self._closing.wait(_LOOK_SOON_S if is_new and not unknown else _LOOK_EVERY_S)

    def _look(self, stop: _StopOnce) -> None:
        if self._submit is not None:
            self._submit()
            self._submit = None
        stop.look(self._info)
        self._info = self._jobs.info(self._job)
        if self._info.has_ended:
            self._job_over.set()
        if self._info.has_ended or self._info.node_id:
            self._started.set()

    def _give_up(self, failure: Failure) -> None:
        """What the log said last may be the end; otherwise the failure is. A script that nobody follows is stopped."""
        if not self._mirror.has_exit:
            with contextlib.suppress(RunnerError):
                self.ask_to_stop()
            self._write_exit(self._record(ExitCause.LOST, failure))
        self.ended.set()

    def _last_word(self) -> ExitRecord:
        """The end of a job that said nothing of its end itself."""
        if self._info.status == "STOPPED":
            return self._record(ExitCause.STOPPED)
        return self._record(ExitCause.LOST, ray_job.lost(self._info, self._frames.foreign_lines))

    def _record(self, cause: ExitCause, failure: Failure | None = None) -> ExitRecord:
        return ExitRecord(
            attempt=self._attempt,
            stopped=cause is ExitCause.STOPPED,
            cause=cause,
            failure=failure,
            ended_at=time.time(),
        )

    def _write_exit(self, record: ExitRecord) -> None:
        write_private(self._paths.exit, record.model_dump_json())

    def ask_to_stop(self) -> None:
        """Leave the stop where the courier looks."""
        self._shelf.write(stop_name(self._attempt), b"{}")

    def end_job(self) -> None:
        """Let Ray end it: before it began there is nothing to save, and after the whole ladder nothing else helps."""
        self._jobs.stop(self._job)

    def close_unbegun(self) -> None:
        """Ray keeps what it found no room for; if it ever begins, its courier finds the stop and ends at once."""
        self._write_exit(self._record(ExitCause.STOPPED))
        self.ended.set()

    @property
    def stop_file(self) -> Path:
        """Exists once a person has asked the run to stop."""
        return self._paths.stop

    @property
    def ladder_s(self) -> float:
        """What a stop may take on the node."""
        return self._settings.stop_grace_s * 2 + 30


class _StopOnce:
    """Hands on a stop: at once, and again as Ray's own when that had no effect."""

    def __init__(self, link: RayLink) -> None:
        self._link = link
        self._asked_at: float | None = None
        self._ended = False

    def look(self, info: JobInfo) -> None:
        """One look at the intent."""
        if not self._link.stop_file.exists():
            return
        if self._asked_at is None:
            self._link.ask_to_stop()
            self._asked_at = time.monotonic()
        waited = time.monotonic() - self._asked_at
        if not self._ended and (info.status == "PENDING" or waited > self._link.ladder_s):
            self._link.end_job()
            self._ended = True
        if info.status == "PENDING" and waited > _PENDING_STOP_S:
            self._link.close_unbegun()
