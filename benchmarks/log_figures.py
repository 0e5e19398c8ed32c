"""Logs: how long a printed line takes to the API beside `tail -f`, and how long a search takes per GB.

`log_p99_ms`: a script prints 50 000 lines a second, each with the time it was printed; a reader asks the API for what
is new, as the pages do, and `tail -f` reads a plain file that gets the same lines by a redirection.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from repo_runner.kept_output import read_output
from repo_runner.log_search import Search, search_log
from repo_runner.output import OutputWriter
from repo_runner.output_pump import OutputPump

LINES_PER_S = 50_000
_PRINTER = """
import os, sys, time
seconds, rate = float(sys.argv[1]), int(sys.argv[2])
start, told = time.monotonic(), 0
while (now := time.monotonic()) < start + seconds:
    due = int((now - start) * rate)
    if due > told:
        line = b"%.6f a line of a script that prints very much, as scripts do\\n" % time.time()
        os.write(1, line * (due - told))
        told = due
    time.sleep(0.001)
"""


def measure(*, quick: bool = False) -> dict[str, float]:
    """The figures, by their keys."""
    folder = Path(tempfile.mkdtemp(prefix="log-figures-"))
    try:
        seconds = 5.0 if quick else 10.0
        ours = _p99_ms(_read_ours(folder, seconds))
        tails = _p99_ms(_read_tail(folder, seconds))
        return {
            "log_p99_ms": ours,
            "log_tail_p99_ms": tails,
            "log_search_s_per_gb": _search_s_per_gb(folder, 256 << 20 if quick else 1 << 30),
        }
    finally:
        shutil.rmtree(folder)


def _read_ours(folder: Path, seconds: float) -> Iterator[float]:
    """Through the pipe, the masker and the bounded log, read as the API's handler does."""
    path = folder / "output.log"
    output = OutputWriter(path, 64 << 20, ["a-secret-that-is-never-printed"])
    child = subprocess.Popen(_argv(seconds), stdout=subprocess.PIPE)
    assert child.stdout is not None
    offset = 0
    with OutputPump(child.stdout, output) as pump:
        while child.poll() is None:
            piece = read_output(path, offset)
            offset = piece.next_offset
            yield from _delays(piece.data)
            time.sleep(0.005)
        pump.drain(10)
    output.close()


def _read_tail(folder: Path, seconds: float) -> Iterator[float]:
    path = folder / "plain.log"
    path.touch()
    tail = subprocess.Popen(["tail", "-f", "-n", "0", str(path)], stdout=subprocess.PIPE)
    assert tail.stdout is not None
    with path.open("wb") as file:
        child = subprocess.Popen(_argv(seconds), stdout=file)
    threading.Thread(target=lambda: (child.wait(), tail.terminate())).start()
    while data := os.read(tail.stdout.fileno(), 1 << 20):
        yield from _delays(data)
    tail.wait()


def _argv(seconds: float) -> list[str]:
    return [sys.executable, "-c", _PRINTER, str(seconds), str(LINES_PER_S)]


def _delays(data: bytes) -> Iterator[float]:
    now = time.time()
    for line in data.split(b"\n")[:-1]:
        stamp = line.split(b" ", 1)[0]
        if len(stamp) == 17:  # otherwise the end of a line that was cut by the read
            yield now - float(stamp)


def _p99_ms(delays: Iterator[float]) -> float:
    found = sorted(delays)
    return round(found[int(len(found) * 0.99)] * 1000, 2)


def _search_s_per_gb(folder: Path, size_bytes: int) -> float:
    """For a word that the very last line of a log holds which has just reached its limit: everything is compared."""
    path = folder / "search" / "output.log"
    path.parent.mkdir()
    block = b"".join(
        b"Epoch 3: 45%%|####     | %6d/1000 train_loss=0.%06d\n" % (n, n * 7919 % 999_983)
        for n in range(20_000)
    )
    output = OutputWriter(path, size_bytes)
    for _ in range(size_bytes // len(block)):
        output.write(block)
    output.write(b"RuntimeError: the needle\n")
    output.close()
    times = []
    for _ in range(3):
        began = time.perf_counter()
        found = search_log(path, Search("runtimeerror"))
        times.append(time.perf_counter() - began)
        assert len(found.matches) == 1
    kept = found.size_bytes - found.dropped_bytes
    return round(min(times) / (kept / 1e9), 3)


def main() -> None:
    """Print the figures, and as the last line one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    figures = measure(quick=parser.parse_args().quick)
    for key, value in figures.items():
        print(f"{key:24} {value}")
    print(json.dumps({"benchmark": "log_figures", "figures": figures}))


if __name__ == "__main__":
    main()
