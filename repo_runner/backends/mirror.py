"""Writes what comes over a job's log into the run folder, each piece at its offset: reading twice adds nothing."""

from __future__ import annotations

from pathlib import Path

from repo_runner.app_file import write_private
from repo_runner.frames import Frame
from repo_runner.output import OutputWriter
from repo_runner.paths import RunPaths


class Mirror:
    """The run folder of an attempt that runs elsewhere; only these files are ever written, whatever a log says."""

    def __init__(self, paths: RunPaths, max_log_bytes: int) -> None:
        self._paths = paths
        self._growing = {p.name: p for p in (paths.events, paths.fetch_log, paths.build_log)}
        self._whole = {p.name: p for p in (paths.environment, paths.exit)}
        self._output = OutputWriter(paths.output, max_log_bytes)
        self._parts: dict[str, bytes] = {}
        #: Whether the attempt's end has come.
        self.has_exit = False

    def take(self, frame: Frame) -> None:
        """Write a piece; one that is there already, or whose predecessor never came, changes nothing."""
        if frame.file in self._growing:
            _append(self._growing[frame.file], frame)
        elif frame.file == self._paths.output.name:
            self._output.write_at(frame.offset, frame.line or 0, frame.data)
        elif frame.file in self._whole:
            self._collect(frame)

    def close(self) -> None:
        """Close what is open."""
        self._output.close()

    def _collect(self, frame: Frame) -> None:
        """A file that is written at once appears at once; a first piece begins it anew."""
        have = b"" if frame.offset == 0 else self._parts.get(frame.file, b"")
        if len(have) != frame.offset:
            return
        self._parts[frame.file] = have + frame.data
        if len(self._parts[frame.file]) == frame.total:
            write_private(self._whole[frame.file], self._parts.pop(frame.file).decode())
            self.has_exit |= frame.file == self._paths.exit.name


def _append(path: Path, frame: Frame) -> None:
    with path.open("ab") as file:
        known = file.tell() - frame.offset
        if 0 <= known < len(frame.data):
            file.write(frame.data[known:])
