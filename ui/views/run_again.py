"""Another run like one that was: at once where all is known, else by way of the filled form."""

from __future__ import annotations

import uuid
from typing import NoReturn

from repo_runner.errors import RunnerError
from repo_runner.models import RunSpec
from ui.connection import client
from ui.navigation import go, open_run
from ui.views import form


def edit_and_run(spec: RunSpec, name: str) -> NoReturn:
    """Open the form filled with what a run was asked to do."""
    form.fill_from_spec(spec, name)
    go("new")


def run_again(spec: RunSpec, name: str) -> NoReturn:
    """Submit the same for the same commit, and open the new run.

    Sealed values are known to nobody, and what is refused has to be mended: then the form is opened instead.
    """
    form.fill_from_spec(spec.model_copy(update={"ref": spec.commit_sha}), name)
    if not spec.tickets:
        try:
            run = client().submit(form.submission(), idempotency_key=uuid.uuid4().hex)
        except RunnerError:
            go("new")  # which says why
        open_run(run.run_id)
    go("new")
