"""Where a run is to run, as the form asks for it: only where there is a choice."""

from __future__ import annotations

from typing import Any

import streamlit as st

from repo_runner.errors import InvalidInput
from repo_runner.settings import Settings

#: Texts of the form that only a cluster has a use for.
CLUSTER_HINTS = {
    "nodes": "1",
    "custom": "name=amount, several with blanks between them",
    "labels": "name=value of the nodes, several with blanks between them",
}
_NAMES = {"local": "This machine", "ray": "Ray cluster"}


def choose_backend() -> bool:
    """Draw the choice; whether the fields of a cluster are wanted."""
    offered = Settings.from_env().backends
    if st.session_state.get("backend") not in offered:
        st.session_state["backend"] = offered[0]
    if len(offered) > 1:
        st.segmented_control(
            "Runs on", offered, key="backend", format_func=lambda n: _NAMES.get(n, n)
        )
    return st.session_state.get("backend") == "ray"


def placement(nodes: str, custom: str, labels: str) -> dict[str, Any]:
    """What the texts ask of a cluster, or raise `InvalidInput` at the one that cannot be read."""
    if nodes.strip() and not nodes.strip().isdigit():
        raise InvalidInput("The number of nodes is not a whole number.", field="nodes")
    try:
        amounts = {name: float(amount) for name, amount in _pairs("custom", custom).items()}
    except ValueError as error:
        raise InvalidInput("An amount of a resource is not a number.", field="custom") from error
    return {
        "nodes": int(nodes.strip() or 1),
        "custom": amounts,
        "labels": _pairs("labels", labels),
    }


def _pairs(field: str, text: str) -> dict[str, str]:
    pairs = [word.partition("=") for word in text.split()]
    if not all(name and value for name, _, value in pairs):
        raise InvalidInput("Write name=value, several with blanks between them.", field=field)
    return {name: value for name, _, value in pairs}
