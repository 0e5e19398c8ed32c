"""`make demo`: start the app, train `examples/digits` through its HTTP interface, print the best checkpoint.

The app is left running (`make stop` ends it), so a second demo reuses the app, the fetched commit and the environment.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from examples.app_process import COMMAND, QUIET, reach
from examples.git_server import GitServer
from repo_runner.access.one_time_link import new_link
from repo_runner.app_file import AppAddress
from repo_runner.cli import wait
from repo_runner.client import Client
from repo_runner.errors import AppUnreachable, RunnerError
from repo_runner.models import Run, RunStatus, Submission
from repo_runner.paths import HomePaths
from repo_runner.progress_line import ProgressLine
from repo_runner.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
#: Fixed, so that the second demo asks for the same address and finds everything in the caches.
GIT_PORT = int(os.environ.get("REPO_RUNNER_DEMO_GIT_PORT", "7543"))
LINK = f"https://localhost:{GIT_PORT}/examples/digits"
START_TIMEOUT_S = 120


def main() -> int:
    """Exit code 0 only if the run succeeded and the downloaded checkpoint has the promised hash."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stop", action="store_true", help="stop the app that a demo left running")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    settings = Settings.from_env()
    try:
        if asked.serve:
            return serve(settings)
        return stop(settings) if asked.stop else demonstrate(settings)
    except RunnerError as error:
        print(f"demo: {error.message} {error.hint_text}".rstrip(), file=sys.stderr)
        return error.exit_code


def demonstrate(settings: Settings) -> int:
    """Submit the example, follow it, and check what it gave."""
    client = ready_client(settings)
    submission = Submission(link=LINK, script_path="train.py", name="digits demo")
    run = wait(client, client.submit(submission))
    print(f"status: {run.status.value}")
    print(f"commit_sha: {run.commit_sha}")
    if run.status is not RunStatus.SUCCEEDED:
        print_failure(run)
        return 1
    return 0 if print_best(settings, client, run) else 1


def print_best(settings: Settings, client: Client, run: Run) -> bool:
    """The best checkpoint's facts; whether the downloaded file is what the app promised."""
    best = next((c for c in client.checkpoints(run.run_id) if c.is_best), None)
    if best is None:
        print("demo: the run saved no checkpoint", file=sys.stderr)
        return False
    with tempfile.TemporaryDirectory() as folder:
        sha256 = client.download(run.run_id, "best", Path(folder) / best.name)
    print(f"best_model_score: {best.score:.4f} ({best.monitor}, {best.mode})")
    print(f"best_model_path: {HomePaths(settings.home).run(run.run_id).checkpoints / best.name}")
    print(f"sha256: {sha256}")
    print(f"address: {client.address}")
    link = new_link(client.address, AppAddress.find(settings).token)
    print(f"The app is still running; `make stop` ends it. Watch it: {link}", file=sys.stderr)
    return sha256 == best.sha256


def print_failure(run: Run) -> None:
    """Why it failed, for people."""
    if run.failure:
        print(f"{run.failure.message} {run.failure.hint}", file=sys.stderr)
        for line in run.failure.lines:
            print(f"  {line}", file=sys.stderr)


def ready_client(settings: Settings) -> Client:
    """A client of the app that runs on this data folder, started now if there is none."""
    return reach(settings) or start(settings)


def start(settings: Settings) -> Client:
    """Start the app detached, its words going to the data folder's log."""
    log = settings.home / "demo.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        command = [sys.executable, "-m", "examples.demo", "--serve"]
        server = subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    deadline = time.monotonic() + START_TIMEOUT_S
    with ProgressLine(sys.stderr) as line:
        line.show("starting the app")
        while time.monotonic() < deadline and server.poll() is None:
            if client := reach(settings):
                return client
            time.sleep(0.2)
    raise AppUnreachable(
        f"The app did not start: {log.read_text(errors='replace')[-2000:]}", hint=""
    )


def serve(settings: Settings) -> int:
    """The app and the example's git server, until the app ends."""
    home = settings.home / "demo"
    with GitServer(home, port=GIT_PORT) as git:
        git.add("examples/digits", ROOT / "examples" / "digits")
        hosts = " ".join([*settings.allowed_hosts, git.host])
        variables = {
            **os.environ,
            **QUIET,
            "REPO_RUNNER_ALLOWED_HOSTS": hosts,
            "GIT_SSL_CAINFO": str(git.ca_file),
        }
        # What the app says is for a terminal, its one-time link above all; only its complaints go to the log.
        app = subprocess.Popen(
            COMMAND,
            cwd=ROOT,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        signal.signal(signal.SIGTERM, lambda *_: app.terminate())
        return app.wait()


def stop(settings: Settings) -> int:
    """End the app on this data folder; one that does not run is no error."""
    try:
        owner = AppAddress.owner(settings)
    except AppUnreachable:
        print("No app is running.")
        return 0
    owner.signal(signal.SIGTERM)
    deadline = time.monotonic() + 30
    while owner.is_alive and time.monotonic() < deadline:
        time.sleep(0.1)
    print("The app has ended." if not owner.is_alive else "The app has not ended within 30 s.")
    return int(owner.is_alive)


if __name__ == "__main__":
    sys.exit(main())
