"""Build or reuse the environment of a run with uv, from what its repository declares."""

from repo_runner.environment.environments import Environment, Environments

__all__ = ["Environment", "Environments"]
