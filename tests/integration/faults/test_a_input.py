"""A: what people send. Each refusal is at its field, before anything starts; what is accepted arrives as it was sent.

More of A1, A2, A3 and A5 is in the unit tests of the parsers, A6 in test_variables.py, A8 in test_fuzz.py.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI

from repo_runner import api, process
from repo_runner.manager import Manager
from repo_runner.models import RunStatus, Submission
from repo_runner.settings import Settings
from repo_runner.source import Source
from tests.any_repository import AnyRepository
from tests.app_fixtures import NOTHING_TO_INSTALL, following, log_of, wait_until_ended
from tests.asgi import Answer, Asgi
from tests.git_fixtures import MakeRepo


class Door:
    """Submits over HTTP, in this process."""

    def __init__(self, asgi: Asgi, manager: Manager) -> None:
        self._asgi = asgi
        self.manager = manager

    def submit(self, **fields: object) -> Answer:
        body = json.dumps({"link": "a/b", "script_path": "train.py", **fields}).encode()
        headers = {"Content-Type": "application/json"}
        return self._asgi.call("POST", "/api/v1/runs", headers=headers, body=body)


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    manager = Manager(Settings(home=tmp_path, min_free_bytes=0))
    manager.recover()
    manager._source = AnyRepository(manager.settings)
    app = FastAPI()
    api.install(app, manager.settings)
    app.state.manager_of_repo_runner = lambda: manager
    with Asgi(app) as asgi:
        yield Door(asgi, manager)
    manager.close()


BAD_FIELDS = [
    ("A1", "link", "ext::sh -c id"),
    ("A1", "link", "https://user:secret@github.com/a/b"),
    ("A1", "link", "https://github.com:8443/a/b"),
    ("A1", "link", "https://github.com/a/../b"),
    ("A1", "link", "https://$HOME.github.com/a/b"),
    ("A1", "link", "https://gith\u0443b.com/a/b"),
    ("A1", "link", "-u x"),
    ("A1", "link", "a/" + "b" * 3000),
    ("A2", "ref", "--upload-pack=x"),
    ("A2", "ref", "a..b"),
    ("A2", "ref", "HEAD@{1}"),
    ("A2", "ref", "main\nx"),
    ("A2", "ref", "x" * 1_000_000),
    ("A3", "script_path", "/etc/passwd.py"),
    ("A3", "script_path", "../train.py"),
    ("A3", "script_path", "train.py\0"),
    ("A3", "script_path", "deep"),
    ("A3", "script_path", "missing.py"),
    ("A4", "script_args", "--name 'open"),
    ("A4", "script_args", ["a\0b"]),
    ("A4", "script_args", "x" * 70_000),
    ("A4", "script_args", ["x" * 40_000] * 2),
    ("A5", "requirements", "--index-url https://index.example/simple"),
    ("A5", "requirements", "six @ file:///etc/passwd"),
    ("A5", "requirements", "git+https://github.com/a/b"),
    ("A5", "requirements", "../package"),
    ("A5", "requirements", "lightning==2.6.3"),
    ("A5", "requirements", "six==1.16\nsix==1.17"),
    ("A6", "env", {"LD_PRELOAD": "x.so"}),
    ("A6", "env", {"PYTHONPATH": "x"}),
    ("A6", "env", {"GIT_DIR": "x"}),
    ("A6", "env", {"REPO_RUNNER_TOKEN": "x"}),
    ("A6", "env", {"a=b": "x"}),
    ("A6", "secret_refs", {"KEY": "HOME"}),
    ("A6", "sandbox", "docker"),
]


@pytest.mark.parametrize(("case", "field", "value"), BAD_FIELDS)
def test_A1_A2_A3_A4_A5_A6_bad_input_is_refused_at_its_field_before_any_process_starts(
    door: Door, monkeypatch: pytest.MonkeyPatch, case: str, field: str, value: object
) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr(process, "start", never)
    monkeypatch.setattr(process, "run", never)
    if case in ("A1", "A2"):
        monkeypatch.setattr(Source, "refs", never)
    answer = door.submit(**{field: value})
    error = answer.json()["error"]
    assert (answer.status, error["field"].split(".")[0]) == (422, field), error
    assert len(error["message"]) < 1000
    assert door.manager.store.counts().get("pending", 0) == 0


@pytest.mark.parametrize(
    "name",
    [
        "<script>alert(1)</script>",
        "\x1b[31mred\x1b[0m",
        "\u202eright to left",
        "__class__",
        "both ' and \"",
        "{{7*7}} ${HOME} %s",
        "ü" * 200,
    ],
)
def test_A7_a_run_s_name_is_stored_exactly(door: Door, name: str) -> None:
    answer = door.submit(name=name)
    assert (answer.status, answer.json()["name"]) == (201, name)
    assert door.manager.get(answer.json()["run_id"]).name == name


def test_A7_a_name_that_is_too_long_is_refused(door: Door) -> None:
    answer = door.submit(name="x" * 10_000)
    assert (answer.status, answer.json()["error"]["field"]) == (422, "name")


#: What shells, quoting and encodings have stumbled over.
WORDS = [
    *(
        "",
        " ",
        "'",
        '"',
        "\\",
        "a b",
        "  two  ",
        "\n",
        "a\nb",
        "\r\n",
        "\t",
        ";",
        "&&",
        "|",
        ">",
        "<",
        "*",
        "?",
        "~",
    ),
    *(
        "$HOME",
        "$(id)",
        "`id`",
        "${IFS}",
        "!!",
        "#",
        "%s",
        "--",
        "-",
        "--flag=a b",
        "naïve",
        "日本語",
        "🧪",
        "\u202e",
    ),
    *("\x7f", "\x01", "{a,b}", "[a-z]", "(", ")", "=", "'\"'\"'", "x" * 60_000),
]


def test_A4_arguments_arrive_byte_for_byte_in_a_real_script(
    make_repo: MakeRepo, manager: Manager
) -> None:
    script = (
        "import hashlib, json, os, sys\n"
        "words = [os.fsencode(word) for word in sys.argv[1:]]\n"
        "print(json.dumps([[len(w), hashlib.sha256(w).hexdigest()] for w in words]))\n"
    )
    url, _ = make_repo({"train.py": script, **NOTHING_TO_INSTALL})
    run_id = manager.submit(Submission(link=url, script_path="train.py", script_args=WORDS)).run_id
    with following(manager, run_id):
        run = wait_until_ended(manager, run_id)
    assert run.status is RunStatus.SUCCEEDED, log_of(manager, run_id)
    sent = [word.encode() for word in WORDS]
    assert json.loads(manager.logs(run_id).text) == [
        [len(w), hashlib.sha256(w).hexdigest()] for w in sent
    ]
    assert list(run.spec.script_args) == WORDS
