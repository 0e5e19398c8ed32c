"""Which backend a run is on."""

from __future__ import annotations

from repo_runner.backends.base import BackendBase
from repo_runner.backends.local import LocalBackend
from repo_runner.models import Backend
from repo_runner.settings import Settings


def backend_of(settings: Settings, name: Backend) -> BackendBase:
    """The backend of this name; Ray's is imported only where it is used."""
    if name == "local":
        return LocalBackend(settings)
    from repo_runner.backends.ray_backend import RayBackend

    return RayBackend(settings)
