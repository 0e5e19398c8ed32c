"""What a preflight answers about real repositories, how fast, and what hostile ones cannot do to it."""

from __future__ import annotations

import statistics
import time
from dataclasses import replace
from pathlib import Path

import pytest

from examples.git_server import Behaviour, GitServer
from repo_runner.machine import Machine
from repo_runner.models import Finding, Preflight, Submission
from repo_runner.preflight import inspect
from repo_runner.settings import Settings
from repo_runner.source import Source
from tests.app_fixtures import TINY_LIGHTNING
from tests.git_fixtures import MakeRepo, repo_name

PLAIN_MACHINE = Machine(has_gpu=False, free_bytes=100 << 30)


def look(
    settings: Settings, url: str, machine: Machine = PLAIN_MACHINE, **more: object
) -> Preflight:
    """A preflight as the API answers it, through JSON and back."""
    submission = Submission(link=url, **more)
    report = inspect(submission, settings, Source(settings), machine).report()
    return Preflight.model_validate_json(report.model_dump_json())


def rows(report: Preflight) -> dict[str, Finding]:
    return {finding.code: finding for finding in report.findings}


def levels(report: Preflight) -> dict[str, str]:
    return {finding.code: finding.level for finding in report.findings}


def test_a_lightning_script_is_known_before_it_runs(
    git_settings: Settings, make_repo: MakeRepo
) -> None:
    url, sha = make_repo({"train.py": TINY_LIGHTNING, "requirements.txt": "lightning\n"})
    report = look(git_settings, url)
    assert levels(report) == dict.fromkeys(
        "sandbox reachable commit script lightning arguments cpu_only dependencies python disk".split(),
        "ok",
    )
    assert report.ok
    assert report.spec
    assert (report.spec.commit_sha, report.spec.script_path) == (sha, "train.py")
    assert report.script_kind == "lightning"
    form = {a.name: (a.type, a.default) for a in report.arguments}
    assert form == {"max_epochs": ("int", 3), "lr": ("float", 0.05), "rows": ("int", 512)}
    assert report.dependency_files == ("requirements.txt",)
    assert report.declared == (("requirements.txt", "lightning"),)


def test_branches_and_tags_are_told_even_when_the_asked_one_is_missing(
    git_settings: Settings, git_server: GitServer, make_repo: MakeRepo
) -> None:
    url, sha = make_repo({"train.py": ""})
    git_server.git(repo_name(url), "tag", "v1", sha)
    git_server.git(repo_name(url), "branch", "alpha", sha)
    report = look(git_settings, url, ref="mainx")
    assert levels(report) == {"reachable": "ok", "ref_not_found": "error"}
    names = [(ref.name, ref.kind, ref.is_default) for ref in report.refs]
    assert names == [("main", "branch", True), ("alpha", "branch", False), ("v1", "tag", False)]
    assert "main" in rows(report)["ref_not_found"].hint


def test_a_script_that_is_missing_comes_with_its_nearest_names(
    git_settings: Settings, make_repo: MakeRepo
) -> None:
    url, _ = make_repo({"src/train.py": "", "src/other.py": ""})
    missing = rows(look(git_settings, url, script_path="train.py"))["script_not_found"]
    assert missing.field == "script_path"
    assert "src/train.py" in missing.hint


def test_a_link_to_a_folder_means_the_training_script_in_it(
    git_settings: Settings, make_repo: MakeRepo
) -> None:
    url, _ = make_repo({"a/train.py": "", "a/x.py": "", "b/train.py": "", "c/only.py": ""})
    assert look(git_settings, f"{url}/tree/main/a").spec.script_path == "a/train.py"
    assert look(git_settings, f"{url}/tree/main/c").spec.script_path == "c/only.py"
    assert look(git_settings, url).spec is None


def test_modules_of_the_repository_are_read_one_level_deep(
    git_settings: Settings, make_repo: MakeRepo
) -> None:
    url, _ = make_repo(
        {
            "jobs/train.py": "import argparse\nfrom pkg.options import add\nadd(argparse.ArgumentParser())\n",
            "src/pkg/options.py": "import lightning as L\nT = L.Trainer\ndef add(p):\n  p.add_argument('--lr')\n",
        }
    )
    report = look(git_settings, url, script_path="jobs/train.py")
    assert [a.flags for a in report.arguments] == [("--lr",)]
    assert report.script_kind == "lightning"


def test_words_that_do_not_fit_the_script_are_pointed_at(
    git_settings: Settings, make_repo: MakeRepo
) -> None:
    script = (
        "import argparse\np.add_argument('--data', required=True)\np.add_argument('--epochs')\n"
    )
    url, _ = make_repo({"train.py": script})
    found = rows(look(git_settings, url, script_args="--epoc 3 --epohcs=4"))
    assert found["argument_unknown"].message.endswith("--epohcs.")
    assert "--epochs" in found["argument_unknown"].hint
    assert found["argument_missing"].level == "warn"
    assert look(git_settings, url, script_args="--data x").ok


def test_a_script_inside_a_package_is_offered_as_a_module(
    git_settings: Settings, make_repo: MakeRepo
) -> None:
    url, _ = make_repo(
        {"pack/train.py": "from . import model\n", "pack/model.py": "", "pack/__main__.py": ""}
    )
    by_path = look(git_settings, url, script_path="pack/train.py")
    assert "-m pack.train" in rows(by_path)["part_of_package"].hint
    as_module = look(git_settings, url, script_path="-m pack.train")
    assert "part_of_package" not in rows(as_module)
    assert as_module.spec and as_module.spec.script == "-m pack.train"
    assert as_module.spec.script_path == "pack/train.py"
    whole = look(git_settings, url, script_path="-m pack")
    assert whole.spec and whole.spec.script_path == "pack/__main__.py"
    missing = look(git_settings, url, script_path="-m pack.trian")
    assert "pack/train.py" in rows(missing)["script_not_found"].hint


def test_a_lightning_cli_without_its_subcommand_is_pointed_at(
    git_settings: Settings, make_repo: MakeRepo
) -> None:
    script = "from lightning.pytorch.cli import LightningCLI\nLightningCLI()\n"
    url, _ = make_repo({"train.py": script})
    report = look(git_settings, url)
    assert report.script_kind == "lightning_cli"
    assert "fit" in rows(report)["subcommand_missing"].hint
    assert report.subcommands == ("fit", "validate", "test", "predict")
    assert "subcommand_missing" not in rows(look(git_settings, url, script_args="fit"))


def test_the_arguments_of_a_subcommand_are_those_that_follow_it(
    git_settings: Settings, make_repo: MakeRepo
) -> None:
    script = (
        "import argparse\nparser = argparse.ArgumentParser()\nsub = parser.add_subparsers()\n"
        "fit = sub.add_parser('fit')\nfit.add_argument('--lr', required=True)\nsub.add_parser('test')\n"
    )
    url, _ = make_repo({"train.py": script})
    report = look(git_settings, url, script_args="--lr 1 fit")
    assert report.subcommands == ("fit", "test")
    assert [a.subcommands for a in report.arguments] == [("fit",)]
    assert {"argument_unknown", "argument_missing"} <= rows(report).keys()
    right = rows(look(git_settings, url, script_args="fit --lr 1"))
    assert not {"argument_unknown", "argument_missing"} & right.keys()
    assert "1 argument; required: --lr with fit" in right["arguments"].message


def test_a_foreign_command_line_is_named_and_not_guessed(
    git_settings: Settings, make_repo: MakeRepo
) -> None:
    url, _ = make_repo({"train.py": "import hydra\n@hydra.main()\ndef main(c): pass\n"})
    assert "Hydra" in rows(look(git_settings, url))["arguments_unread"].message


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("Trainer(accelerator='gpu')", ""),
        ("p.add_argument('--accelerator', default='auto')", "--accelerator gpu"),
        ("p.add_argument('--device', default='cuda')", ""),
    ],
)
def test_a_gpu_that_is_asked_for_and_missing_is_said(
    git_settings: Settings, make_repo: MakeRepo, script: str, words: str
) -> None:
    url, _ = make_repo({"train.py": f"import lightning, argparse\n{script}\n"})
    assert rows(look(git_settings, url, script_args=words))["no_gpu"].level == "warn"
    with_gpu = Machine(has_gpu=True, free_bytes=100 << 30)
    assert "no_gpu" not in rows(look(git_settings, url, with_gpu, script_args=words))


def test_a_disk_that_is_nearly_full_is_said_and_a_full_one_stops_the_run(
    git_settings: Settings, make_repo: MakeRepo
) -> None:
    url, _ = make_repo({"train.py": ""})
    assert levels(look(git_settings, url, Machine(False, 2 << 30)))["disk_scarce"] == "warn"
    full = look(git_settings, url, Machine(False, 1 << 20))
    assert (full.ok, full.spec, levels(full)["disk_full"]) == (False, None, "error")


@pytest.mark.parametrize(
    ("files", "asked", "code"),
    [
        (
            {"pyproject.toml": '[project]\nname="x"\nversion="1"\nrequires-python=">=3.10"\n'},
            "",
            "python",
        ),
        (
            {"pyproject.toml": '[project]\nname="x"\nversion="1"\nrequires-python=">=3.13"\n'},
            "",
            "python_other",
        ),
        ({".python-version": "3.12\n"}, "", "python_other"),
        ({".python-version": "3.12\n"}, "3.12", "python"),
        ({".python-version": "3.12\n"}, "3.11", "python_mismatch"),
    ],
)
def test_the_python_that_the_repository_asks_for_is_told(
    git_settings: Settings, make_repo: MakeRepo, files: dict[str, str], asked: str, code: str
) -> None:
    url, _ = make_repo({"train.py": "", **files})
    report = look(git_settings, url, python=asked)
    assert code in rows(report)
    assert report.python


def test_dependency_files_are_read_with_what_they_include(
    git_settings: Settings, make_repo: MakeRepo
) -> None:
    included = {"requirements.txt": "-r deps/base.txt\n-e ./pkg\n", "pkg/setup.py": ""}
    url, _ = make_repo(
        {"train.py": "", **included, "deps/base.txt": "-r more.txt\n", "deps/more.txt": "six\n"}
    )
    assert look(git_settings, url).ok
    url, _ = make_repo({"train.py": "", **included, "deps/base.txt": "lightning==2.6.3\n"})
    assert "malicious" in rows(look(git_settings, url))["requirement_invalid"].message
    url, _ = make_repo({"train.py": "", "requirements.txt": "-r missing.txt\n"})
    assert not look(git_settings, url).ok


HOSTILE = {
    "pyproject.toml": "a = " + "[" * 100_000,
    "uv.lock": "package = 3\n",
    "environment.yml": "dependencies: " + "[" * 5_000,
    "requirements.txt": b"\xff\xfe\x00 -r \xff",
    ".python-version": b"\xff" * 1000,
    ".gitmodules": b'[submodule "\xff"]\n\tpath = ..\n\turl = ext::x\n',
    ".gitattributes": "**/" * 60 + "* filter=lfs\n" + "*" * 190 + " filter=lfs\n",
    "train.py": b"\xff" + b"(" * 100_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_reported_and_does_no_harm(
    git_settings: Settings, make_repo: MakeRepo, name: str
) -> None:
    url, _ = make_repo({"train.py": "import lightning\n", name: HOSTILE[name]})
    started = time.monotonic()
    report = look(git_settings, url)
    assert time.monotonic() - started < 5
    assert "script" in rows(report)


def test_files_that_are_far_too_long_are_left_alone(
    git_settings: Settings, make_repo: MakeRepo
) -> None:
    huge = "x = 1\n" * 3_000_000
    url, _ = make_repo({"train.py": huge, "requirements.txt": huge})
    report = look(git_settings, url)
    assert levels(report)["script_unread"] == "warn"
    assert levels(report)["dependencies_unread"] == "warn"


def test_a_name_that_is_no_text_does_not_spoil_the_answer(
    git_settings: Settings, git_server: GitServer, make_repo: MakeRepo
) -> None:
    url, _ = make_repo({"train.py": ""})
    name = repo_name(url)
    blob = git_server.git(name, "rev-parse", "main:train.py")
    row = f"100644 blob {blob}\t".encode()
    names = (b"a\xff.py", "\u202emain.py".encode(), b"train.py")
    listing = b"".join(row + path + b"\0" for path in names)
    tree = git_server.git(name, "mktree", "-z", stdin=listing)
    sha = git_server.git(name, "commit-tree", tree, "-m", "odd names")
    git_server.git(name, "update-ref", "refs/heads/main", sha)
    assert look(git_settings, url).scripts == ("train.py", "\u202emain.py")


def test_nothing_of_the_repository_is_executed_or_checked_out(
    git_settings: Settings, make_repo: MakeRepo, tmp_path: Path
) -> None:
    canary = tmp_path / "canary"
    evil = f"open({str(canary)!r}, 'w').close()\n"
    url, _ = make_repo({"train.py": f"import helper\n{evil}", "helper.py": evil, "setup.py": evil})
    assert look(git_settings, url).ok
    assert not canary.exists()
    assert not list(tmp_path.rglob("train.py"))


def test_a_host_that_stumbles_is_asked_three_times(
    git_settings: Settings, git_server: GitServer, make_repo: MakeRepo
) -> None:
    url, _ = make_repo({"train.py": ""})
    git_server.behaviour[repo_name(url)] = Behaviour(status=503)
    before = len(git_server.requests)
    started = time.monotonic()
    report = look(git_settings, url)
    assert levels(report) == {"fetch_failed": "error"}
    assert len(git_server.requests) - before == 3
    assert time.monotonic() - started < 10


def test_a_preflight_takes_less_than_two_seconds(
    git_settings: Settings, make_repo: MakeRepo, tmp_path: Path
) -> None:
    """Of repositories never seen before, the case a person waits for."""
    files = {f"pkg/m{n}.py": "x = 1\n" for n in range(300)}
    url, _ = make_repo(
        {
            **files,
            "train.py": TINY_LIGHTNING,
            "requirements.txt": "-r base.txt\n",
            "base.txt": "six\n",
        }
    )
    times = []
    for number in range(5):
        fresh = replace(git_settings, home=tmp_path / f"home-{number}")
        started = time.monotonic()
        assert look(fresh, url).ok
        times.append(time.monotonic() - started)
    print(f"preflight: median {statistics.median(times):.2f} s, worst {max(times):.2f} s")
    assert max(times) < 2
