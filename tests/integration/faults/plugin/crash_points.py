"""Points in a process's life: before and after each rename, removal, event and commit it makes in a data folder.

The product's code knows nothing of it: the doors of the operating system are wrapped, in a test's process or, by
`sitecustomize`, in a supervisor. Each point that is passed is noted; at the one that is wanted the process is killed.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

#: JSON: home (the data folder), passed (a file to note points in), wanted (a point, or "").
VARIABLE = "REPO_RUNNER_CRASH_POINTS"

#: Caches that tests share, and what a process may write at any moment.
_ELSEWHERE = ("cache/environments", "cache/bytecode", "cache/uv", "app.log")
_ID = re.compile(r"\d{8}-\d{6}-[0-9a-f]{6}")
_TIME = re.compile(r"\d{8}T\d{6}")
_HASH = re.compile(r"[0-9a-f]{8,}")
_REPOSITORY = re.compile(r"mirrors/[^/]+/[^/]+/[^/]+")


class Points:
    """Notes what is passed; kills this process at the wanted point, the first time anybody comes there."""

    def __init__(self, kind: str, facts: dict[str, str]) -> None:
        self._kind = kind
        self._home = facts["home"]
        self._passed = facts["passed"]
        self._wanted = facts["wanted"]
        self._seen: dict[str, int] = {}

    def name_of(self, path: Any) -> str | None:
        """A path of the data folder without what differs from run to run; None for any other."""
        text = os.fsdecode(path) if isinstance(path, str | bytes | os.PathLike) else ""
        if not text.startswith(self._home + "/"):
            return None
        text = text[len(self._home) + 1 :]
        if text.startswith(_ELSEWHERE):
            return None
        return _REPOSITORY.sub(
            "mirrors/REPO", _HASH.sub("HASH", _ID.sub("RUN", _TIME.sub("TIME", text)))
        )

    def around(self, what: str, act: Callable[[], Any]) -> Any:
        """Do it, with a point before and one after."""
        number = self._seen[what] = self._seen.get(what, 0) + 1
        label = f"{self._kind}: {what}" + (f" {number}" if number > 1 else "")
        self.reach(f"{label}, before")
        done = act()
        self.reach(f"{label}, after")
        return done

    def reach(self, point: str) -> None:
        """Pass a point, or end there."""
        noted = os.open(self._passed, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        _write(noted, point.encode() + b"\n")
        os.close(noted)
        if point != self._wanted:
            return
        try:
            os.close(os.open(self._passed + ".killed", os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return
        os.kill(os.getpid(), signal.SIGKILL)

    def torn(self, descriptor: int, data: bytes, what: str) -> None:
        """The first half of a line, and a point."""
        point = f"{self._kind}: {what}, half written"
        if point == self._wanted and not Path(self._passed + ".killed").exists():
            _write(descriptor, data[: len(data) // 2])
        self.reach(point)


_write = os.write


def facts(home: Path, passed: Path, wanted: str) -> str:
    """The value of the variable."""
    return json.dumps({"home": str(home), "passed": str(passed), "wanted": wanted})


def install(kind: str, attempt: str = "") -> None:
    """Wrap the doors of this process."""
    points = Points(f"{kind} {attempt}".strip(), json.loads(os.environ[VARIABLE]))
    for name in ("rename", "replace", "link"):
        _wrap_pair(points, name)
    for name in ("unlink", "remove", "rmdir"):
        _wrap_removal(points, name)
    _wrap_writes(points)
    if "sqlalchemy" in sys.modules:
        _wrap_commits(points)


def _wrap_pair(points: Points, name: str) -> None:
    original = getattr(os, name)

    def wrapped(source: Any, target: Any, **more: Any) -> Any:
        into = points.name_of(target)
        if into is None:
            return original(source, target, **more)
        return points.around(f"{name} to {into}", lambda: original(source, target, **more))

    setattr(os, name, wrapped)


def _wrap_removal(points: Points, name: str) -> None:
    original = getattr(os, name)

    def wrapped(path: Any, **more: Any) -> Any:
        what = None if more.get("dir_fd") is not None else points.name_of(path)
        if what is None or not os.path.lexists(path):
            return original(path, **more)
        return points.around(f"{name} {what}", lambda: original(path, **more))

    setattr(os, name, wrapped)


def _wrap_writes(points: Points) -> None:
    """Of events, and of the lease's holder."""
    pwrite = os.pwrite

    def wrapped_write(descriptor: int, data: bytes) -> int:
        if not data.startswith(b'{"seq":'):
            return _write(descriptor, data)
        event = json.loads(data)
        what = "event " + " ".join(
            str(event[k]) for k in ("kind", "phase", "stage") if event.get(k)
        )
        if what == "event attempt":
            points.torn(descriptor, data, what)
        return int(points.around(what, lambda: _write(descriptor, data)))

    def wrapped_pwrite(descriptor: int, data: bytes, offset: int) -> int:
        path = points.name_of(Path(f"/proc/self/fd/{descriptor}").readlink())
        if path is None:
            return pwrite(descriptor, data, offset)
        return int(points.around(f"write {path}", lambda: pwrite(descriptor, data, offset)))

    os.write = wrapped_write  # type: ignore[assignment]
    os.pwrite = wrapped_pwrite  # type: ignore[assignment]


def _wrap_commits(points: Points) -> None:
    from sqlalchemy.engine.default import DefaultDialect

    original = DefaultDialect.do_commit

    def commit(self: Any, connection: Any) -> None:
        who = _committer()
        if who is None:
            original(self, connection)
        else:
            points.around(f"commit {who}", lambda: original(self, connection))

    DefaultDialect.do_commit = commit  # type: ignore[method-assign]


def _committer() -> str | None:
    """The function of the store that commits; None for reads."""
    frame = sys._getframe(2)
    found = None
    while frame is not None:
        module, function = frame.f_globals.get("__name__", ""), frame.f_code.co_name
        if module.startswith("repo_runner.") and not function.startswith("_"):
            found = f"{module.rpartition('.')[2]}.{function}"
            break
        frame = frame.f_back
    return None if found in _READS else found


_READS = {f"store.{name}" for name in "find_by_key get page active counts checkpoints".split()}
