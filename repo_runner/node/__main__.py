"""The courier of one attempt on a node: `python -m repo_runner.node RUN_ID ATTEMPT SHELF_URL`.

It makes a run folder like the one the app has, starts the supervisor there, says on the job's log what the supervisor
writes, and hands it a stop. It never outlives its supervisor, and nothing of the attempt outlives it.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

from repo_runner import process
from repo_runner.app_file import write_private
from repo_runner.lifecycle import ExitCause
from repo_runner.node.attempt import NodeAttempt
from repo_runner.node.handover import receive
from repo_runner.node.outbox import Log, Outbox
from repo_runner.node.peers import Peers
from repo_runner.node.stop_line import StopLine
from repo_runner.node.uploads import Uploads
from repo_runner.order import stop_name

_LOOK_EVERY_S = 0.1
_SIGN_OF_LIFE_EVERY_S = 2.0
#: How long the first node may go on once another has failed: mostly it fails of that itself, in its own words.
_AFTER_PEER_S = 10.0
#: Apart, so that they are not written as one; the app leaves once it has the first node's end.
_GOODBYES, _GOODBYE_EVERY_S = 4, 0.4
#: How long the others may need to end once the first has.
_LAST_PATIENCE_S = 30.0


class Courier:
    """One attempt on this node, and if it asks for several, on others too."""

    def __init__(self, run_id: str, attempt: int, shelf_url: str) -> None:
        self._here = NodeAttempt(run_id, attempt, shelf_url)
        self._shelf_url = shelf_url
        self._log = Log(sys.stdout.fileno())
        self._told_to_end = threading.Event()
        self._is_ended_by_ray = False
        self._peers: Peers | None = None
        self._peer_failed_at = 0.0

    def run(self) -> int:
        """The job's exit code: 0 when the script has succeeded."""
        here, order = self._here, self._here.order
        signal.signal(signal.SIGTERM, self._on_sigterm)
        self._log.fact("hello", attempt=order.attempt, host=os.uname().nodename)
        if here.shelf.read(stop_name(order.attempt)) is not None:
            # It waited for room so long that it was stopped meanwhile, and the app has closed it.
            return 1
        secrets = receive(here.run_id, order, here.settings.home, here.shelf, self._log)
        env: dict[str, str] = {}
        if order.spec.resources.nodes > 1:
            self._peers = Peers(here, self._shelf_url, self._log)
            env = self._peers.begin(secrets)
        here.make_folder(env)
        outbox = Outbox(
            here.paths,
            self._log,
            output_base=(order.output_bytes, order.output_lines),
            fetch_base=order.fetch_log_bytes,
            build_base=order.build_log_bytes,
            full_bytes=here.settings.max_log_bytes // 2,
        )
        # Before any thread of ours begins.
        supervisor = here.start(secrets.variables)
        with Uploads(here.paths, here.shelf, self._log):
            self._follow(supervisor, outbox)
        outbox.carry(last=True)
        self._end_peers()
        self._say_who_stopped()
        outbox.carry_exit()
        self._let_readers_go()
        return self._result()

    def _on_sigterm(self, *_: object) -> None:
        self._is_ended_by_ray = True
        self._told_to_end.set()

    def _say_who_stopped(self) -> None:
        """Ray's own stop reaches the script before the supervisor knows of it."""
        record = self._here.exit_record()
        if record is not None and self._is_ended_by_ray and not record.stopped:
            told = {"stopped": True, "cause": ExitCause.STOPPED, "failure": None}
            write_private(self._here.paths.exit, record.model_copy(update=told).model_dump_json())

    def _let_readers_go(self) -> None:
        """Ray's dashboard notices that a reader has left only when it has something to write, and its proxy after it.

        Otherwise it would keep, of each run, a reader that never ends, and let in no more after a hundred.
        """
        for _ in range(_GOODBYES):
            time.sleep(_GOODBYE_EVERY_S)
            self._log.fact("bye")

    def _follow(self, supervisor: process.Fork, outbox: Outbox) -> None:
        paths, attempt = self._here.paths, self._here.order.attempt
        with StopLine(paths, attempt, self._here.shelf, self._log, self._told_to_end):
            alive_at = time.monotonic()
            while not supervisor.ended_within(_LOOK_EVERY_S):
                outbox.carry()
                self._look_at_peers()
                if time.monotonic() - alive_at > _SIGN_OF_LIFE_EVERY_S:
                    alive_at = time.monotonic()
                    self._log.fact("alive")

    def _look_at_peers(self) -> None:
        """When one of several has failed, the others wait for it in vain."""
        if self._peers is None:
            return
        self._peers.carry_agreement()
        if self._peers.failure is None:
            return
        self._peer_failed_at = self._peer_failed_at or time.monotonic()
        if time.monotonic() - self._peer_failed_at > _AFTER_PEER_S:
            self._told_to_end.set()

    def _end_peers(self) -> None:
        """Their failure is the run's, where the first node did not fail before them."""
        if self._peers is None:
            return
        record = self._here.exit_record()
        has_succeeded = record is not None and record.failure is None and record.exit_code == 0
        self._peers.end(_LAST_PATIENCE_S if has_succeeded else 0.0)
        failure = self._peers.failure
        if record is not None and failure and (has_succeeded or self._peer_failed_at):
            told = record.model_copy(update={"failure": failure, "stopped": False, "cause": None})
            write_private(self._here.paths.exit, told.model_dump_json())

    def _result(self) -> int:
        record = self._here.exit_record()
        if record is None:
            log = self._here.paths.supervisor_log.read_text()
            self._log.fact("trouble", message=log[-2000:])
            return 1
        self._here.remove()
        return int(record.exit_code != 0 or record.failure is not None)


if __name__ == "__main__":
    os.umask(0o077)
    sys.exit(Courier(sys.argv[1], int(sys.argv[2]), sys.argv[3]).run())
