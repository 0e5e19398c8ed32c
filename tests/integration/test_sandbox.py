"""Sandboxed runs: the script works as ever, writes nowhere else, reads no other run, and still ends when it has to."""

from __future__ import annotations

import json
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from repo_runner import lease, sandbox
from repo_runner.manager import Manager
from repo_runner.models import Run, RunStatus, Submission
from tests.app_fixtures import (
    NOTHING_TO_INSTALL,
    TINY_LIGHTNING_REPO,
    following,
    log_of,
    wait_until_ended,
)
from tests.git_fixtures import MakeRepo
from tests.waiting import wait_for

#: The first test of Lightning waits for its environment to be built.
_PATIENCE_S = 280


@pytest.fixture(params=["landlock", "bubblewrap"])
def level(request: pytest.FixtureRequest) -> str:
    """Each level that this machine has; `make bubblewrap` installs what the second needs."""
    reason = sandbox.problem(request.param)
    if reason:
        pytest.skip(f"{request.param}: {reason[0]}")
    return request.param


@contextmanager
def started(manager: Manager, url: str, level: str, args: str = "") -> Iterator[str]:
    """A run at this level, followed."""
    submission = Submission(link=url, script_path="train.py", script_args=args, sandbox=level)
    run_id = manager.submit(submission).run_id
    with following(manager, run_id):
        yield run_id


def end_of(manager: Manager, url: str, level: str, args: str = "") -> Run:
    with started(manager, url, level, args) as run_id:
        return wait_until_ended(manager, run_id, _PATIENCE_S)


def temporary_folders(run_id: str) -> list[Path]:
    return list(Path(tempfile.gettempdir()).glob(f"repo-runner-{run_id}-*"))


#: Tries what it is told, by itself and from a process that left its session; says what worked.
TRIES = """
import json, os, pathlib, subprocess, sys
def attempt(what):
    try:
        return what() or "done"
    except OSError as error:
        return type(error).__name__
def write(path): pathlib.Path(path).write_text("canary")
def read(path): return pathlib.Path(path).read_text(errors="replace") and "read"
asked = json.loads(sys.argv[1])
said = {f"write {p}": attempt(lambda: write(p)) for p in asked["write"]}
said |= {f"read {p}": attempt(lambda: read(p)) for p in asked["read"]}
said |= {f"empty {p}": attempt(lambda: os.truncate(p, 0)) for p in asked["empty"]}
said |= {f"remove {p}": attempt(lambda: os.unlink(p)) for p in asked["empty"]}
supervisor = int(os.environ.setdefault("SUPERVISOR", str(os.getppid())))
if asked["sees_supervisor"]:
    said["its variables"] = attempt(lambda: read(f"/proc/{supervisor}/environ"))
    said["signal it"] = attempt(lambda: os.kill(supervisor, 0))
said["disk"] = attempt(lambda: os.mknod("disk", 0o60600, os.makedev(1, 0)))
if len(sys.argv) < 3:
    script = [sys.executable, __file__, sys.argv[1], "again"]
    again = subprocess.run(script, start_new_session=True, capture_output=True, text=True, check=True)
    assert json.loads(again.stdout) == said, (again.stdout, said)
print(json.dumps(said))
"""


def test_C4_a_sandboxed_script_writes_and_reads_nothing_that_is_not_its_own(
    make_repo: MakeRepo, manager: Manager, level: str, tmp_path: Path
) -> None:
    home = manager.settings.home
    (home / "app.json").write_text('{"token": "of the app"}')
    canary = tmp_path / "canary"
    canary.write_text("as it was")
    other = Path("/var/tmp/repo-runner-canary")  # bubblewrap gives the script a /tmp of its own
    paths = {
        "write": [
            str(home / "app.json"),
            str(home / "runs" / "x"),
            str(Path(__file__)),
            str(other),
        ],
        "read": [str(home / "app.json"), str(home / "store.db")],
        "empty": [str(Path(__file__))],
        "sees_supervisor": level == "landlock",  # in bubblewrap there is nobody else
    }
    url, _ = make_repo({"train.py": TRIES, **NOTHING_TO_INSTALL})
    run = end_of(manager, url, level, f"'{json.dumps(paths)}'")
    assert run.status is RunStatus.SUCCEEDED, log_of(manager, run.run_id)
    said = json.loads(manager.logs(run.run_id).text)
    refusals = {
        "PermissionError",
        "FileNotFoundError",
        "OSError",
    }  # OSError: a read-only file system
    assert {what: answer for what, answer in said.items() if answer not in refusals} == {}
    assert canary.read_text() == "as it was"
    assert not other.exists()
    assert json.loads((home / "app.json").read_text()) == {"token": "of the app"}


#: What a training does besides training.
WORKS = """
import json, multiprocessing, os, pathlib, socket, subprocess, sys, tempfile
from multiprocessing import shared_memory
def child(queue): queue.put(os.getpid())
if __name__ == "__main__":
    for folder in (os.getcwd(), os.environ["HOME"], tempfile.gettempdir(), os.environ["REPO_RUNNER_PROBE_DIR"]):
        path = pathlib.Path(folder, "mine", "deep"); path.mkdir(parents=True)
        (path / "a").write_text("x"); (path / "a").rename(path / "b"); (path / "b").unlink()
        (path.parent / "link").symlink_to("deep"); (path.parent / "link").unlink(); path.rmdir(); path.parent.rmdir()
    for device in ("/dev/null", "/dev/zero", "/dev/full"):
        open(device, "r+b", buffering=0).close()
    memory = shared_memory.SharedMemory(create=True, size=1 << 20); memory.buf[0] = 1; memory.close(); memory.unlink()
    for method in ("fork", "spawn"):
        context = multiprocessing.get_context(method)
        queue = context.Queue()
        process = context.Process(target=child, args=(queue,))
        process.start(); assert queue.get(timeout=60); process.join()
    server = socket.create_server(("127.0.0.1", 0))
    socket.create_connection(server.getsockname()).close()
    assert subprocess.run(["sh", "-c", "echo said; true"], capture_output=True, check=True).stdout
    if "bubblewrap" in sys.argv:
        assert len([p for p in os.listdir("/proc") if p.isdigit()]) < 10
    print("all of it works", os.getuid())
"""


def test_what_a_training_needs_works_in_a_sandbox(
    make_repo: MakeRepo, manager: Manager, level: str
) -> None:
    url, _ = make_repo({"train.py": WORKS, **NOTHING_TO_INSTALL})
    run = end_of(manager, url, level, level)
    assert run.status is RunStatus.SUCCEEDED, log_of(manager, run.run_id)
    assert "all of it works" in manager.logs(run.run_id).text
    assert run.spec.sandbox == level
    assert temporary_folders(run.run_id) == []


@pytest.mark.timeout(600)
def test_a_lightning_training_saves_stops_and_resumes_in_a_sandbox(
    make_repo: MakeRepo, manager: Manager, level: str
) -> None:
    url, _ = make_repo(TINY_LIGHTNING_REPO)
    with started(manager, url, level, "--max_epochs 40 --rows 512") as run_id:
        wait_for(
            lambda: manager.metrics(run_id, ["val_loss"]),
            timeout_s=_PATIENCE_S,
            log=lambda: log_of(manager, run_id),
        )
        manager.stop(run_id)
        run = wait_until_ended(manager, run_id, _PATIENCE_S)
    assert run.status is RunStatus.STOPPED, log_of(manager, run_id)
    assert manager.paths.run(run_id).stop_checkpoint(1).is_file(), log_of(manager, run_id)
    manager.resume(run_id)
    with following(manager, run_id):
        run = wait_until_ended(manager, run_id, _PATIENCE_S)
    assert (run.status, run.attempt) == (RunStatus.SUCCEEDED, 2), log_of(manager, run_id)
    assert manager.checkpoint_file(run_id, "best")[1].is_file()
    assert "best" in manager.logs(run_id).text
    (losses,) = manager.metrics(run_id, ["val_loss"])
    assert 40 <= losses.total <= 41  # the stop itself validates once


def test_two_processes_with_data_loader_workers_train_in_a_sandbox(
    make_repo: MakeRepo, manager: Manager
) -> None:
    reason = sandbox.problem("landlock")
    if reason:
        pytest.skip(f"landlock: {reason[0]}")
    script = TINY_LIGHTNING_REPO["train.py"]
    script = script.replace("batch_size=16", "batch_size=16, num_workers=1")
    script = script.replace('accelerator="cpu"', 'accelerator="cpu", strategy="ddp", devices=2')
    url, _ = make_repo({**TINY_LIGHTNING_REPO, "train.py": script})
    run = end_of(manager, url, "landlock", "--max_epochs 1 --rows 64")
    assert run.status is RunStatus.SUCCEEDED, log_of(manager, run.run_id)
    assert run.trainer["world_size"] == 2
    assert manager.checkpoint_file(run.run_id, "best")[1].is_file()


STUBBORN = """
import signal, subprocess, sys, time
daemon = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(999)"
launcher = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {daemon!r}], start_new_session=True)"
subprocess.run([sys.executable, "-c", launcher], check=True)
def end(*_):
    print("asked to end", flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
print("started", flush=True)
while True: time.sleep(0.1)
"""


def test_D3_a_stop_reaches_the_script_inside_and_ends_even_its_daemons(
    make_repo: MakeRepo, manager: Manager, level: str
) -> None:
    url, _ = make_repo({"train.py": STUBBORN, **NOTHING_TO_INSTALL})
    with started(manager, url, level) as run_id:
        wait_for(
            lambda: "started" in manager.logs(run_id).text, log=lambda: log_of(manager, run_id)
        )
        manager.stop(run_id)
        run = wait_until_ended(manager, run_id, _PATIENCE_S)
    assert run.status is RunStatus.STOPPED, log_of(manager, run_id)
    assert "asked to end" in manager.logs(run_id).text


def test_E1_a_killed_supervisor_leaves_nothing_of_its_sandbox(
    make_repo: MakeRepo, manager: Manager, level: str
) -> None:
    url, _ = make_repo({"train.py": STUBBORN, **NOTHING_TO_INSTALL})
    with started(manager, url, level) as run_id:
        wait_for(
            lambda: "started" in manager.logs(run_id).text, log=lambda: log_of(manager, run_id)
        )
        holder = lease.holder(manager.paths.run(run_id).lock)
        assert holder is not None
        holder.signal(signal.SIGKILL)
        run = wait_until_ended(manager, run_id, _PATIENCE_S)
    assert run.failure and run.failure.error_code == "supervisor_lost"
    assert temporary_folders(run_id) == []


@pytest.mark.parametrize(("end", "code"), [("sys.exit(7)", 7), ("os.kill(os.getpid(), 9)", None)])
def test_D1_the_end_of_the_script_is_told_as_it_was(
    make_repo: MakeRepo, manager: Manager, level: str, end: str, code: int | None
) -> None:
    url, _ = make_repo({"train.py": f"import os, sys\n{end}\n", **NOTHING_TO_INSTALL})
    run = end_of(manager, url, level)
    record = json.loads(manager.paths.run(run.run_id).exit.read_text())
    assert (record["exit_code"], record["signal"]) == (code, None if code else 9)


def test_D7_a_file_of_the_app_is_no_checkpoint(
    make_repo: MakeRepo, manager: Manager, level: str
) -> None:
    """The supervisor copies what the probe's file names, and the script can write that file itself."""
    (manager.settings.home / "app.json").write_text('{"token": "of the app"}')
    script = """
import json, os, pathlib, time
pathlib.Path("link").symlink_to(os.environ["DATA"])
base = {"v": 1, "t": time.time(), "pid": os.getpid(), "rank": 0, "epoch": 0, "step": 1}
paths = [os.environ["DATA"] + "/app.json", "link/app.json"]
events = [
    base | {"ev": "checkpoint", "seq": n, "ckpts": [{"best_path": p, "monitor": "x", "mode": "min", "best_score": 1.0}]}
    for n, p in enumerate(paths, 1)
]
folder = pathlib.Path(os.environ["REPO_RUNNER_PROBE_DIR"])
(folder / f"events-{os.getpid()}.jsonl").write_text("".join(json.dumps(e) + chr(10) for e in events))
time.sleep(1)
"""
    url, _ = make_repo({"train.py": script, **NOTHING_TO_INSTALL})
    submission = Submission(
        link=url, script_path="train.py", sandbox=level, env={"DATA": str(manager.settings.home)}
    )
    run_id = manager.submit(submission).run_id
    with following(manager, run_id):
        run = wait_until_ended(manager, run_id, _PATIENCE_S)
    assert manager.checkpoints(run_id) == (), log_of(manager, run_id)
    assert [note for note in run.notes if "it belongs to the app" in note], log_of(manager, run_id)


def test_a_run_that_asks_for_less_than_the_operator_now_requires_is_not_started(
    make_repo: MakeRepo, manager: Manager
) -> None:
    url, _ = make_repo({"train.py": "print('ran')\n", **NOTHING_TO_INSTALL})
    run_id = manager.submit(Submission(link=url, script_path="train.py")).run_id
    settings = manager.settings
    own = {**settings.own_env, "REPO_RUNNER_SANDBOX_MINIMUM": "landlock"}
    object.__setattr__(settings, "own_env", own)
    with following(manager, run_id):
        run = wait_until_ended(manager, run_id, _PATIENCE_S)
    assert run.failure and run.failure.error_code == "sandbox_unavailable"
    assert manager.logs(run_id).text == ""
