"""The secrets of a run: they reach its script, and nothing that lasts."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from examples.git_server import GitServer
from repo_runner.manager import Manager
from repo_runner.models import Run, RunStatus, Submission
from repo_runner.settings import Settings
from tests.app_fixtures import NOTHING_TO_INSTALL, app_env, following, log_of, wait_until_ended
from tests.git_fixtures import MakeRepo
from tests.wheelhouse import make_package

SEALED = 'sealed/by "name"+1'
REFERRED = "operator's-t0ken/2"
OF_THE_INDEX = "index-passw0rd-3"
#: Of a variable whose name does not tell that it is a secret.
UNTOLD = "licence-of-nobody-4"
SECRETS = (SEALED, REFERRED, OF_THE_INDEX, UNTOLD)
FORMS = [
    form
    for secret in SECRETS
    for form in (
        secret.encode(),
        quote(secret, safe="").encode(),
        json.dumps(secret)[1:-1].encode(),
        base64.b64encode(secret.encode()).rstrip(b"="),
        base64.b64encode(f"user:{secret}".encode())[8:].rstrip(b"="),
        base64.urlsafe_b64encode(secret.encode()).rstrip(b"="),
    )
]

#: Says its secrets in every way a script may.
TALKATIVE = """
import base64, json, os, sys
from urllib.parse import quote
for secret in (os.environ["MY_API_KEY"], os.environ["HF_TOKEN"], os.environ["LICENCE"]):
    print("got", len(secret), secret, quote(secret, safe=""), repr(secret), json.dumps({"key": secret}))
    print(base64.b64encode(secret.encode()).decode(), base64.b64encode(f"user:{secret}".encode()).decode())
    sys.stderr.write(secret[:5]); sys.stderr.flush(); sys.stderr.write(secret[5:] + chr(10))
raise ValueError(os.environ["MY_API_KEY"] + os.environ["HF_TOKEN"])
"""


@pytest.fixture
def manager(git_server: GitServer, shared_caches: Path, tmp_path: Path) -> Iterator[Manager]:
    """An operator who offers one variable, and whose package index asks for a password."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "cache").symlink_to(shared_caches)
    own = {
        "REPO_RUNNER_HOME": str(tmp_path / "home"),
        "REPO_RUNNER_SECRET_VARIABLES": "TEAM_TOKEN",
        "TEAM_TOKEN": REFERRED,
        "PIP_INDEX_URL": f"https://me:{OF_THE_INDEX}@index.invalid/simple",
        "OF_NOBODY_S_BUSINESS": "1",
    }
    manager = Manager(Settings.from_env(app_env(git_server, shared_caches) | own))
    manager.recover()
    yield manager
    manager.close()


def end_of(manager: Manager, link: str) -> Run:
    submission = Submission(
        link=link,
        script_path="train.py",
        env={"MY_API_KEY": SEALED, "PLAIN": "1"},
        secret_env={"LICENCE": UNTOLD},
        secret_refs={"HF_TOKEN": "TEAM_TOKEN"},
    )
    run_id = manager.submit(submission).run_id
    with following(manager, run_id):
        return wait_until_ended(manager, run_id)


def places_of_a_secret(home: Path) -> list[tuple[str, bytes]]:
    files = [p for p in home.rglob("*") if p.is_file() and not p.is_symlink()]
    assert {"events.jsonl", "exit.json", "spec.json", "store.db"} <= {p.name for p in files}
    return [(p.name, form) for p in files for form in FORMS if form in p.read_bytes()]


def test_B9_secrets_reach_the_script_and_nothing_that_lasts(
    make_repo: MakeRepo, manager: Manager
) -> None:
    url, _ = make_repo({"train.py": TALKATIVE, **NOTHING_TO_INSTALL})
    run = end_of(manager, url)
    text = manager.logs(run.run_id).text
    assert f"got {len(SEALED)} *** *** '***' " in text, log_of(manager, run.run_id)
    assert f"got {len(REFERRED)} ***" in text
    assert run.failure and run.failure.message.endswith("ValueError: ******.")
    assert (run.spec.env, run.spec.secret_refs) == ({"PLAIN": "1"}, {"HF_TOKEN": "TEAM_TOKEN"})
    assert places_of_a_secret(manager.paths.root) == []


def test_B9_what_a_build_says_is_masked_in_its_log_and_in_the_failure(
    make_repo: MakeRepo, manager: Manager, tmp_path: Path
) -> None:
    says = "import os; raise SystemExit('cannot log in: ' + os.environ['PIP_INDEX_URL'])"
    folder = make_package(tmp_path / "package", extra=says, needs="alpha")
    files = {str(p.relative_to(folder)): p.read_text() for p in folder.rglob("*") if p.is_file()}
    files["pyproject.toml"] = (
        files["pyproject.toml"].replace("['alpha']", "[]").replace('"alpha"', "")
    )
    run = end_of(manager, make_repo({"train.py": "print()\n", **files})[0])
    assert run.failure, log_of(manager, run.run_id)
    build_log = manager.logs(run.run_id, stream="build").text
    assert "cannot log in: https://me:***@" in build_log, log_of(manager, run.run_id)
    assert places_of_a_secret(manager.paths.root) == []


def test_A6_the_script_sees_the_allow_list_and_its_own_variables_only(
    make_repo: MakeRepo, manager: Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = "import json, os\nprint(json.dumps(sorted(os.environ)))\n"
    url, _ = make_repo({"train.py": script, **NOTHING_TO_INSTALL})
    run = end_of(manager, url)
    assert run.status is RunStatus.SUCCEEDED, log_of(manager, run.run_id)
    names = set(json.loads(manager.logs(run.run_id).text))
    own = {
        "MY_API_KEY",
        "LICENCE",
        "PLAIN",
        "HF_TOKEN",
        "VIRTUAL_ENV",
        "PYTHONUNBUFFERED",
        "PYTHONPATH",
    }
    ours = {"REPO_RUNNER_RUN_ID", "REPO_RUNNER_PROBE_DIR", "REPO_RUNNER_PROBE_STOP"}
    made_by_python = {"LC_CTYPE"}
    by_resources = {"CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS"}
    allowed = set(manager.settings.script_env)
    assert names - allowed - made_by_python - by_resources == own | ours
    assert set(os.environ) - names, "the operator has more variables than the script sees"


def test_a_referred_variable_that_is_gone_ends_the_run_with_that_reason(
    make_repo: MakeRepo, manager: Manager
) -> None:
    url, _ = make_repo({"train.py": "print()\n", **NOTHING_TO_INSTALL})
    submission = Submission(
        link=url, script_path="train.py", secret_refs={"HF_TOKEN": "TEAM_TOKEN"}
    )
    run_id = manager.submit(submission).run_id
    object.__setattr__(manager.settings, "operator_secrets", {})
    with following(manager, run_id):
        run = wait_until_ended(manager, run_id)
    assert run.failure and run.failure.error_code == "secret_missing"
    assert run.failure.message == "The value of HF_TOKEN is gone."
