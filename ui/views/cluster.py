"""The cluster on the System page: its nodes, and what of them is free."""

from __future__ import annotations

import contextlib

import streamlit as st

from repo_runner.errors import RunnerError
from repo_runner.models import Cluster, ClusterNode
from ui.connection import client
from ui.widgets.facts import Fact, fact, show_facts
from ui.widgets.notice import notice, show_notices


@st.fragment(run_every=5.0)
def show_cluster() -> None:
    """Draw it where there is one; a cluster that hangs keeps nothing else waiting."""
    with contextlib.suppress(RunnerError):  # the page says that the app does not answer
        st.session_state["cluster"] = client().cluster()
    cluster: Cluster | None = st.session_state.get("cluster")
    if cluster is None or not cluster.address:
        return
    if cluster.problem:
        show_notices([notice("warn", cluster.problem)], key="cluster-problem")
    show_facts("Cluster", cluster_facts(cluster), key="cluster-nodes")


def cluster_facts(cluster: Cluster) -> list[Fact]:
    """Return the address, and a line for each node."""
    return [fact("Address", cluster.address, "copy"), *(_node(node) for node in cluster.nodes)]


def _node(node: ClusterNode) -> Fact:
    kind = "Head" if node.is_head else "Node"
    name = f"{kind} {node.address} {node.node_id[:8]}"
    if not node.is_alive:
        return fact(name, "gone")
    used = [f"{r.used} of {r.total} {r.name}" for r in node.resources]
    labels = [f"{key}={value}" for key, value in sorted(node.labels.items())]
    return fact(name, ", ".join([*used, *labels]))
