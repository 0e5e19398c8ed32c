"""The detached supervisor of one attempt: `python -m repo_runner.supervise RUN_DIR ATTEMPT [--without-probe]`.

It holds the run's lease, takes the run through the pipeline, and writes `exit.json` last. It knows nothing of the app:
it reads `spec.json` and `stop.json`, and writes the rest of the run folder.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path

from repo_runner import process, reserve
from repo_runner.app_file import write_private
from repo_runner.backends.base import GPUS, WITHOUT_PROBE, Attempt
from repo_runner.events import EventWriter
from repo_runner.housekeeping import tidy_after
from repo_runner.lease import Lease
from repo_runner.lifecycle import ExitRecord
from repo_runner.masking import MaskedText, mask_values
from repo_runner.models import RunSpec
from repo_runner.output import OutputWriter
from repo_runner.paths import RunPaths
from repo_runner.pipeline import Pipeline
from repo_runner.run_secrets import RunSecrets
from repo_runner.settings import Settings
from repo_runner.stop_watch import StopWatch

_ROOM_EVERY_S = 1.0


def main(run_dir: str, attempt: Attempt) -> None:
    """Supervise one attempt; returns at once when another supervisor holds the run or the attempt has ended."""
    # Until the stop watch listens, and again after it: a stop is in stop.json, the signal only wakes.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    paths = RunPaths(Path(run_dir))
    if paths.ended(attempt.number).exists():
        return
    held = Lease.take(paths.lock)
    if held is None or paths.exit.exists():
        return
    os.umask(0o077)
    process.become_subreaper()
    process.mark_children(paths.run_id)
    _supervise(paths, attempt)
    held.release()
    tidy_after(paths, Settings.from_env())


def _supervise(paths: RunPaths, attempt: Attempt) -> None:
    settings = Settings.from_env()
    spec = RunSpec.model_validate_json(paths.spec.read_text())
    secrets = RunSecrets.open(spec, settings)
    sys.stdout = sys.stderr = MaskedText(sys.stderr, secrets.masked)
    reserve.set_aside(paths.reserve)
    writer = EventWriter(paths.events, secrets.masked)
    output = OutputWriter(paths.output, settings.max_log_bytes, secrets.masked)
    with StopWatch(paths.stop) as watch:
        writer.write("attempt", attempt=attempt.number, pid=os.getpid())
        record = Pipeline(settings, paths, spec, attempt, writer, output, watch, secrets).run()
        process.kill_tree(paths.run_id)
        output.close()
        if output.lost_bytes:
            message = (
                f"{output.lost_bytes} bytes of output are not kept: the disk was full or too slow."
            )
            writer.write("note", code="output_lost", message=message)
        _end(paths, writer, record, secrets.masked)


def _end(
    paths: RunPaths, writer: EventWriter, record: ExitRecord, secrets: tuple[str, ...]
) -> None:
    """Tell the end, which on a full disk may have to wait for somebody to make room."""
    writer.write(
        "exit",
        **record.model_dump(mode="json", include={"exit_code", "signal", "stopped", "cause"}),
    )
    told = json.dumps(mask_values(record.model_dump(mode="json"), secrets))
    reserve.give_back(paths.reserve)
    while paths.root.exists() and not _is_told(paths, writer, told):
        time.sleep(_ROOM_EVERY_S)  # nothing tells that a disk has room again


def _is_told(paths: RunPaths, writer: EventWriter, told: str) -> bool:
    try:
        writer.close()
        write_private(paths.exit, told)
    except OSError:
        return False
    return True


def _attempt(number: str, options: list[str]) -> Attempt:
    gpus = next((o.removeprefix(GPUS) for o in options if o.startswith(GPUS)), None)
    ids = None if gpus is None else tuple(gpus.split(",")) if gpus else ()
    return Attempt(int(number), with_probe=WITHOUT_PROBE not in options, gpus=ids)


if __name__ == "__main__":
    main(sys.argv[1], _attempt(sys.argv[2], sys.argv[3:]))
