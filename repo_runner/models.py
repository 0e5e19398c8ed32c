"""The words of the product as values: what is submitted, what a run is, what it reports."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_serializer

Backend = Literal["local"]

#: Long work reports where it is: stage, fraction of the phase (0 to 1, None: unknown), one line for people.
OnProgress = Callable[[str, float | None, str], None]


class RunStatus(StrEnum):
    """Where a run stands; the last three are terminal and never change."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    STOPPED = "stopped"

    @property
    def is_terminal(self) -> bool:
        """Whether the run has ended."""
        return self in (RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.STOPPED)


class RunPhase(StrEnum):
    """What a run that has not ended is doing."""

    QUEUED = "queued"
    FETCHING = "fetching"
    BUILDING = "building"
    TRAINING = "training"


class Record(BaseModel):
    """Base of all values: immutable, unknown fields refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Submission(Record):
    """What a person enters, as text; `intake` turns it into a RunSpec or says what is wrong."""

    #: An error must not quote a token.
    model_config = ConfigDict(hide_input_in_errors=True)

    link: str = Field(max_length=2000)
    ref: str = Field("", max_length=255)
    #: Path of the script from the top of the repository; empty when the link names it.
    script_path: str = Field("", max_length=500)
    #: One line as in a terminal (split like a POSIX shell, never run by one), or the words themselves.
    script_args: str | list[str] = Field("", max_length=65536)
    #: Extra requirements, one a line, or as a list.
    requirements: str | list[str] = Field("", max_length=65536)
    name: str = Field("", max_length=200)
    #: Python version of the environment, such as `3.11`; empty: the operator's default.
    python: str = Field("", max_length=20)
    #: Path of the dependency file to use; empty: the best of those found.
    dependency_file: str = Field("", max_length=500)
    #: Extra variables for the script.
    env: dict[str, str] = Field(default_factory=dict)
    backend: Backend = "local"
    #: Whether the repository's submodules are fetched too: from the same host, one level deep.
    submodules: bool = False
    #: Whether files in Git LFS are fetched too; otherwise short pointers stand in their place.
    lfs: bool = False
    #: For a private repository, a token or `user:password` of its host; only ever written, kept sealed until fetched.
    token: SecretStr = Field(SecretStr(""), max_length=4096)

    @field_serializer("token", when_used="json")
    def _token_as_sent(self, token: SecretStr) -> str:
        """Only the client turns a submission into JSON, to send it."""
        return token.get_secret_value()


class RunSpec(Record):
    """The immutable, validated request."""

    repo_url: str
    ref: str = ""
    commit_sha: str
    script_path: str
    script_args: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    name: str = ""
    python: str = ""
    dependency_file: str = ""
    env: dict[str, str] = Field(default_factory=dict)
    backend: Backend = "local"
    submodules: bool = False
    lfs: bool = False
    #: Variables whose values are sealed: name and ticket. Chosen by their names, see intake.
    secret_env: dict[str, str] = Field(default_factory=dict)
    #: Under this name the fetch finds the sealed token; it says nothing of the token itself.
    token_ticket: str = ""

    @property
    def tickets(self) -> tuple[str, ...]:
        """Of everything that was sealed for this run."""
        return tuple(t for t in (self.token_ticket, *self.secret_env.values()) if t)


class Progress(Record):
    """Where long work is; every field but `phase` may be unknown, and unknown is said as None."""

    phase: RunPhase
    #: Within a phase: `resolving`, `sanity_check`, `train`, `validate`, …
    stage: str = ""
    #: Of the whole phase, 0 to 1.
    fraction: float | None = None
    eta_s: float | None = None
    #: 0-based, as Lightning counts.
    epoch: int | None = None
    max_epochs: int | None = None
    batch: int | None = None
    batches: int | None = None
    step: int | None = None
    total_steps: int | None = None
    #: Optimizer steps a second, moving average.
    steps_per_s: float | None = None
    message: str = ""
    #: Seconds spent in each stage of a training so far: `sanity_check`, `train`, `validate`, `test`, `saving`, …
    stage_seconds: dict[str, float] = Field(default_factory=dict)


class Checkpoint(Record):
    """A checkpoint the script saved, as copied into the run folder."""

    #: File name inside the run's `checkpoints/`.
    name: str
    #: Path the script saved it to, as Lightning reports it.
    path: str
    monitor: str | None = None
    mode: str | None = None
    score: float | None = None
    epoch: int | None = None
    step: int | None = None
    is_best: bool = False
    is_last: bool = False
    sha256: str
    size_bytes: int
    saved_at: datetime


class Failure(Record):
    """Why a run failed: data, not an exception."""

    error_code: str
    message: str
    hint: str = ""
    #: The lines that show it, oldest first.
    lines: tuple[str, ...] = ()


class PhaseTime(Record):
    """When a phase began and ended."""

    phase: RunPhase
    started_at: datetime
    ended_at: datetime | None = None


class Run(Record):
    """Everything the app knows about one run but its metrics and logs."""

    run_id: str
    spec: RunSpec
    name: str
    status: RunStatus
    phase: RunPhase
    #: Place among the waiting runs, 1 = next; None when it does not wait.
    queue_position: int | None = None
    progress: Progress | None = None
    created_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    stop_requested_at: datetime | None = None
    attempt: int = 0
    commit_sha: str
    environment_key: str | None = None
    exit_code: int | None = None
    failure: Failure | None = None
    #: Whether the probe reports from inside the script (it uses PyTorch Lightning).
    has_probe: bool = False
    #: Non-fatal notes, newest last.
    notes: tuple[str, ...] = ()
    #: The monitored metric and its mode, as the script's ModelCheckpoint names them.
    monitor: str | None = None
    mode: str | None = None
    best_model_score: float | None = None
    #: Path of the best checkpoint in the run folder.
    best_model_path: str | None = None
    #: Newest value of every metric, at most 64.
    last_metrics: dict[str, float | None] = Field(default_factory=dict)
    hparams: dict[str, Any] = Field(default_factory=dict)
    #: What the probe said of the trainer: versions, strategy, devices, parameter counts.
    trainer: dict[str, Any] = Field(default_factory=dict)
    phases: tuple[PhaseTime, ...] = ()

    @property
    def duration_s(self) -> float | None:
        """Seconds from start to end, or to now."""
        if self.started_at is None:
            return None
        return ((self.ended_at or datetime.now(UTC)) - self.started_at).total_seconds()


class RunPage(Record):
    """One page of a listing, newest first."""

    runs: tuple[Run, ...]
    next_cursor: str | None = None
    total: int


class MetricPoint(Record):
    """One value of one metric; `value` is None where the script logged NaN or infinity (see `text`)."""

    step: int
    epoch: int | None = None
    timestamp: float
    value: float | None
    #: `nan`, `inf` or `-inf` where the value is not a finite number.
    text: str | None = None


class MetricSeries(Record):
    """One metric's points, oldest first, possibly thinned."""

    name: str
    points: tuple[MetricPoint, ...]
    #: How many points there are before thinning.
    total: int


class LogSlice(Record):
    """A piece of a run's output."""

    text: str
    #: Byte offset to ask from next (`after=`).
    next_offset: int
    #: Bytes of the whole output so far, dropped ones included.
    size_bytes: int
    #: Bytes that fell out between the kept head and tail.
    dropped_bytes: int = 0


class Finding(Record):
    """One row of a preflight."""

    level: Literal["ok", "warn", "error"]
    code: str
    message: str
    hint: str = ""
    field: str | None = None


class ScriptArgument(Record):
    """One argument of a script as its source states it; what the source computes stays unknown."""

    #: As the script's own code calls it: `max_epochs`, or `model.lr` for LightningCLI.
    name: str
    #: As typed, such as `--lr`; empty: the argument goes by its position.
    flags: tuple[str, ...] = ()
    #: `str`, `int`, `float`, `bool`, `path`, or the name of the script's own type.
    type: str = "str"
    default: Any = None
    choices: tuple[Any, ...] | None = None
    required: bool = False
    #: Whether it stands alone, without a value.
    is_flag: bool = False
    #: What turns a flag off again, such as `--no-compile`.
    off_flag: str = ""
    #: How many values it takes, as argparse writes it: a number, `?`, `*` or `+`; None: one.
    nargs: int | str | None = None
    help: str = ""
    #: Which of the above the script computes, so that they are not known here.
    unknown: tuple[str, ...] = ()


#: What a script trains with.
ScriptKind = Literal["lightning_cli", "lightning", "fabric", "plain", "unknown"]


class NamedRef(Record):
    """A branch or tag that can be chosen."""

    name: str
    kind: Literal["branch", "tag"]
    commit_sha: str
    is_default: bool = False


class SubmoduleInfo(Record):
    """A repository inside the repository."""

    path: str
    commit_sha: str
    #: Where it would be fetched from; empty when it cannot be.
    repo_url: str = ""
    #: Why it cannot be fetched.
    problem: str = ""


class Preflight(Record):
    """What is known about a submission before it starts."""

    ok: bool
    findings: tuple[Finding, ...]
    spec: RunSpec | None = None
    #: Python files that could be the script, best guess first.
    scripts: tuple[str, ...] = ()
    #: Dependency files found, in the order in which they are honoured.
    dependency_files: tuple[str, ...] = ()
    #: What the script trains with, read from its source; never by running it.
    script_kind: ScriptKind = "unknown"
    #: The script's arguments, in the order of its source.
    arguments: tuple[ScriptArgument, ...] = ()
    #: Branches (the default one first) and tags, at most a few hundred.
    refs: tuple[NamedRef, ...] = ()
    #: Python version or range the repository asks for; empty: any.
    python: str = ""
    submodules: tuple[SubmoduleInfo, ...] = ()


class Health(Record):
    """State of the app itself."""

    status: Literal["ok", "degraded"]
    version: str
    versions: dict[str, str]
    home: str
    address: str
    disk_free_bytes: int
    disk_total_bytes: int
    runs_by_status: dict[str, int]
    max_running: int
    started_at: datetime
    problems: tuple[str, ...] = ()
