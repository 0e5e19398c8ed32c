"""Reserves the other nodes of a run and relays lines between its courier and a peer on each. Runs in Ray's own Python.

`gang.py FD '{"peers": …, "bundle": {…}, "labels": {…}, "words": […]}'`: reads `{"peer": n, "line": …}` from the
descriptor, writes `{"peer": n, "line": …}`, `{"peer": n, "lost": …}` and, first, `{"address": …}` to its stdout.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from typing import Any

import ray
from ray.util import get_node_ip_address
from ray.util.placement_group import placement_group
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

_FOR_EVER_S = 10 * 365 * 86400


class Peer:
    """A process on another node; Ray ends this actor with the job, and the process ends with its stdin."""

    def __init__(self, words: list[str]) -> None:
        self._child = subprocess.Popen(
            [sys.executable, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def tell(self, line: str) -> None:
        """Hand it a line."""
        assert self._child.stdin
        self._child.stdin.write(line + "\n")
        self._child.stdin.flush()

    def hear(self) -> str:
        """Its next line; empty when it has ended."""
        assert self._child.stdout
        return self._child.stdout.readline()


def main(descriptor: int, wanted: dict[str, Any], out: int) -> None:
    """Reserve, start, relay; ends when the courier does."""
    ray.init(address="auto", log_to_driver=False, logging_level="ERROR")
    here = ray.get_runtime_context().get_node_id()
    # The first bundle holds next to nothing: Ray holds this node's part for the job itself. It keeps the others away.
    bundles = [{"memory": 1}, *[wanted["bundle"]] * wanted["peers"]]
    labels = [{"ray.io/node-id": here}, *[wanted["labels"]] * wanted["peers"]]
    group = placement_group(bundles, strategy="STRICT_SPREAD", bundle_label_selector=labels)
    group.wait(_FOR_EVER_S)
    peers = {n: _start(group, n, wanted) for n in range(1, wanted["peers"] + 1)}
    _say(out, {"address": get_node_ip_address()})
    for number, peer in peers.items():
        threading.Thread(target=_relay, args=(out, number, peer), daemon=True).start()
    with os.fdopen(descriptor) as orders:
        for line in orders:
            order = json.loads(line)
            peers[order["peer"]].tell.remote(order["line"])


def _start(group: Any, number: int, wanted: dict[str, Any]) -> Any:
    place = PlacementGroupSchedulingStrategy(group, placement_group_bundle_index=number)
    bundle = wanted["bundle"]
    options = {
        "num_cpus": bundle.get("CPU", 0),
        "num_gpus": bundle.get("GPU", 0),
        "max_concurrency": 4,
        "scheduling_strategy": place,
    }
    words = [*wanted["words"], str(number)]
    return ray.remote(Peer).options(**options).remote(words)


def _relay(out: int, number: int, peer: Any) -> None:
    try:
        while line := ray.get(peer.hear.remote()):
            _say(out, {"peer": number, "line": line.rstrip("\n")})
        _say(out, {"peer": number, "lost": "It has ended."})
    except ray.exceptions.RayError as error:
        _say(out, {"peer": number, "lost": str(error)[:500]})


def _say(out: int, what: dict[str, Any]) -> None:
    os.write(out, json.dumps(what).encode() + b"\n")


if __name__ == "__main__":
    # What Ray itself prints must not come between our lines.
    real = os.dup(1)
    os.dup2(2, 1)
    main(int(sys.argv[1]), json.loads(sys.argv[2]), real)
