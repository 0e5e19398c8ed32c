"""Whether the backend a submission names is offered here, set up, and able to give what is asked of it."""

from __future__ import annotations

from typing import get_args

from repo_runner.errors import InvalidInput
from repo_runner.models import Backend, Submission
from repo_runner.settings import Settings


def check_backend(given: Submission, settings: Settings) -> Backend:
    """The backend's name; InvalidInput when runs cannot be there."""
    offered = offered_backends(settings)
    name = given.backend or offered[0]
    if name not in offered:
        raise InvalidInput(
            f"Runs on {name!r} are not offered here.",
            field="backend",
            hint=f"Offered: {', '.join(offered)}. The operator sets REPO_RUNNER_BACKENDS.",
        )
    if name == "ray":
        _check_ray(settings)
    elif given.resources.nodes > 1 or given.resources.custom or given.resources.labels:
        raise InvalidInput(
            "Several nodes, custom resources and labels are there only on a cluster.",
            field="resources",
            hint="Choose the backend ray, or leave them out.",
        )
    return name


def offered_backends(settings: Settings) -> tuple[Backend, ...]:
    """As the operator names them; InvalidInput for a word that is none."""
    known: tuple[Backend, ...] = get_args(Backend)
    unknown = set(settings.backends) - set(known)
    if unknown:
        raise InvalidInput(
            f"REPO_RUNNER_BACKENDS names {min(unknown)!r}, which is no backend.",
            field="REPO_RUNNER_BACKENDS",
            hint=f"There are: {', '.join(known)}.",
        )
    return tuple(n for asked in settings.backends for n in known if n == asked) or ("local",)


def _check_ray(settings: Settings) -> None:
    # Late: fsspec and its storages are needed by nobody else.
    from repo_runner.shelf import check_url

    if not settings.ray_address:
        raise InvalidInput(
            "No Ray cluster is set up.",
            field="backend",
            hint="Set REPO_RUNNER_RAY_ADDRESS to its dashboard, such as http://127.0.0.1:8265.",
        )
    check_url(settings.shelf_url)
