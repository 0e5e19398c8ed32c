"""`lightning run app app.py --cloud`: loads, and says what to do instead."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
LOAD = """
import os
from pathlib import Path
from lightning.app.source_code.local import LocalSourceCodeDir
from lightning.app.runners.cloud import CloudRuntime
from components.repo_runner import GithubRepoRunner
app = CloudRuntime.load_app_from_file("app.py")
os.environ["LAI_RUNNING_IN_CLOUD"] = "1"  # as the framework sets it while it loads the app
work = GithubRepoRunner(None, "run")
print(type(app).__name__, type(app.root).__name__, work.cloud_compute.name, work.cloud_build_config.requirements)
root = Path.cwd()
files = [Path(f).relative_to(root) for f in LocalSourceCodeDir(path=root).files]
print(*sorted({f.parts[0] for f in files} | {f.suffix for f in files}))
"""


def run_command(tmp_path: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "REPO_RUNNER_HOME": str(tmp_path / "home"), "REPO_RUNNER_PORT": "7591"}
    env |= {"LIGHTING_TESTING": "1", "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        argv, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, check=False
    )


def test_the_cloud_option_says_in_one_sentence_what_to_do_instead(tmp_path: Path) -> None:
    lightning = str(Path(sys.executable).parent / "lightning")
    ended = run_command(tmp_path, lightning, "run", "app", "app.py", "--cloud")
    (sentence,) = ended.stderr.strip().splitlines()
    assert "cloud for apps no longer exists" in sentence and "REPO_RUNNER_BACKENDS=ray" in sentence
    assert ended.returncode == 2


def test_the_app_loads_for_the_cloud_as_the_framework_defines(tmp_path: Path) -> None:
    ended = run_command(tmp_path, sys.executable, "-c", LOAD)
    loaded, files = ended.stdout.strip().splitlines()
    assert loaded == "RepoRunnerApp RootFlow cpu-small ['-r requirements.lock']", ended.stderr
    packed = set(files.split())
    assert {"app.py", "components", "repo_runner", "requirements.lock"} <= packed
    assert not packed & {".venv", ".venv-ray", ".git", "tests", ".pyc"}
