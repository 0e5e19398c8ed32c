"""The store's tables: an index over run folders, plus intents."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, Float, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """Root of all tables."""


class RunRow(Base):
    """One run: its spec, intents (`*_requested_at`), and what its work has ingested."""

    __tablename__ = "runs"

    #: Order of submission.
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    run_id: Mapped[str] = mapped_column(String(64), unique=True)
    idempotency_key: Mapped[str | None] = mapped_column(String(200), unique=True)
    spec: Mapped[dict[str, Any]] = mapped_column(JSON)
    name: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(String(16), index=True)
    phase: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[float] = mapped_column(Float)
    #: When the queue let it in: the order of these is the queue's. Of a run that waits it means nothing.
    started_at: Mapped[float | None] = mapped_column(Float)
    ended_at: Mapped[float | None] = mapped_column(Float)
    stop_requested_at: Mapped[float | None] = mapped_column(Float)
    #: Of waiting runs, see run_queue.py.
    priority: Mapped[int] = mapped_column(Integer, default=0)
    attempt: Mapped[int] = mapped_column(Integer, default=0)
    retries_used: Mapped[int] = mapped_column(Integer, default=0)
    retry_at: Mapped[float | None] = mapped_column(Float)
    silent_since: Mapped[float | None] = mapped_column(Float)
    #: Unique ids of the GPUs this run holds; None (stored as JSON's null): nobody counts them.
    gpus: Mapped[list[str] | None] = mapped_column(JSON, default=None, nullable=False)
    #: When the attempt began, in seconds since the machine's boot; a wall clock may jump.
    started_ticks_s: Mapped[float | None] = mapped_column(Float)
    duration_s: Mapped[float | None] = mapped_column(Float)
    commit_sha: Mapped[str] = mapped_column(String(64))
    environment_key: Mapped[str | None] = mapped_column(String(80))
    exit_code: Mapped[int | None] = mapped_column(Integer)
    exit_signal: Mapped[int | None] = mapped_column(Integer)
    exit_cause: Mapped[str | None] = mapped_column(String(16))
    failure: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    has_probe: Mapped[bool] = mapped_column(Boolean, default=False)
    notes: Mapped[list[str]] = mapped_column(JSON, default=list)
    monitor: Mapped[str | None] = mapped_column(Text)
    mode: Mapped[str | None] = mapped_column(String(8))
    best_model_score: Mapped[float | None] = mapped_column(Float)
    best_model_path: Mapped[str | None] = mapped_column(Text)
    progress: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    last_metrics: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    hparams: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    trainer: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    phases: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    #: `owner/repository` of its address.
    repository: Mapped[str] = mapped_column(Text, default="")
    #: The monitored metric in a few values, see sparkline.py.
    sparkline: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    #: Bytes of `events.jsonl` that are in the store.
    events_offset: Mapped[int] = mapped_column(BigInteger, default=0)


class SeriesRow(Base):
    """One metric of one run: how much of it there is."""

    __tablename__ = "metric_series"
    __table_args__ = (Index("ix_metric_series_name", "run_number", "name", unique=True),)

    series_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    run_number: Mapped[int] = mapped_column(ForeignKey("runs.number", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(Text)
    count: Mapped[int] = mapped_column(BigInteger, default=0)
    #: How many of its values are not finite numbers.
    broken: Mapped[int] = mapped_column(BigInteger, default=0)
    #: Place of its newest value among all values of the run.
    last_number: Mapped[int] = mapped_column(BigInteger, default=0)


class MetricRow(Base):
    """One value of one metric; `number` is its place among all values of the run, in order of arrival."""

    __tablename__ = "metrics"
    __table_args__ = ({"sqlite_with_rowid": False},)

    series_id: Mapped[int] = mapped_column(
        ForeignKey("metric_series.series_id", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    step: Mapped[int] = mapped_column(BigInteger)
    epoch: Mapped[int | None] = mapped_column(Integer)
    timestamp: Mapped[float] = mapped_column(Float)
    #: None where `text` says nan, inf or -inf.
    value: Mapped[float | None] = mapped_column(Float)
    text: Mapped[str | None] = mapped_column(String(8))


class ResourceRow(Base):
    """What a run's process tree took at one moment."""

    __tablename__ = "resources"

    resource_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    run_number: Mapped[int] = mapped_column(
        ForeignKey("runs.number", ondelete="CASCADE"), index=True
    )
    timestamp: Mapped[float] = mapped_column(Float)
    cpu_percent: Mapped[float] = mapped_column(Float)
    memory_bytes: Mapped[int] = mapped_column(BigInteger)
    gpu_percent: Mapped[float | None] = mapped_column(Float)
    gpu_memory_bytes: Mapped[int | None] = mapped_column(BigInteger)


class SpanRow(Base):
    """A full stretch of 8, 64, 512, … values of one metric, with the places of its smallest and its largest."""

    __tablename__ = "metric_spans"
    __table_args__ = ({"sqlite_with_rowid": False},)

    series_id: Mapped[int] = mapped_column(
        ForeignKey("metric_series.series_id", ondelete="CASCADE"), primary_key=True
    )
    #: The stretch holds 8 to the power of this.
    level: Mapped[int] = mapped_column(Integer, primary_key=True)
    #: Places of its first and last value.
    first: Mapped[int] = mapped_column(BigInteger)
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    #: None where no value of it is a finite number.
    low: Mapped[float | None] = mapped_column(Float)
    low_number: Mapped[int] = mapped_column(BigInteger)
    high: Mapped[float | None] = mapped_column(Float)
    high_number: Mapped[int] = mapped_column(BigInteger)


class RunWordsRow(Base):
    """What a run is searched by, in lower case; beside the runs, whose rows are long to read through."""

    __tablename__ = "run_words"

    number: Mapped[int] = mapped_column(
        ForeignKey("runs.number", ondelete="CASCADE"), primary_key=True
    )
    words: Mapped[str] = mapped_column(Text)


class RunCountRow(Base):
    """How many runs have a status; kept by triggers of the database, so that no writer can forget it."""

    __tablename__ = "run_counts"

    status: Mapped[str] = mapped_column(String(16), primary_key=True)
    count: Mapped[int] = mapped_column(BigInteger, default=0)


class CheckpointRow(Base):
    """One checkpoint in a run's folder."""

    __tablename__ = "checkpoints"

    run_number: Mapped[int] = mapped_column(
        ForeignKey("runs.number", ondelete="CASCADE"), primary_key=True
    )
    name: Mapped[str] = mapped_column(String(255), primary_key=True)
    #: The fields of models.Checkpoint.
    data: Mapped[dict[str, Any]] = mapped_column(JSON)
