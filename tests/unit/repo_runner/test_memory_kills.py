from pathlib import Path

from repo_runner import memory_kills


def machine(folder: Path, cgroup: str, **files: str) -> dict[str, Path]:
    for name, text in {"proc/self/cgroup": cgroup, **files}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return {"proc": folder / "proc", "cgroups": folder / "cgroups"}


def test_kills_of_the_machine_and_of_our_own_group_are_counted(tmp_path: Path) -> None:
    files = {
        "proc/vmstat": "nr_free 7\noom_kill 2\n",
        "cgroups/app/memory.events": "oom 9\noom_kill 3\n",
    }
    assert memory_kills.count(**machine(tmp_path, "0::/app\n", **files)) == 5


def test_the_older_control_groups_tell_it_elsewhere(tmp_path: Path) -> None:
    files = {"cgroups/memory/app/memory.oom_control": "under_oom 0\noom_kill 4\n"}
    assert memory_kills.count(**machine(tmp_path, "4:memory:/app\n0::/\n", **files)) == 4


def test_a_machine_that_tells_nothing_counts_none(tmp_path: Path) -> None:
    assert memory_kills.count(tmp_path, tmp_path) == 0
