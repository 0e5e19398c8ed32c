"""Which backend a run is on."""

from __future__ import annotations

from repo_runner.backends.base import BackendBase
from repo_runner.backends.local import LocalBackend
from repo_runner.errors import RunnerError
from repo_runner.models import Backend, Cluster
from repo_runner.settings import Settings


def backend_of(settings: Settings, name: Backend) -> BackendBase:
    """The backend of this name; Ray's is imported only where it is used."""
    if name == "local":
        return LocalBackend(settings)
    from repo_runner.backends.ray_backend import RayBackend

    return RayBackend(settings)


def look_at_cluster(settings: Settings) -> Cluster:
    """Its nodes, or why they are not known."""
    if "ray" not in settings.backends:
        return Cluster()
    from repo_runner.backends.ray_jobs import RayJobs

    jobs = RayJobs(settings.ray_address, settings.ray_token)
    try:
        return Cluster(address=settings.ray_address, nodes=jobs.nodes())
    except RunnerError as error:
        return Cluster(address=settings.ray_address, problem=f"{error.message} {error.hint_text}")
    finally:
        jobs.close()
