"""D5, D8: whatever a script prints, it is not blocked, what is left out is said, and no secret reaches the disk."""

from __future__ import annotations

import json
import os
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

import pytest

from repo_runner import process
from repo_runner.kept_output import KeptOutput, last_lines, read_output, read_output_tail
from repo_runner.log_search import Search, search_log
from repo_runner.output import OutputWriter
from repo_runner.output_pump import OutputPump

_MIB = 1 << 20
#: Pumps a script's output as a supervisor does, and tells how much memory that took.
_PUMP = """
import json, os, resource, sys
from pathlib import Path
from repo_runner import process
from repo_runner.output import OutputWriter
from repo_runner.output_pump import OutputPump

def resident():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

path, max_bytes, script = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
before = resident()
output = OutputWriter(path, max_bytes, json.loads(sys.argv[4]))
child = process.start([sys.executable, "-u", "-c", script], env=dict(os.environ))
with OutputPump(child.stdout, output) as pump:
    code = child.wait()
    pump.drain(1)
    process.kill_group(child)
output.close()
print(json.dumps({"code": code, "grew_bytes": resident() - before, "lost_bytes": output.lost_bytes}))
"""


@dataclass
class Printed:
    """What became of a script's output."""

    path: Path
    code: int
    grew_bytes: int
    lost_bytes: int

    @property
    def kept(self) -> KeptOutput:
        return KeptOutput.of(self.path)

    @property
    def disk_bytes(self) -> int:
        return sum(p.stat().st_size for p in self.path.parent.glob("output*"))


@pytest.fixture
def printed(tmp_path: Path):
    """`printed(script)`: run it to its end with its output pumped into a log."""

    def run(script: str, *, max_bytes: int = 8 * _MIB, secrets: tuple[str, ...] = ()) -> Printed:
        path = tmp_path / "output.log"
        argv = [sys.executable, "-c", _PUMP, str(path), str(max_bytes), script, json.dumps(secrets)]
        done = process.run(argv, env=dict(os.environ), timeout_s=200)
        return Printed(path, **json.loads(done.output.splitlines()[-1]))

    return run


def test_D5_a_gigabyte_in_a_million_lines_a_second_is_bounded_on_disk_and_in_memory(
    printed,
) -> None:
    script = """
import os
block = b''.join(b'line %06d of a very busy script\\n' % n for n in range(10_000))
for _ in range(3_000):
    os.write(1, block)
"""
    result = printed(script)
    total = 3_000 * 10_000 * len(b"line 000000 of a very busy script\n")
    assert result.code == 0
    assert result.kept.size_bytes == total
    assert result.disk_bytes <= 8 * _MIB + _MIB
    assert result.kept.dropped_bytes == total - result.disk_bytes
    assert result.grew_bytes < 100 * _MIB
    assert read_output(result.path, 0, 100).data.startswith(b"line 000000 of")
    if result.lost_bytes:
        return  # where the machine was too slow to follow, the very end is among what was dropped; that was said
    assert read_output_tail(result.path, 100).data.endswith(b"line 009999 of a very busy script\n")
    newest = Search("line 009999", after=result.kept.segments[-1].start, limit=1)
    (last,) = search_log(result.path, newest).matches
    assert last.line % 10_000 == 0


def test_D5_a_line_of_100_mb_keeps_memory_constant(printed) -> None:
    script = (
        "import os\nfor _ in range(1600): os.write(1, b'x' * 65536)\nos.write(1, b'\\nend\\n')\n"
    )
    result = printed(script, max_bytes=256 * _MIB)
    assert result.kept.size_bytes == 1600 * 65536 + 5
    assert result.kept.dropped_bytes == 0
    assert result.grew_bytes < 100 * _MIB
    assert last_lines(result.path, 1) == ["end"]


def test_D5_binary_output_comes_back_byte_for_byte(printed) -> None:
    result = printed("import os\nos.write(1, bytes(range(256)) * 1000)\n")
    assert read_output(result.path, 0).data == bytes(range(256)) * 1000


def test_D5_progress_bars_colours_and_no_newline_reach_the_log_and_read_as_text(printed) -> None:
    script = r"import os; os.write(1, b'\x1b[31mred\x1b[0m\n  1%\r 50%\r100%\nno newline')"
    result = printed(script)
    assert last_lines(result.path, 3) == ["red", "100%", "no newline"]


def test_D5_output_after_the_script_has_ended_is_kept_and_its_writer_ended(printed) -> None:
    script = """
import os, sys, time
if os.fork() == 0:
    time.sleep(0.2)
    os.write(1, b'from behind\\n')
    time.sleep(1000)
os.write(1, b'the end\\n')
"""
    assert read_output(printed(script).path, 0).data == b"the end\nfrom behind\n"


def test_D5_a_script_that_closes_its_output_goes_on_to_its_end(printed, tmp_path: Path) -> None:
    after = str(tmp_path / "after")
    closing = "import os\nos.write(1, b'before')\nos.close(1); os.close(2)\n"
    script = f"{closing}open({after!r}, 'w').close()\n"
    result = printed(script)
    assert (result.code, read_output(result.path, 0).data) == (0, b"before")
    assert (tmp_path / "after").exists()


def test_D5_a_line_is_in_the_log_while_the_script_still_runs(printed, tmp_path: Path) -> None:
    script = f"""
import sys, time, pathlib
print('no newline yet', end='', flush=True)
log = pathlib.Path({str(tmp_path / "output.log")!r})
for _ in range(600):
    if log.exists() and log.read_bytes(): sys.exit(0)
    time.sleep(0.05)
sys.exit(1)
"""
    assert printed(script).code == 0


class StuckDisk(OutputWriter):
    """Takes nothing until it is let go."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, 64 * _MIB)
        self.is_free = threading.Event()

    def write(self, data: bytes) -> None:
        self.is_free.wait()
        super().write(data)


def test_D5_a_disk_that_hangs_does_not_block_the_script(tmp_path: Path) -> None:
    output = StuckDisk(tmp_path / "output.log")
    script = "import os\nfor n in range(40): os.write(1, b'%07d\\n' % n * (1 << 17))\n"
    child = process.start([sys.executable, "-c", script], env=dict(os.environ))
    assert child.stdout
    with OutputPump(child.stdout, output):
        assert child.wait(60) == 0  # while nothing at all could be written
        output.is_free.set()
    output.close()
    kept = KeptOutput.of(output._path)
    assert output.lost_bytes > 20 * _MIB
    assert kept.size_bytes - kept.dropped_bytes + output.lost_bytes == 40 * _MIB


def test_D8_a_secret_split_over_writes_is_masked_in_the_file(printed) -> None:
    script = "import os\nfor c in b'key: s3cr3t-t0ken!\\n' * 100: os.write(1, bytes([c]))\n"
    assert (
        read_output(printed(script, secrets=("s3cr3t-t0ken",)).path, 0).data == b"key: ***!\n" * 100
    )
