"""An empty git repository, written by hand: no process, no template, no hook."""

from __future__ import annotations

import os
from pathlib import Path

_CONFIG = """\
[core]
\trepositoryformatversion = 0
\tfilemode = true
\tbare = {bare}
[remote "origin"]
\turl = {url}
\tfetch = +refs/heads/*:refs/remotes/origin/*
"""


def write_bare(path: Path, url: str) -> None:
    """A bare repository; nothing happens when there is one already."""
    if (path / "HEAD").exists():
        return
    _write(path, url, bare=True)
    # HEAD is what makes it a repository, so it comes last and at once.
    (path / "HEAD.new").write_text("ref: refs/heads/none\n")
    (path / "HEAD.new").replace(path / "HEAD")


def write_borrowing(path: Path, url: str, *, commit_sha: str, lender: Path) -> None:
    """A `.git` whose HEAD is a commit without history, living on another repository's objects."""
    _write(path, url, bare=False)
    (path / "HEAD").write_text(f"{commit_sha}\n")
    (path / "shallow").write_text(f"{commit_sha}\n")
    # Relative, so that the data folder can be moved as a whole.
    objects = os.path.relpath((lender / "objects").resolve(), (path / "objects").resolve())
    (path / "objects" / "info" / "alternates").write_text(f"{objects}\n")


def _write(path: Path, url: str, *, bare: bool) -> None:
    for folder in ("objects/info", "objects/pack", "refs/heads", "refs/tags", "info"):
        (path / folder).mkdir(parents=True, exist_ok=True)
    (path / "config").write_text(_CONFIG.format(bare=str(bare).lower(), url=url))
