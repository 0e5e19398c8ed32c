import os
from pathlib import Path

import psutil

from repo_runner.capacity import machine_cpus, machine_memory


def machine(folder: Path, cgroup: str, **files: str) -> tuple[Path, Path]:
    for name, text in {"proc/self/cgroup": cgroup, **files}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder / "proc", folder / "cgroups"


def test_a_quota_of_a_container_counts_not_the_cores_of_the_machine(tmp_path: Path) -> None:
    files = {"cgroups/box/cpu.max": "150000 100000\n", "cgroups/box/in/cpu.max": "max 100000\n"}
    assert machine_cpus(*machine(tmp_path, "0::/box/in\n", **files)) == 1


def test_the_older_control_groups_are_honoured_too(tmp_path: Path) -> None:
    files = {
        "cgroups/cpu/box/cpu.cfs_quota_us": "100000",
        "cgroups/cpu/box/cpu.cfs_period_us": "100000",
        "cgroups/memory/box/memory.limit_in_bytes": "1000000",
    }
    places = machine(tmp_path, "1:cpu:/box\n4:memory:/box\n0::/\n", **files)
    assert (machine_cpus(*places), machine_memory(*places)) == (1, 1000000)


def test_the_smallest_limit_on_the_way_up_counts(tmp_path: Path) -> None:
    files = {"cgroups/box/memory.max": "5000000", "cgroups/box/in/memory.max": "max"}
    assert machine_memory(*machine(tmp_path, "0::/box/in\n", **files)) == 5000000


def test_without_control_groups_it_is_the_machine(tmp_path: Path) -> None:
    assert machine_cpus(tmp_path, tmp_path) == len(os.sched_getaffinity(0))
    assert machine_memory(tmp_path, tmp_path) == psutil.virtual_memory().total
