from __future__ import annotations

import pytest

from repo_runner.models import Finding, Preflight, RunSpec, ScriptArgument, Submission
from ui.views.fixes import fixes_for

ACCELERATOR = ScriptArgument(name="trainer.accelerator", flags=("--trainer.accelerator",))

SPEC = RunSpec(repo_url="https://x/a/b", commit_sha="0" * 40, script_path="pack/train.py")


def changes(
    code: str,
    message: str = "",
    level: str = "warn",
    args: str = "",
    subcommands: tuple[str, ...] = (),
) -> list[dict]:
    finding = Finding(level=level, code=code, message=message)
    found = Preflight(
        ok=True,
        findings=(finding,),
        arguments=(ACCELERATOR,),
        subcommands=subcommands,
        spec=SPEC,
    )
    asked = Submission(link="a/b", script_args=args)
    return [fix.changes for fix in fixes_for(finding, found, asked)]


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("submodules", {"submodules": True}),
        ("submodule_unreachable", {"submodules": False}),
        ("lfs_pointers", {"lfs": True}),
        ("python_mismatch", {"python": ""}),
        ("no_gpu", {"script_args": "--trainer.accelerator cpu"}),
    ],
)
def test_a_switch_that_mends_it(code: str, wanted: dict) -> None:
    assert changes(code) == [wanted]


def test_what_is_well_needs_no_button() -> None:
    assert changes("submodules", level="ok") == []
    assert changes("disk") == []


def test_a_subcommand_is_put_first() -> None:
    offered = changes("subcommand_missing", args="--lr 1", subcommands=("fit", "test"))
    assert offered == [{"script_args": "fit --lr 1"}, {"script_args": "test --lr 1"}]


def test_a_script_inside_a_package_is_run_as_a_module() -> None:
    assert changes("part_of_package") == [{"script_path": "-m pack.train"}]


def test_an_unknown_argument_can_be_left_out() -> None:
    (offered,) = changes("argument_unknown", "The script has no --zz.", args="--zz=1 --lr 1")
    assert offered == {"script_args": "--lr 1"}
