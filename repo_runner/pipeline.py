"""A run's three steps, in order, each announced in the event stream: fetch → build → train."""

from __future__ import annotations

import contextlib
import json
import time
import traceback
from dataclasses import dataclass, field

from repo_runner import clock, diagnosis, sandbox
from repo_runner.app_file import write_private
from repo_runner.backends.base import Attempt
from repo_runner.checkpoints import CheckpointKeeper
from repo_runner.environment import Environment, EnvironmentRequest, Environments
from repo_runner.errors import RunnerError
from repo_runner.events import EventWriter
from repo_runner.fetch_log import FetchLog
from repo_runner.lifecycle import ExitRecord, cause_of
from repo_runner.masking import mask_text
from repo_runner.models import Failure, Progress, RunPhase, RunSpec
from repo_runner.observer import Observer
from repo_runner.output import OutputWriter
from repo_runner.paths import RunPaths
from repo_runner.resume import EarlierAttempts
from repo_runner.run_secrets import RunSecrets
from repo_runner.script_exit import ScriptExit
from repo_runner.script_plan import ScriptPlan
from repo_runner.settings import Settings
from repo_runner.source import Source
from repo_runner.stop_watch import StopWatch
from repo_runner.token_vault import TokenVault
from repo_runner.training import Training

_REPORT_EVERY_S = 0.25


@dataclass
class Pipeline:
    """One attempt of one run."""

    settings: Settings
    paths: RunPaths
    spec: RunSpec
    attempt: Attempt
    writer: EventWriter
    output: OutputWriter
    watch: StopWatch
    secrets: RunSecrets = field(default_factory=RunSecrets)
    started_at: float = field(default_factory=clock.now)

    def run(self) -> ExitRecord:
        """Take the run through its phases; whatever goes wrong becomes part of the record, never an exception."""
        try:
            sandbox.require(self.spec.sandbox, self.settings)
            self.secrets.require_all()
            self._fetch()
            script_exit = self._train(self._build())
        except Exception as error:  # noqa: BLE001  whatever it is, the run must end with a record of it
            if self.watch.requested.is_set():
                return self._record(stopped=True)
            if not isinstance(error, RunnerError):
                traceback.print_exc()
            return self._record(failure=diagnosis.of_error(error))
        return script_exit

    def _fetch(self) -> None:
        self._enter(RunPhase.FETCHING)
        vault = TokenVault(self.settings.home)
        token = vault.open(self.spec.token_ticket) if self.spec.token_ticket else ""
        source = Source(self.settings).with_token(self.spec.repo_url, token)
        reporter = Reporter(self.writer, RunPhase.FETCHING)
        log = FetchLog(self.paths.fetch_log, reporter, self.secrets.masked)
        log.say(f"{self.spec.repo_url} at {self.spec.commit_sha}")
        if not self.paths.checkout.exists():
            report = source.check_out(
                self.spec.repo_url,
                self.spec.commit_sha,
                self.paths.checkout,
                on_progress=log,
                cancel=self.watch.requested,
                submodules=self.spec.submodules,
                lfs=self.spec.lfs,
            )
            self.writer.write(
                "source",
                commit_sha=self.spec.commit_sha,
                checkout_bytes=report.bytes,
                reused=report.reused,
                submodules=dict(report.submodules),
                lfs_bytes=report.lfs_bytes,
            )
            log.say(f"Checked out {report.bytes:,} bytes.")
        else:
            log.say("Checked out by an earlier attempt.")
        vault.discard(self.spec.token_ticket)
        source.check_script(self.paths.checkout, self.spec.script_path)

    def _build(self) -> Environment:
        self._enter(RunPhase.BUILDING)
        request = EnvironmentRequest(
            self.paths.checkout,
            self.spec.script_path,
            self.spec.requirements,
            python=self.spec.python,
            dependency_file=self.spec.dependency_file,
        )
        environment = Environments(self.settings).prepare(
            request,
            log=self._log_build,
            on_progress=Reporter(self.writer, RunPhase.BUILDING),
            cancel=self.watch.requested,
        )
        self.writer.write(
            "environment",
            environment_key=environment.key,
            python=environment.python_version,
            reused=environment.reused,
            packages=len(environment.freeze),
        )
        self._keep(environment)
        return environment

    def _keep(self, environment: Environment) -> None:
        """With the run; what its repository declares in vain is a note, once for all attempts."""
        for note in () if self.paths.environment.exists() else environment.notes:
            self.writer.write("note", code="environment", message=note)
        write_private(self.paths.environment, json.dumps(environment.record(), indent=2))

    def _train(self, environment: Environment) -> ExitRecord:
        self._enter(RunPhase.TRAINING)
        earlier = EarlierAttempts.of(self.paths)
        keeper = CheckpointKeeper(
            self.paths.checkpoints,
            self.writer,
            self.paths.checkout,
            earlier.checkpoints,
            hidden=self.settings.home.resolve(),
        )
        observer = Observer(self.writer, keeper)
        number = self.attempt.number
        with sandbox.sandboxed(self.spec, self.settings, self.paths, number, environment) as walls:
            plan = ScriptPlan(
                spec=self.spec,
                env={**self.spec.env, **self.secrets.env},
                checkout=self.paths.checkout,
                environment=environment,
                probe_folder=self.paths.probe(number),
                resume_from=earlier.resume_point,
                with_probe=self.attempt.with_probe,
                gpus=self.attempt.gpus,
                sandbox=walls,
            )
            training = Training(self.settings, plan, self.paths, self.writer, observer)
            ended = training.run(self.output, self.watch.requested)
        if observer.passed_over:
            message = f"{observer.passed_over} reports from the script could not be read."
            self.writer.write("note", code="reports_unreadable", message=message)
        return self._record(ended, failure=self._diagnose(ended, observer))

    def _diagnose(self, ended: ScriptExit, observer: Observer) -> Failure | None:
        if ended.limit is not None:
            return diagnosis.with_lines(ended.limit, self.paths.output)
        if ended.exit_code == 0:
            interrupted = observer.was_ended_from_outside and not ended.stopped
            return diagnosis.of_interruption(self.paths.output) if interrupted else None
        return diagnosis.of_script(ended, self.spec.limits, self.paths.output, observer.exception)

    def _record(
        self,
        ended: ScriptExit | None = None,
        *,
        stopped: bool = False,
        failure: Failure | None = None,
    ) -> ExitRecord:
        stopped = ended.stopped if ended else stopped
        exit_code = ended.exit_code if ended else None
        return ExitRecord(
            attempt=self.attempt.number,
            exit_code=exit_code,
            signal=ended.signal if ended else None,
            stopped=stopped,
            cause=cause_of(exit_code, stopped=stopped, failure=failure),
            failure=failure,
            ended_at=clock.now(),
            duration_s=clock.now() - self.started_at,
        )

    def _enter(self, phase: RunPhase) -> None:
        self.writer.write("phase", phase=phase.value)

    def _log_build(self, line: str) -> None:
        """On a full disk the installer fails by itself, and says so."""
        with contextlib.suppress(OSError), self.paths.build_log.open("a", errors="replace") as log:
            log.write(mask_text(line, self.secrets.masked) + "\n")


class Reporter:
    """Writes a step's progress to the event stream, a few times a second at most; a new stage is always written."""

    def __init__(self, writer: EventWriter, phase: RunPhase) -> None:
        self._writer = writer
        self._phase = phase
        self._stage = ""
        self._written_at = 0.0

    def __call__(self, stage: str, fraction: float | None, message: str) -> None:
        """See models.OnProgress."""
        now = time.monotonic()
        if stage == self._stage and now - self._written_at < _REPORT_EVERY_S:
            return
        self._stage, self._written_at = stage, now
        progress = Progress(
            phase=self._phase, stage=stage, fraction=fraction, message=message[:500]
        )
        self._writer.write("progress", **progress.model_dump(mode="json"))
