"""The started app from outside: its shared state, its command line, its death and return."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection

from examples.app_process import COMMAND, AppProcess, free_port
from examples.git_server import GitServer
from repo_runner.app_file import AppAddress
from repo_runner.client import Client
from repo_runner.models import Run, RunStatus, Submission
from tests.app_fixtures import NOTHING_TO_INSTALL, TINY_LIGHTNING_REPO, app_env
from tests.git_fixtures import MakeRepo
from tests.page_sessions import connected, receive, send
from tests.waiting import wait_for

ROOT = Path(__file__).resolve().parents[2]


def ended(client: Client, run_id: str) -> Run | None:
    run = client.get(run_id)
    return run if run.status.is_terminal else None


def cli(app: AppProcess, *words: str) -> subprocess.CompletedProcess[str]:
    env = {**app.env, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "repo_runner", *words]
    return subprocess.run(
        command, env=env, capture_output=True, text=True, timeout=180, check=False
    )


def summaries(state: object) -> list[dict]:
    """Every run summary in Lightning's shared state: JSON strings, wherever the framework keeps them."""
    if isinstance(state, dict):
        return [s for value in state.values() for s in summaries(value)]
    if isinstance(state, str) and '"log_tail"' in state:
        return [json.loads(state)]
    return []


def test_the_shared_state_shows_a_live_summary_while_a_run_is_active(
    client: Client, make_repo: MakeRepo, app: AppProcess
) -> None:
    url, _ = make_repo(TINY_LIGHTNING_REPO)
    arguments = "--max_epochs 60 --rows 4096"
    run = client.submit(Submission(link=url, script_path="train.py", script_args=arguments))
    live = wait_for(
        lambda: [s for s in summaries(client.state()) if s["best_model_score"] and s["progress"]],
        timeout_s=120,
        log=lambda: client.logs(run.run_id).text + app.log.read_text(),
    )[0]
    assert (live["run_id"], live["status"], live["phase"]) == (run.run_id, "running", "training")
    assert 0 < live["progress"] < 1
    assert "val_loss" in dict(live["metrics"])
    assert "it/s" in live["log_tail"], "the progress bar of training or of validation"
    assert "\x1b" not in live["log_tail"]
    assert live["best_model_path"].startswith("checkpoints/")
    client.stop(run.run_id)
    wait_for(lambda: ended(client, run.run_id), timeout_s=60)
    wait_for(lambda: not summaries(client.state()), what="the work's removal from the state")


def test_E1_training_survives_the_apps_death_and_is_caught_up_after_its_return(
    git_server: GitServer, shared_caches: Path, make_repo: MakeRepo, tmp_path: Path
) -> None:
    url, _ = make_repo(TINY_LIGHTNING_REPO)
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "cache").symlink_to(shared_caches)
    app = AppProcess(tmp_path / "home", env=app_env(git_server, shared_caches))
    client = app.start()
    arguments = "--max_epochs 25 --rows 4096"
    run_id = client.submit(
        Submission(link=url, script_path="train.py", script_args=arguments)
    ).run_id
    wait_for(lambda: client.metrics(run_id), timeout_s=90, log=app.log.read_text)
    app.stop(signal.SIGKILL)
    client = app.start()
    try:
        run = wait_for(lambda: ended(client, run_id), timeout_s=120, log=app.log.read_text)
        assert run.status is RunStatus.SUCCEEDED, run.failure
        (losses,) = client.metrics(run_id, ["train_loss"], max_points=100_000)
        steps = [p.step for p in losses.points]
        assert len(steps) == len(set(steps)) == 25 * 256 // 5
    finally:
        app.stop()


def test_the_command_line_submits_waits_shows_and_downloads(
    app: AppProcess, make_repo: MakeRepo, tmp_path: Path
) -> None:
    url, sha = make_repo(TINY_LIGHTNING_REPO)
    done = cli(
        app, "submit", url, "--script", "train.py", "--wait", "--json", "--", "--max_epochs", "2"
    )
    assert done.returncode == 0, done.stderr
    run = json.loads(done.stdout)
    assert (run["status"], run["commit_sha"]) == ("succeeded", sha)
    assert "best_model_score" in cli(app, "show", run["run_id"]).stdout
    assert "best" in cli(app, "logs", run["run_id"]).stdout
    assert run["run_id"] in cli(app, "list").stdout
    saved = tmp_path / "best.ckpt"
    assert cli(app, "download", run["run_id"], "best", "-o", str(saved)).returncode == 0
    assert saved.stat().st_size > 0
    assert cli(app, "delete", run["run_id"]).returncode == 0
    assert cli(app, "show", run["run_id"]).returncode == 3


def test_the_command_line_says_what_is_wrong_in_one_line(
    app: AppProcess, make_repo: MakeRepo
) -> None:
    url, _ = make_repo({"train.py": "", **NOTHING_TO_INSTALL})
    done = cli(app, "submit", url, "--script", "trian.py")
    assert done.returncode == 2
    assert "There is no trian.py" in done.stderr
    assert "train.py" in done.stderr


def test_a_failed_run_is_an_exit_code_of_its_own(app: AppProcess, make_repo: MakeRepo) -> None:
    url, _ = make_repo({"train.py": "raise SystemExit(7)\n", **NOTHING_TO_INSTALL})
    assert cli(app, "submit", url, "--script", "train.py", "--wait").returncode == 10


def test_events_are_streamed_until_the_run_ends(client: Client, make_repo: MakeRepo) -> None:
    url, _ = make_repo({"train.py": "print('hello')\n", **NOTHING_TO_INSTALL})
    run = client.submit(Submission(link=url, script_path="train.py"))
    kinds = [event["kind"] for event in client.events(run.run_id)]
    assert (kinds[0], kinds[-1]) == ("attempt", "exit")


def test_E5_a_second_app_names_the_holder(app: AppProcess) -> None:
    env = {**app.env, "REPO_RUNNER_PORT": str(free_port())}
    second = subprocess.run(
        COMMAND, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert second.returncode == 6
    assert f"in use by the app with pid {app.process.pid}" in second.stderr


def test_a_checkpoint_is_served_in_ranges(
    app: AppProcess, client: Client, make_repo: MakeRepo
) -> None:
    url, _ = make_repo(TINY_LIGHTNING_REPO)
    run = client.submit(Submission(link=url, script_path="train.py", script_args="--max_epochs 1"))
    wait_for(lambda: ended(client, run.run_id), timeout_s=90)
    token = AppAddress.find(app.settings).token
    headers = {"Range": "bytes=0-9", "Authorization": f"Bearer {token}"}
    asked = urllib.request.Request(client.download_url(run.run_id, "best"), headers=headers)
    with urllib.request.urlopen(asked) as answer:
        assert answer.status == 206
        assert len(answer.read()) == 10
        assert answer.headers["Content-Disposition"].startswith("attachment")


def test_what_a_page_asked_for_before_it_was_left_does_not_empty_the_next_page(
    app: AppProcess,
) -> None:
    with connected(app) as page:
        send(page, page_name="runs")
        messages = drawn(page)
        parts = [m.auto_rerun.fragment_id for m in messages if m.HasField("auto_rerun")]
        known = next(m.navigation for m in messages if m.HasField("navigation"))
        names = {p.url_pathname: p.page_script_hash for p in known.app_pages}
        send(page, page_script_hash=names["system"])
        while not (begun := receive(page)).HasField("new_session"):
            pass
        # While the next page is made: the browser may not know yet that the other one was left.
        for part in parts:
            send(page, page_script_hash=names["runs"], fragment_id=part, is_auto_rerun=True)
        later = drawn(page)
        send(page, page_script_hash=names["system"])
        later += drawn(page)
    assert parts
    assert begun.new_session.page_script_hash == names["system"]
    pages = {m.new_session.page_script_hash for m in later if m.HasField("new_session")}
    assert pages == {names["system"]}, "a page that was left came back"


def drawn(page: ClientConnection) -> list[ForwardMsg]:
    """Return all messages until a page is there."""
    messages = [receive(page)]
    while not messages[-1].HasField("script_finished"):
        messages.append(receive(page))
    return messages
