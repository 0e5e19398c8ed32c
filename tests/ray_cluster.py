"""A Ray cluster on loopback: a head and workers, each a raylet of its own. Runs in Ray's environment, not in ours.

It says `{"dashboard": …, "workers": [node_id, …]}` when it is up, and again after each order it reads: `{"kill": id}`,
`{"add": number}`, `{"behead": null}` or `{"crown": null}`, which is a new head that knows nothing, at the old address.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path

os.environ.update(
    RAY_USAGE_STATS_ENABLED="0",
    # A dead node is noticed within seconds, a slow one is left alone.
    RAY_health_check_initial_delay_ms="5000",
    RAY_health_check_period_ms="2000",
    RAY_health_check_timeout_ms="10000",
    RAY_health_check_failure_threshold="4",
    # A node whose head is gone ends itself within seconds, not within a minute.
    RAY_gcs_rpc_server_reconnect_timeout_s="5",
    # Few, so that a reader of a log that is not let go shows.
    RAY_STATE_SERVER_MAX_HTTP_REQUEST="10",
    # A busy machine takes long to start the agents.
    RAY_agent_register_timeout_ms="120000",
    # Each node would otherwise start a worker for every core it claims to have.
    RAY_prestart_worker_first_driver="0",
    RAY_enable_worker_prestart="0",
)

from ray.cluster_utils import Cluster

_OBJECT_STORE_BYTES = 80 << 20


class Loopback:
    """The cluster and its workers."""

    def __init__(self, folder: str, cpus: int) -> None:
        Path(folder, "ray").mkdir(parents=True, exist_ok=True)
        os.environ["RAY_TMPDIR"] = folder
        self._folder = folder
        self._cpus = cpus
        self._port = _free_port()
        self._workers = {}
        self.crown()

    @property
    def _size(self) -> dict:
        # With the usual port there could be one cluster on this machine: another's agent would never be ready.
        agent = {"dashboard_agent_listen_port": _free_port()}
        return {"num_cpus": self._cpus, "object_store_memory": _OBJECT_STORE_BYTES, **agent}

    def crown(self, _: None = None) -> None:
        head = {"dashboard_host": "127.0.0.1", "dashboard_port": self._port}
        more = {"include_dashboard": True, "temp_dir": f"{self._folder}/ray"}
        self._cluster = Cluster(initialize_head=True, head_node_args={**self._size, **head, **more})

    def behead(self, _: None) -> None:
        self._cluster.remove_node(self._cluster.head_node, allow_graceful=False)
        self._workers = {}

    def add(self, number: int) -> None:
        names = {"resources": {f"worker{number}": 1}, "labels": {"place": f"worker{number}"}}
        node = self._cluster.add_node(**self._size, **names)
        self._workers[node.node_id] = node

    def kill(self, node_id: str) -> None:
        self._cluster.remove_node(self._workers.pop(node_id), allow_graceful=False)

    def say(self) -> None:
        address = f"http://127.0.0.1:{self._port}"
        print(json.dumps({"dashboard": address, "workers": list(self._workers)}), flush=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def main(folder: str, cpus: int, workers: int) -> None:
    cluster = Loopback(folder, cpus)
    for number in range(1, workers + 1):
        cluster.add(number)
    cluster.say()
    for line in sys.stdin:
        for verb, what in json.loads(line).items():
            getattr(cluster, verb)(what)
        cluster.say()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
