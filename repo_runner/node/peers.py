"""The other nodes of a run on several, as its courier sees them."""

from __future__ import annotations

import base64
import json
import os
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any

from repo_runner import process
from repo_runner.models import Failure, Resources
from repo_runner.node.agreement import Agreement
from repo_runner.node.attempt import NodeAttempt
from repo_runner.node.outbox import Log
from repo_runner.order import purpose
from repo_runner.sealing import Handover, seal

_HERE = Path(__file__).resolve().parent


class Peers:
    """One process on each other node, behind a gang that relays."""

    def __init__(self, here: NodeAttempt, shelf_url: str, log: Log) -> None:
        self._here = here
        self._log = log
        self._count = here.order.spec.resources.nodes - 1
        self._ended: dict[int, dict[str, Any]] = {}
        self._agreement = Agreement.in_folder(here.paths.probe(here.order.attempt))
        self._have_agreement: set[int] | None = None
        self._keys: dict[int, str] = {}
        self._changed = threading.Condition()
        self._address = ""
        self._lost = ""
        self._is_over = False
        orders, self._orders = os.pipe()
        self._gang = process.start(
            self._argv(orders, shelf_url), env=dict(os.environ), pass_fds=[orders]
        )
        os.close(orders)
        threading.Thread(target=self._listen, name="peers", daemon=True).start()

    def begin(self, secrets: Handover) -> dict[str, str]:
        """Wait for all nodes, hand each its part; returns the variables of the first node's script."""
        with self._changed:
            while not self._lost and not (self._address and len(self._keys) == self._count):
                self._changed.wait(1.0)
                self._log.fact("alive")
        if self._lost:
            raise SystemExit(f"The other nodes could not be had: {self._lost}")
        env = {
            "MASTER_ADDR": self._address,
            "MASTER_PORT": str(_free_port()),
            "PL_TRAINER_NUM_NODES": str(self._count + 1),
        }
        about = purpose(self._here.run_id, self._here.order.attempt)
        for number, key in self._keys.items():
            sealed = base64.b64encode(seal(secrets.flat(), key, about)).decode()
            self._tell(number, sealed=sealed, env={**env, "NODE_RANK": str(number)})
        return {**env, "NODE_RANK": "0"}

    def carry_agreement(self) -> None:
        """Rank zero has named the batch before which all are to stop: hand it on, and say when all have it."""
        if self._have_agreement is None and (words := self._agreement.read()):
            self._have_agreement = set()
            for number in self._keys:
                self._tell(number, agreement=words)
        elif self._have_agreement is not None and len(self._have_agreement) == self._count:
            self._agreement.say_known()

    @property
    def failure(self) -> Failure | None:
        """Why the run cannot succeed any more, if it cannot."""
        if self._lost:
            return Failure(
                error_code="node_lost",
                message=f"One of the run's other nodes was lost: {self._lost}",
                hint="What was finished is kept. Resume the run, or run it again.",
            )
        for number, said in sorted(self._ended.items()):
            record = said["ended"] or {"failure": None, "exit_code": 1}
            if record["failure"] or record["exit_code"] != 0:
                cause = (record["failure"] or {}).get("message", "It ended without a word.")
                return Failure(
                    error_code="peer_failed",
                    message=f"Node {number} of the run failed: {cause}",
                    hint="The lines are from that node.",
                    lines=tuple(said["lines"]),
                )
        return None

    def end(self, patience_s: float) -> None:
        """The first node has ended: give the others so long, then end them too."""
        deadline = time.monotonic() + patience_s
        with self._changed:
            while len(self._ended) < self._count and not self._lost:
                if time.monotonic() > deadline:
                    break
                self._changed.wait(1.0)
        self._is_over = True
        os.close(self._orders)
        process.kill_group(self._gang)

    def _argv(self, orders: int, shelf_url: str) -> list[str]:
        run_id, order = self._here.run_id, self._here.order
        # From where the job's package lies on each of them.
        words = ["repo_runner/node/bootstrap.py", run_id, str(order.attempt), shelf_url]
        asked = order.spec.resources
        wanted = {
            "peers": self._count,
            "bundle": _bundle(asked),
            "labels": dict(asked.labels),
            "words": words,
        }
        python = os.environ.get("REPO_RUNNER_RAY_PYTHON", sys.executable)
        return [python, str(_HERE / "gang.py"), str(orders), json.dumps(wanted)]

    def _tell(self, number: int, **what: Any) -> None:
        line = json.dumps({"peer": number, "line": json.dumps(what)})
        os.write(self._orders, line.encode() + b"\n")

    def _listen(self) -> None:
        assert self._gang.stdout
        for line in self._gang.stdout:
            try:
                said = json.loads(line)
            except ValueError:
                # What Ray says to people.
                sys.stderr.write(line.decode(errors="replace"))
                continue
            with self._changed:
                self._hear(said)
                self._changed.notify_all()
        with self._changed:
            if not self._is_over:
                self._lost = self._lost or "The process that holds them has ended."
            self._changed.notify_all()

    def _hear(self, said: dict[str, Any]) -> None:
        if "address" in said:
            self._address = said["address"]
            return
        words = json.loads(said["line"]) if "line" in said else {}
        if "key" in words:
            self._keys[said["peer"]] = words["key"]
        elif "agreement" in words and self._have_agreement is not None:
            self._have_agreement.add(said["peer"])
        elif "ended" in words:
            self._ended[said["peer"]] = words
        elif "lost" in said and said["peer"] not in self._ended:
            self._lost = f"node {said['peer']}: {said['lost']}"


def _bundle(asked: Resources) -> dict[str, float]:
    bundle: dict[str, float] = {"CPU": asked.cpus or 1, **asked.custom}
    if asked.gpus:
        bundle["GPU"] = asked.gpus
    if asked.memory_bytes:
        bundle["memory"] = asked.memory_bytes
    return bundle


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("", 0))
        return int(listener.getsockname()[1])
