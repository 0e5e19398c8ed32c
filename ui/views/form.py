"""The fields of a submission: their texts, their values over page changes, and what they amount to."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NoReturn

import streamlit as st
from pydantic import SecretStr

from repo_runner.models import RunSpec, Submission
from repo_runner.settings import Settings
from ui.views import limit_fields, variables
from ui.views.placement import CLUSTER_HINTS, placement
from ui.views.unseen import Redo, Unseen

TEXTS = (
    "link",
    "ref",
    "script_path",
    "script_args",
    "requirements",
    "name",
    "python",
    "dependency_file",
)
#: All of the form that is kept; a token is not, it is written and sent.
KEPT: dict[str, Any] = {
    **dict.fromkeys((*TEXTS, "backend", *CLUSTER_HINTS), ""),
    "variables": (),
    "variable_edits": 0,
    "argument_edits": 0,
    "needs_token": False,
    **limit_fields.EMPTY,
    "submodules": False,
    "lfs": False,
    "sandbox": "",
}
#: What stands between the script and the machine, in the words of the form.
SANDBOXES = {
    "": "as the operator set it",
    "none": "none: the script may do what the app's account may do",
    "landlock": "Landlock: writes only to its own folders",
    "bubblewrap": "bubblewrap: own folders, own processes",
}

#: What stands in an empty field.
HINTS = {
    **CLUSTER_HINTS,
    "link": "https://github.com/owner/repository, a link to a file, or owner/repository@ref",
    "script_path": "train.py or -m package.train (empty: the link names it)",
    "ref": "default branch",
    "script_args": "--max_epochs 5 --lr 1e-3",
    "requirements": "torchmetrics>=1.0, one a line, on top of what the repository asks for",
    "name": "made from repository and script",
    "python": "the app's own",
    "dependency_file": "the best one found",
    "token": "sealed, never shown again",
    **{field: hint for field, (_, hint) in limit_fields.TEXTS.items()},
}

#: What can be wrong at a place in the form.
PLACES = frozenset((*HINTS, "env", "secret_refs", "sandbox", limit_fields.RETRY_ON))

#: Names of the fields in a link to the filled form.
_IN_ADDRESS = {"repo": "link", "ref": "ref", "script": "script_path", "args": "script_args"}


def keep(*, is_shown: bool) -> None:
    """Keep what was typed while another page is shown: Streamlit forgets the widgets it does not draw.

    A field on the page is left alone, unless it was just set here: setting it would set it in the browser too, over
    what was typed there meanwhile.
    """
    state = st.session_state
    _unseen().apply(state)
    drawn = state.get("form_drawn", frozenset()) if is_shown else frozenset()
    state["form_drawn"] = drawn
    for field, empty in KEPT.items():
        if field not in drawn & _to_draw() or field not in state:
            state[field] = state.get(field, empty)


def note_drawn() -> None:
    """The fields are on the page now."""
    st.session_state["form_drawn"] = _to_draw()
    _unseen().note_drawn()


def _unseen() -> Unseen:
    unseen: Unseen = st.session_state.setdefault("unseen", Unseen())
    return unseen


def _to_draw() -> frozenset[str]:
    is_cluster = st.session_state.get("backend") == "ray"
    return frozenset(KEPT if is_cluster else KEPT.keys() - CLUSTER_HINTS.keys())


def fill_from_address() -> None:
    """Fill the form from `?repo=…&ref=…&script=…&args=…`, once a session and link."""
    query = {name: st.query_params[name] for name in _IN_ADDRESS if name in st.query_params}
    if query and st.session_state.get("filled_from") != query:
        st.session_state["filled_from"] = query
        for name, value in query.items():
            st.session_state[_IN_ADDRESS[name]] = value


def fill_from_spec(spec: RunSpec, name: str) -> None:
    """Fill the form with what a run was asked to do, for another one like it."""
    st.session_state.update(limit_fields.texts_of(spec))
    st.session_state.update(
        link=spec.repo_url,
        ref=spec.ref or spec.commit_sha,
        script_path=spec.script,
        script_args=shlex.join(spec.script_args),
        requirements="\n".join(spec.requirements),
        name=name,
        python=spec.python,
        dependency_file=spec.dependency_file,
        submodules=spec.submodules,
        lfs=spec.lfs,
        sandbox=spec.sandbox,
        backend=spec.backend,
        nodes=str(spec.resources.nodes),
        custom=" ".join(f"{name}={amount:g}" for name, amount in spec.resources.custom.items()),
        labels=" ".join(f"{name}={value}" for name, value in spec.resources.labels.items()),
        variables=variables.of_spec(spec),
        # Sealed values are not known here: which there were is, for them to be given again.
        needs_token=bool(spec.token_ticket),
    )


def change(edits: Mapping[str, Redo] = MappingProxyType({}), /, **fields: Any) -> NoReturn:
    """Set fields that are drawn already: in a new pass, before they are drawn again.

    `edits` make the change also in another value, which a person may be typing at this moment.
    Who leaves a field by pressing Run has done both at once: the press counts in the new pass.
    """
    _unseen().set(fields, {name: st.session_state.get(name) for name in fields}, edits)
    if st.session_state.get("submit"):
        st.session_state["pressed_before"] = True
    st.rerun()
    raise AssertionError("rerun does not return")


def submission() -> Submission:
    """Return what the form says, or raise `InvalidInput` at a field that cannot be read."""
    state = st.session_state
    limits = limit_fields.limits_of(state)
    cluster = (
        placement(*(state[field] for field in CLUSTER_HINTS)) if state.backend == "ray" else {}
    )
    return Submission(
        **{field: state[field].strip() for field in TEXTS},
        **variables.of_submission(state.variables, offered()),
        sandbox=state.sandbox,
        submodules=state.submodules,
        lfs=state.lfs,
        backend=state.backend,
        **{**limits, "resources": {**limits["resources"], **cluster}},
        token=SecretStr(state.get("token", "").strip()),
    )


def offered() -> tuple[str, ...]:
    """Return the operator's variables that a run may refer to."""
    return Settings.from_env().secret_variables


def require_all() -> None:
    """Raise `InvalidInput` while something is begun that a submission would leave out."""
    variables.require_all(st.session_state.variables, offered())


def forget_secrets() -> None:
    """Forget the values of secrets once they were submitted."""
    st.session_state["variables"] = variables.without_secrets(st.session_state.variables)
