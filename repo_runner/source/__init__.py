"""Fetch a commit: a repository's refs, files and work trees, through mirrors that runs share."""

from repo_runner.source.checkout import CheckoutReport
from repo_runner.source.lfs_pointer import Pointer, parse_pointer
from repo_runner.source.refs import RemoteRefs, ResolvedSource
from repo_runner.source.snapshot import Snapshot
from repo_runner.source.source import Source
from repo_runner.source.submodules import Submodule, find_submodules

__all__ = [
    "CheckoutReport",
    "Pointer",
    "RemoteRefs",
    "ResolvedSource",
    "Snapshot",
    "Source",
    "Submodule",
    "find_submodules",
    "parse_pointer",
]
