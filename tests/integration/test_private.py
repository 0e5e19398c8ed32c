"""Private repositories: the token reaches the host's answer and nothing else, ever."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import threading
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import psutil
import pytest

from examples.git_server import Behaviour, GitServer
from repo_runner import preflight
from repo_runner.errors import AuthRequired, RunnerError
from repo_runner.github_link import GithubLink
from repo_runner.manager import Manager
from repo_runner.models import RunStatus, Submission
from repo_runner.settings import Settings
from repo_runner.source import Source
from repo_runner.token_vault import TokenVault
from tests.app_fixtures import NOTHING_TO_INSTALL, app_env, following, log_of, wait_until_ended
from tests.git_fixtures import MakeRepo, check_out, gits_at_work, repo_name

TOKEN = "ghs_9$Secret/Token+x"
USER = "x-access-token"
FORMS = [
    form.encode()
    for form in (
        TOKEN,
        quote(TOKEN, safe=""),
        base64.b64encode(TOKEN.encode()).decode().rstrip("="),
        base64.b64encode(f"{USER}:{TOKEN}".encode()).decode(),
        base64.urlsafe_b64encode(TOKEN.encode()).decode().rstrip("="),
    )
]
#: Prints whatever of its surroundings a script could look into for a token.
NOSY = """
import os, pathlib, json
seen = [json.dumps(dict(os.environ))]
for place in [p for p in pathlib.Path("/proc").glob("[0-9]*/cmdline")] + [
    pathlib.Path(f"/proc/{os.getppid()}/environ"), pathlib.Path(".git/config")]:
    try: seen.append(place.read_bytes().decode(errors="replace"))
    except OSError: pass
pathlib.Path("seen.txt").write_text("\\n".join(seen))
print("looked")
"""


@pytest.fixture
def private(git_server: GitServer, make_repo: MakeRepo) -> str:
    """A repository that only the token opens."""
    url, _ = make_repo({"train.py": NOSY, "large.bin": os.urandom(300_000), **NOTHING_TO_INSTALL})
    git_server.behaviour[repo_name(url)] = Behaviour(auth=f"{USER}:{TOKEN}")
    return url


def places_of_the_token(home: Path) -> list[str]:
    """Files below a folder (links not followed, but for the caches) that hold any form of it."""
    found = []
    for folder, _, names in os.walk(home, followlinks=True):
        for name in names:
            path = Path(folder, name)
            with contextlib.suppress(OSError):
                content = path.read_bytes()
                found += [str(path) for form in FORMS if form in content]
    return found


def command_lines_with_the_token() -> list[str]:
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            line = "\0".join(process.cmdline()).encode()
            found += [process.name() for form in FORMS if form in line]
    return found


def test_B1_without_a_token_the_person_learns_that_one_is_needed(
    git_settings: Settings, private: str
) -> None:
    found = preflight.inspect(Submission(link=private), git_settings, Source(git_settings))
    (error,) = found.errors
    assert error.error_code == "auth_required"
    assert "token" in error.hint_text


def test_B9_a_wrong_token_is_said_to_be_refused_and_appears_nowhere(
    git_settings: Settings, private: str
) -> None:
    wrong = Submission(link=private, token=TOKEN + "x")
    report = preflight.inspect(wrong, git_settings, Source(git_settings)).report()
    (finding,) = report.findings
    assert finding.code == "auth_required"
    assert "refuses the token" in finding.message
    assert TOKEN not in report.model_dump_json()
    assert places_of_the_token(git_settings.home) == []


@pytest.mark.parametrize("token", ["a\nb: c", "with blank", "naïve", "abc"])
def test_what_cannot_be_a_token_never_reaches_a_header(git_settings: Settings, token: str) -> None:
    given = Submission(link=f"{git_settings.allowed_hosts[0]}/a/b", token=token)
    found = preflight.inspect(given, git_settings, Source(git_settings))
    assert [e.error_code for e in found.errors] == ["token_invalid"]
    assert token not in str(found.errors[0].as_dict())


def test_a_token_that_is_too_long_is_not_quoted_back() -> None:
    with pytest.raises(ValueError, match="4096") as caught:
        Submission(link="a/b", token=TOKEN * 500)
    assert TOKEN[:8] not in str(caught.value)


def test_B9_a_run_s_own_token_fetches_and_is_forgotten_before_the_script_starts(
    manager: Manager, git_server: GitServer, private: str
) -> None:
    submission = Submission(link=private, token=TOKEN)
    assert TOKEN not in repr(submission)
    name, seen, closing = repo_name(private), list[str](), threading.Event()
    run_id = manager.submit(submission, "key").run_id
    vault = manager.settings.home / "secrets"
    assert [oct(path.stat().st_mode)[-3:] for path in vault.iterdir()] == ["600", "600"]
    git_server.behaviour[name] = Behaviour(auth=f"{USER}:{TOKEN}", stall_after_bytes=1000)
    git_server.stalled.clear()

    def look() -> None:
        git_server.stalled.wait(30)
        seen.extend(command_lines_with_the_token() + places_of_the_token(manager.settings.home))
        git_server.behaviour[name] = Behaviour(auth=f"{USER}:{TOKEN}")
        for process in gits_at_work(manager.settings):
            if any("remote-https" in word for word in process.cmdline()):
                process.kill()  # the fetch is tried again
        closing.set()

    looking = threading.Thread(target=look)
    looking.start()
    with following(manager, run_id):
        run = wait_until_ended(manager, run_id)
    looking.join()
    assert closing.is_set()
    assert seen == []
    assert run.status is RunStatus.SUCCEEDED, log_of(manager, run_id)
    told = (manager.paths.run(run_id).checkout / "seen.txt").read_text()
    assert [form for form in FORMS if form.decode() in told] == []
    assert places_of_the_token(manager.settings.home) == []
    assert [path.name for path in vault.iterdir()] == ["key"]
    assert TOKEN not in json.dumps(run.model_dump(mode="json"))


def test_B9_the_operator_s_token_opens_a_host_and_stays_in_the_app(
    git_server: GitServer, shared_caches: Path, private: str, tmp_path: Path
) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "cache").symlink_to(shared_caches)
    env = app_env(git_server, shared_caches) | {"REPO_RUNNER_HOME": str(tmp_path / "home")}
    env |= {"UV_MY_TOKEN": TOKEN, "REPO_RUNNER_GIT_TOKENS": f"{git_server.host}=UV_MY_TOKEN"}
    settings = Settings.from_env(env)
    assert TOKEN not in repr(settings)
    for passed in (settings.supervisor_env, settings.ui_env, settings.script_env):
        assert TOKEN not in passed.values()
    manager = Manager(settings)
    manager.recover()
    run_id = manager.submit(Submission(link=private)).run_id
    with following(manager, run_id):
        run = wait_until_ended(manager, run_id)
    manager.close()
    assert run.status is RunStatus.SUCCEEDED
    assert places_of_the_token(settings.home) == []


def test_B9_a_preflight_keeps_no_token(git_settings: Settings, private: str) -> None:
    submission = Submission(link=private, token=TOKEN)
    found = preflight.inspect(submission, git_settings, Source(git_settings))
    assert found.spec
    assert TokenVault(git_settings.home).open(found.spec.token_ticket) == TOKEN
    report = found.report()
    assert report.spec
    assert report.spec.token_ticket == ""
    assert TokenVault(git_settings.home).open(found.spec.token_ticket) == ""
    assert places_of_the_token(git_settings.home) == []


@pytest.mark.parametrize("elsewhere", ["other repository", "other host"])
def test_B8_a_redirect_never_gets_the_token(
    git_settings: Settings, git_server: GitServer, private: str, elsewhere: str, tmp_path: Path
) -> None:
    with GitServer(tmp_path / "capture") as capture:
        target = capture if elsewhere == "other host" else git_server
        location = f"{target.url('tests/captured')}/info/refs?service=git-upload-pack"
        git_server.behaviour[repo_name(private)] = Behaviour(status=302, location=location)
        before = len(git_server.requests)
        with pytest.raises(RunnerError):
            Source(git_settings).with_token(private, TOKEN).resolve(GithubLink(private))
        assert capture.requests == []
        assert not any("captured" in asked for asked in git_server.requests[before:])


def test_B9_a_mirrored_host_does_not_get_the_token_of_the_host_that_was_named(
    git_settings: Settings, git_server: GitServer, private: str
) -> None:
    instead = ((f"https://{git_server.host}/", "https://github.com/"),)
    asked = f"https://github.com/{repo_name(private)}"
    before = len(git_server.headers)
    with pytest.raises(AuthRequired):
        Source(replace(git_settings, git_instead_of=instead)).with_token(asked, TOKEN).refs(asked)
    assert not any("Authorization" in headers for headers in git_server.headers[before:])


def test_B9_a_host_that_echoes_the_token_does_not_get_it_into_our_words(
    git_settings: Settings, git_server: GitServer, private: str
) -> None:
    echo = f"https://localhost:1/{quote(TOKEN)}/{FORMS[3].decode()}"
    git_server.behaviour[repo_name(private)] = Behaviour(status=302, location=echo)
    with pytest.raises(RunnerError) as caught:
        Source(git_settings).with_token(private, TOKEN).resolve(GithubLink(private))
    said = json.dumps(caught.value.as_dict())
    assert [form for form in FORMS if form.decode() in said] == []


def test_B9_a_checkout_with_a_token_leaves_no_trace_of_it(
    git_settings: Settings, private: str, tmp_path: Path
) -> None:
    source = Source(git_settings).with_token(private, TOKEN)
    sha = source.resolve(GithubLink(private)).commit_sha
    check_out(source, private, sha, tmp_path / "c")
    assert places_of_the_token(tmp_path) == []
    assert command_lines_with_the_token() == []


def test_many_processes_make_one_key_and_a_broken_seal_opens_nothing(tmp_path: Path) -> None:
    vaults = [TokenVault(tmp_path) for _ in range(8)]
    tickets = list[str]()
    threads = [threading.Thread(target=lambda v=v: tickets.append(v.seal(TOKEN))) for v in vaults]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [TokenVault(tmp_path).open(ticket) for ticket in tickets] == [TOKEN] * 8
    (tmp_path / "secrets" / tickets[0]).write_bytes(b"broken")
    assert TokenVault(tmp_path).open(tickets[0]) == ""
    assert TokenVault(tmp_path).open("../../etc/passwd") == ""
    os.utime(tmp_path / "secrets" / tickets[1], (0, 0))
    vaults[0].seal("other")
    assert TokenVault(tmp_path).open(tickets[1]) == ""
