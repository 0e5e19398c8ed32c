"""An attempt's place on a node: a run folder like the app's own, a supervisor in it, a reaper that outlives both."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping

from repo_runner import process, supervise
from repo_runner.app_file import write_private
from repo_runner.backends.base import Attempt
from repo_runner.lifecycle import ExitRecord
from repo_runner.node import reaper
from repo_runner.order import Order, events_name, order_name
from repo_runner.paths import HomePaths, RunPaths
from repo_runner.settings import Settings
from repo_runner.shelf import Shelf


class NodeAttempt:
    """One attempt on this node; with a rank, one node's part of an attempt on several."""

    def __init__(self, run_id: str, attempt: int, shelf_url: str, rank: int = 0) -> None:
        self.shelf = Shelf(shelf_url, run_id)
        order = self.shelf.read(order_name(attempt))
        if order is None:
            raise SystemExit(
                f"There is no order {order_name(attempt)} of run {run_id} on the shelf."
            )
        self.run_id = run_id
        self._rank = rank
        self.order = Order.model_validate_json(order)
        self.settings = Settings.from_env({**os.environ, **self.order.settings})
        # A folder per attempt: a node that was given up may still be busy with an earlier one.
        name = f"{run_id}.{attempt}" + (f".{rank}" if rank else "")
        self.paths: RunPaths = HomePaths(self.settings.home).run(name)
        # Held open, and handed to no child, until this process ends.
        self._held = -1

    def make_folder(self, env: Mapping[str, str]) -> None:
        """As the app's own, as far as this attempt needs it; `env` is what the script gets besides its own."""
        root, spec = self.paths.root, self.order.spec
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir(parents=True, mode=0o700)
        changes: dict[str, object] = {"env": {**spec.env, **env}}
        if self._rank:
            # Only rank zero is expected to say something; the others may be silent all the time.
            changes["limits"] = spec.limits.model_copy(update={"silence_s": None})
        spec = spec.model_copy(update=changes)
        write_private(self.paths.spec, spec.model_dump_json(indent=2))
        events = self.shelf.read(events_name(self.order.attempt))
        if events is not None:
            self.paths.events.write_bytes(events)
        for file in self.order.shelf_files:
            self.shelf.get(root, file)
        self._start_reaper()

    def start(self, secrets: Mapping[str, str]) -> process.Fork:
        """The supervisor; all it starts is marked as part of this attempt, and it dies with us.

        It goes on from here: what it needs is imported, which takes longer than all it does before the script starts.
        """
        attempt = Attempt(self.order.attempt, with_probe=self.order.with_probe)
        return process.fork(
            lambda: supervise.main(str(self.paths.root), attempt),
            env={**_own_env(), **self.settings.supervisor_env, **secrets},
            output=self.paths.supervisor_log,
        )

    def exit_record(self) -> ExitRecord | None:
        """What the supervisor said last."""
        try:
            return ExitRecord.model_validate_json(self.paths.exit.read_text())
        except FileNotFoundError:
            return None

    def remove(self) -> None:
        """Nothing of it is needed here any more."""
        shutil.rmtree(self.paths.root, ignore_errors=True)

    def _start_reaper(self) -> None:
        theirs, self._held = os.pipe()
        marker, tickets = self.paths.run_id, self.order.spec.tickets
        process.fork_survivor(
            lambda: reaper.main(theirs, marker, self.settings.home, tickets),
            keep=theirs,
            output=self.paths.root / "reaper.log",
        )
        os.close(theirs)


def _own_env() -> dict[str, str]:
    """For processes of ours: they find this package, and nothing of the run."""
    return {n: v for n, v in os.environ.items() if n in ("PYTHONPATH", "PATH", "HOME", "LANG")}
