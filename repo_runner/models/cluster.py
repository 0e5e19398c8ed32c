"""The cluster runs may go to, as the System page shows it."""

from __future__ import annotations

from pydantic import Field

from repo_runner.models.record import Record


class NodeResource(Record):
    """How much of something a node has, as Ray writes it for people: `4.0`, `21.7GiB`."""

    name: str
    used: str
    total: str


class ClusterNode(Record):
    """A machine of the cluster: what it has, and what of it is taken."""

    node_id: str
    address: str
    is_head: bool
    is_alive: bool
    resources: tuple[NodeResource, ...]
    labels: dict[str, str] = Field(default_factory=dict)


class Cluster(Record):
    """The cluster as it is now."""

    #: Empty: no cluster is set up.
    address: str = ""
    nodes: tuple[ClusterNode, ...] = ()
    #: Why nothing is known of its nodes.
    problem: str = ""
