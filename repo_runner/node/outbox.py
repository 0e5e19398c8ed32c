"""Says on the job's log what is new in the run folder, each file from where it left off."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from repo_runner.frames import MAX_PIECE_BYTES, Frame
from repo_runner.kept_output import KeptOutput, read_output
from repo_runner.paths import RunPaths

#: Past so much output its newest lines go at this pace; what lies between is dropped, as the app itself does.
_SLOW_BYTES = 32 << 10
_SLOW_EVERY_S = 2.0

Send = Callable[[Frame], None]


class Log:
    """The job's log: whole lines, from any thread."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lock = threading.Lock()

    def send(self, frame: Frame) -> None:
        """One frame, in one write."""
        with self._lock:
            os.write(self._descriptor, frame.to_line())

    def fact(self, kind: str, **values: Any) -> None:
        """A fact about the attempt."""
        self.send(Frame(fact={"kind": kind, **values}))


class FileTail:
    """A file that grows."""

    def __init__(self, path: Path, base: int, start: int, send: Send) -> None:
        self._path = path
        self._base = base
        self._offset = start
        self._send = send

    def carry(self) -> None:
        """Send what is new."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                while data := file.read(MAX_PIECE_BYTES):
                    self._send(Frame(self._path.name, self._base + self._offset, data))
                    self._offset += len(data)
        except FileNotFoundError:
            return


class OutputTail:
    """The script's bounded output: all of its beginning, then the newest of it at a bounded pace."""

    def __init__(self, path: Path, base: tuple[int, int], full_bytes: int, send: Send) -> None:
        self._path = path
        self._base_bytes, self._base_lines = base
        self._full_bytes = full_bytes
        self._send = send
        self._offset = self._line = 0
        self._slow_at = 0.0

    def carry(self, *, last: bool = False) -> None:
        """Send what is new, or may be sent now."""
        if self._offset < self._full_bytes:
            self._go_on(sending=True)
        elif last or time.monotonic() - self._slow_at > _SLOW_EVERY_S:
            self._slow_at = time.monotonic()
            end = KeptOutput.of(self._path).size_bytes
            while self._offset < end - _SLOW_BYTES and self._go_on(sending=False):
                continue
            self._go_on(sending=True)

    def _go_on(self, *, sending: bool) -> bool:
        """Past the next bytes, sent or not; False when there are none."""
        piece = read_output(self._path, self._offset, MAX_PIECE_BYTES)
        while piece.data:
            start = piece.next_offset - len(piece.data)
            if start != self._offset:
                self._line = self._first_line(start)
            if sending:
                place = (self._base_bytes + start, piece.data, self._base_lines + self._line)
                self._send(Frame("output.log", *place))
            self._offset = piece.next_offset
            self._line += piece.data.count(b"\n")
            if not sending:
                return True
            piece = read_output(self._path, self._offset, MAX_PIECE_BYTES)
        return False

    def _first_line(self, start: int) -> int:
        """After a jump over a dropped stretch; the reader jumps to where a segment begins."""
        segments = KeptOutput.of(self._path).segments
        return next((s.first_line for s in segments if s.start == start), self._line)


class WholeFile:
    """A file that is written at once, and may be replaced."""

    def __init__(self, path: Path, send: Send) -> None:
        self._path = path
        self._send = send
        self._stamp = (0, 0)

    def carry(self) -> None:
        """Send it when it has changed."""
        try:
            info = self._path.stat()
            content = self._path.read_bytes()
        except FileNotFoundError:
            return
        if (stamp := (info.st_mtime_ns, info.st_ino)) != self._stamp:
            self._stamp = stamp
            for at in range(0, max(len(content), 1), MAX_PIECE_BYTES):
                data = content[at : at + MAX_PIECE_BYTES]
                self._send(Frame(self._path.name, at, data, total=len(content)))


class Outbox:
    """All that travels by the log; the exit record goes last."""

    def __init__(
        self,
        paths: RunPaths,
        log: Log,
        *,
        output_base: tuple[int, int],
        fetch_base: int,
        build_base: int,
        full_bytes: int,
    ) -> None:
        seeded = paths.events.stat().st_size if paths.events.exists() else 0
        self._events = FileTail(paths.events, 0, seeded, log.send)
        self._fetch = FileTail(paths.fetch_log, fetch_base, 0, log.send)
        self._build = FileTail(paths.build_log, build_base, 0, log.send)
        self._environment = WholeFile(paths.environment, log.send)
        self._output = OutputTail(paths.output, output_base, full_bytes, log.send)
        self._exit = WholeFile(paths.exit, log.send)

    def carry(self, *, last: bool = False) -> None:
        """Send what is new."""
        self._fetch.carry()
        self._build.carry()
        self._environment.carry()
        self._output.carry(last=last)
        self._events.carry()

    def carry_exit(self) -> None:
        """The end."""
        self._exit.carry()
