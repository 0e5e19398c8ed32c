"""Build or reuse the environment of a run with uv, from what its repository declares."""

from repo_runner.environment.environments import Environment, EnvironmentRequest, Environments

__all__ = ["Environment", "EnvironmentRequest", "Environments"]
