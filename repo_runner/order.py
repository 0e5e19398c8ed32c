"""What the app hands a node for one attempt, and the names both use on the shelf."""

from __future__ import annotations

from pydantic import Field

from repo_runner.models import Record, RunSpec
from repo_runner.shelf import ShelfFile


class Order(Record):
    """One attempt, complete but for the secrets: those come sealed, once the node has shown its key."""

    spec: RunSpec
    attempt: int
    with_probe: bool = True
    #: Settings of the app that hold for its supervisors anywhere.
    settings: dict[str, str] = Field(default_factory=dict)
    #: What earlier attempts left that this one may go on from.
    files: tuple[dict[str, str | int], ...] = ()
    #: Bytes of output and of the other logs that the run folder of the app holds already.
    output_bytes: int = 0
    output_lines: int = 0
    fetch_log_bytes: int = 0
    build_log_bytes: int = 0

    @property
    def shelf_files(self) -> tuple[ShelfFile, ...]:
        """The files, typed."""
        return tuple(
            ShelfFile(str(f["path"]), str(f["sha256"]), int(f["size_bytes"])) for f in self.files
        )


def order_name(attempt: int) -> str:
    """The order itself."""
    return f"{attempt}/order.json"


def events_name(attempt: int) -> str:
    """The stream of the attempts before."""
    return f"{attempt}/events.jsonl"


def stop_name(attempt: int) -> str:
    """Exists once the attempt is asked to stop."""
    return f"{attempt}/stop"


def sealed_name(attempt: int) -> str:
    """The secrets, sealed for the node's key."""
    return f"{attempt}/sealed"


def purpose(run_id: str, attempt: int) -> str:
    """What sealed secrets are bound to."""
    return f"repo-runner {run_id} {attempt}"
