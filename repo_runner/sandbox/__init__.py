"""What a script may touch, by level: nothing in its way, Landlock, or bubblewrap. Never lowered silently."""

from repo_runner.sandbox.levels import choose, problem, require
from repo_runner.sandbox.sandbox import Sandbox, sandboxed, sweep

__all__ = ["Sandbox", "choose", "problem", "require", "sandboxed", "sweep"]
