"""The courier of one attempt on a node: `python -m repo_runner.node RUN_ID ATTEMPT SHELF_URL`.

It makes a run folder like the one the app has, starts the supervisor there, says on the job's log what the supervisor
writes, and hands it a stop. It never outlives its supervisor, and nothing of the attempt outlives it.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
from collections.abc import Mapping

from repo_runner import process
from repo_runner.app_file import write_private
from repo_runner.backends.base import WITHOUT_PROBE
from repo_runner.lifecycle import ExitRecord
from repo_runner.node.outbox import Log, Outbox
from repo_runner.node.secrets import receive
from repo_runner.node.stop_line import StopLine
from repo_runner.node.uploads import Uploads
from repo_runner.order import Order, events_name, order_name
from repo_runner.paths import HomePaths, RunPaths
from repo_runner.settings import Settings
from repo_runner.shelf import Shelf

_LOOK_EVERY_S = 0.1
_SIGN_OF_LIFE_EVERY_S = 2.0


class Courier:
    """One attempt on this node."""

    def __init__(self, run_id: str, attempt: int, shelf_url: str) -> None:
        self._shelf = Shelf(shelf_url, run_id)
        order = self._shelf.read(order_name(attempt))
        if order is None:
            raise SystemExit(
                f"There is no order {order_name(attempt)} of run {run_id} on the shelf."
            )
        self._order = Order.model_validate_json(order)
        self._run_id = run_id
        settings = Settings.from_env({**os.environ, **self._order.settings})
        self._settings = settings
        # A folder per attempt: a node that was given up may still be busy with an earlier one.
        self._paths: RunPaths = HomePaths(settings.home).run(f"{run_id}.{attempt}")
        self._log = Log(sys.stdout.fileno())
        self._told_to_end = threading.Event()

    def run(self) -> int:
        """The job's exit code: 0 when the script has succeeded."""
        signal.signal(signal.SIGTERM, lambda *_: self._told_to_end.set())
        self._log.fact("hello", attempt=self._order.attempt, host=os.uname().nodename)
        self._make_folder()
        self._start_reaper()
        home = self._settings.home
        secrets = receive(self._run_id, self._order, home, self._shelf, self._log)
        outbox = Outbox(
            self._paths,
            self._log,
            output_base=(self._order.output_bytes, self._order.output_lines),
            build_base=self._order.build_log_bytes,
            full_bytes=self._settings.max_log_bytes // 2,
        )
        with Uploads(self._paths, self._shelf, self._log):
            self._supervise(outbox, secrets)
        outbox.carry(last=True)
        outbox.carry_exit()
        return self._result()

    def _make_folder(self) -> None:
        """As the app's own, as far as this attempt needs it."""
        root = self._paths.root
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir(parents=True, mode=0o700)
        write_private(self._paths.spec, self._order.spec.model_dump_json(indent=2))
        events = self._shelf.read(events_name(self._order.attempt))
        if events is not None:
            self._paths.events.write_bytes(events)
        for file in self._order.shelf_files:
            self._shelf.get(root, file)

    def _start_reaper(self) -> None:
        ours, theirs = os.pipe()[::-1]
        tickets = self._order.spec.tickets
        home = str(self._settings.home)
        argv = [sys.executable, "-m", "repo_runner.node.reaper", str(theirs), self._paths.run_id]
        with (self._paths.root / "reaper.log").open("ab") as log:
            process.start([*argv, home, *tickets], env=_own_env(), output=log, pass_fds=[theirs])
        os.close(theirs)
        # Held open, and never handed to a child, until this process ends.
        os.set_inheritable(ours, False)

    def _supervise(self, outbox: Outbox, secrets: Mapping[str, str]) -> None:
        argv = [sys.executable, "-m", "repo_runner.supervise", str(self._paths.root)]
        argv += [str(self._order.attempt), *([] if self._order.with_probe else [WITHOUT_PROBE])]
        env = {
            **_own_env(),
            **self._settings.supervisor_env,
            **secrets,
            process.MARKER: self._paths.run_id,
        }
        with self._paths.supervisor_log.open("ab") as log:
            child = process.start(argv, env=env, output=log)
        with StopLine(self._paths, self._order.attempt, self._shelf, self._log, self._told_to_end):
            ticks = 0
            while not process.ended_within(child, _LOOK_EVERY_S):
                outbox.carry()
                ticks += 1
                if ticks % int(_SIGN_OF_LIFE_EVERY_S / _LOOK_EVERY_S) == 0:
                    self._log.fact("alive")

    def _result(self) -> int:
        try:
            record = ExitRecord.model_validate_json(self._paths.exit.read_text())
        except FileNotFoundError:
            self._log.fact("trouble", message=self._paths.supervisor_log.read_text()[-2000:])
            return 1
        shutil.rmtree(self._paths.root, ignore_errors=True)
        return int(record.exit_code != 0 or record.failure is not None)


def _own_env() -> dict[str, str]:
    """For processes of ours: they find this package, and nothing of the run."""
    return {n: v for n, v in os.environ.items() if n in ("PYTHONPATH", "PATH", "HOME", "LANG")}


if __name__ == "__main__":
    os.umask(0o077)
    sys.exit(Courier(sys.argv[1], int(sys.argv[2]), sys.argv[3]).run())
