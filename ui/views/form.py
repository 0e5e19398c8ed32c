"""The fields of a submission: their texts, their values over page changes, and what they amount to."""

from __future__ import annotations

import re
import shlex
from typing import Any, NoReturn

import streamlit as st
from pydantic import SecretStr

from repo_runner.errors import InvalidInput
from repo_runner.models import RunSpec, Submission
from ui.views import limit_fields
from ui.views.placement import CLUSTER_HINTS, placement

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
    **dict.fromkeys((*TEXTS, "env", "secret_refs", "backend", *CLUSTER_HINTS), ""),
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
    "env": "SEED=1, one a line; the value of a name such as HF_TOKEN is sealed",
    "secret_refs": "HF_TOKEN, one a line, of those the operator offers; NAME=VARIABLE renames one",
    "dependency_file": "the best one found",
    "token": "sealed, never shown again",
    **{field: hint for field, (_, hint) in limit_fields.TEXTS.items()},
}

#: Names of the fields in a link to the filled form.
_IN_ADDRESS = {"repo": "link", "ref": "ref", "script": "script_path", "args": "script_args"}
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def keep(*, is_shown: bool) -> None:
    """Keep what was typed while another page is shown: Streamlit forgets the widgets it does not draw.

    A field on the page is left alone. Setting it would set it in the browser too, over what was typed there meanwhile.
    """
    state = st.session_state
    state.update(state.pop("form_changes", {}))
    drawn = state.get("form_drawn", frozenset()) if is_shown else frozenset()
    state["form_drawn"] = drawn
    for field, empty in KEPT.items():
        if field not in drawn & _to_draw() or field not in state:
            state[field] = state.get(field, empty)


def note_drawn() -> None:
    """The fields are on the page now."""
    st.session_state["form_drawn"] = _to_draw()


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
        secret_refs="\n".join(f"{name}={source}" for name, source in spec.secret_refs.items()),
        # A sealed value is not known here: its name is, for it to be given again.
        env="\n".join(
            f"{key}={value}"
            for key, value in (spec.env | dict.fromkeys(spec.secret_env, "")).items()
        ),
    )


def change(**fields: str | bool) -> NoReturn:
    """Set fields that are drawn already: in a new pass, before they are drawn again."""
    st.session_state["form_changes"] = fields
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
        env=parse_env(state.env),
        secret_refs=parse_secret_refs(state.secret_refs),
        sandbox=state.sandbox,
        submodules=state.submodules,
        lfs=state.lfs,
        backend=state.backend,
        **{**limits, "resources": {**limits["resources"], **cluster}},
        token=SecretStr(state.get("token", "").strip()),
    )


def parse_env(text: str) -> dict[str, str]:
    """Read NAME=value lines."""
    pairs = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        name, equals, value = line.partition("=")
        if not equals or not _VARIABLE.fullmatch(name.strip()):
            raise InvalidInput(
                f"Line {number} of the variables is not NAME=value.",
                field="env",
                hint="Write one variable a line, such as SEED=1.",
            )
        pairs[name.strip()] = value
    return pairs


def parse_secret_refs(text: str) -> dict[str, str]:
    """Read lines of NAME, or of NAME=VARIABLE where the operator's variable has another name."""
    pairs = (line.partition("=") for line in text.split())
    return {name: source or name for name, _, source in pairs}
