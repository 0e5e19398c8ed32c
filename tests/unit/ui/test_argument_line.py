from __future__ import annotations

import pytest

from repo_runner.models import ScriptArgument
from ui.views.argument_line import fields, subcommand_of, with_subcommand, with_value

ARGUMENTS = (
    ScriptArgument(name="data", type="path", required=True),
    ScriptArgument(name="extra", nargs="?"),
    ScriptArgument(name="lr", flags=("-l", "--lr"), type="float", default=1e-3),
    ScriptArgument(name="layers", flags=("--layers",), type="int", nargs="+", default=[64, 32]),
    ScriptArgument(name="fast", flags=("--fast",), is_flag=True, default=False),
    ScriptArgument(
        name="compile", flags=("--compile",), off_flag="--no-compile", is_flag=True, default=True
    ),
    ScriptArgument(name="model.dim", flags=("--model.dim",), type="int"),
)


def value(line: str, name: str) -> str:
    return next(field["value"] for field in fields(ARGUMENTS, line) if field["name"] == name)


@pytest.mark.parametrize(
    ("line", "name", "shown"),
    [
        ("", "lr", ""),
        ("--lr 0.1", "lr", "0.1"),
        ("-l=0.1", "lr", "0.1"),
        ("--lr 1 --lr 2", "lr", "2"),
        ("--lr -1", "lr", "-1"),
        ("--layers 1 2 3 --fast", "layers", "1 2 3"),
        ("--fast", "fast", "on"),
        ("", "fast", "off"),
        ("", "compile", "on"),
        ("--no-compile", "compile", "off"),
        ("--unknown images --lr 2", "lr", "2"),
        ("images", "data", "images"),
        ("--unknown 3", "data", ""),
        ("--lr 2 'my images'", "data", "my images"),
        ("--layers 1 'a b'", "layers", "1 'a b'"),
        ("--lr 2 'my images' more", "extra", "more"),
        ("--lr 'open", "lr", ""),
    ],
)
def test_a_field_shows_what_the_line_says(line: str, name: str, shown: str) -> None:
    assert value(line, name) == shown


@pytest.mark.parametrize(
    ("line", "name", "new", "wanted"),
    [
        ("", "lr", "0.1", "--lr 0.1"),
        ("--fast", "lr", "-1", "--fast --lr=-1"),
        ("--lr=1 --fast", "lr", "2", "--lr=2 --fast"),
        ("-l 1", "lr", "2", "-l 2"),
        ("--lr 1 --fast", "lr", "", "--fast"),
        ("--lr 1 --fast", "lr", "0.001", "--fast"),
        ("", "layers", "8 16", "--layers 8 16"),
        ("", "fast", "on", "--fast"),
        ("--fast", "fast", "off", ""),
        ("", "compile", "off", "--no-compile"),
        ("--no-compile", "compile", "on", ""),
        ("--layers 1 2", "data", "my images", "'my images' --layers 1 2"),
        ("images --fast", "data", "photos", "photos --fast"),
        ("images --fast", "extra", "more", "images more --fast"),
        ("--other x", "lr", "2", "--other x --lr 2"),
        ("--tag 'a b'", "model.dim", "3", "--tag 'a b' --model.dim 3"),
        ("'open", "lr", "2", "'open"),
        ("--lr 1", "nothing", "2", "--lr 1"),
    ],
)
def test_a_changed_field_changes_the_line_and_nothing_else(
    line: str, name: str, new: str, wanted: str
) -> None:
    assert with_value(line, ARGUMENTS, name, new) == wanted


def test_what_is_written_is_read_back() -> None:
    for name, new in (("lr", "5e-4"), ("layers", "1 2"), ("data", "a b"), ("fast", "on")):
        line = with_value("--fast --lr 3", ARGUMENTS, name, new)
        shown = value(line, name)
        assert shown == new


BOTH = ("fit", "test")
COMMANDS = (
    ScriptArgument(name="verbose", flags=("--verbose",), is_flag=True, default=False),
    ScriptArgument(name="mode", flags=("--mode",)),
    ScriptArgument(name="seed", flags=("--seed",), type="int", subcommands=BOTH),
    ScriptArgument(name="lr", flags=("--lr",), type="float", default=0.1, subcommands=("fit",)),
    ScriptArgument(name="ckpt", flags=("--ckpt",), required=True, subcommands=("test",)),
)


@pytest.mark.parametrize(
    ("line", "name", "shown"),
    [
        ("", "", ["verbose", "mode"]),
        ("fit --lr 3", "fit", ["verbose", "mode", "seed", "lr"]),
        ("--mode fit test", "test", ["verbose", "mode", "seed", "ckpt"]),
        ("--verbose fit test", "fit", ["verbose", "mode", "seed", "lr"]),
    ],
)
def test_the_subcommand_says_which_arguments_there_are(
    line: str, name: str, shown: list[str]
) -> None:
    assert subcommand_of(line, COMMANDS, BOTH) == name
    assert [field["name"] for field in fields(COMMANDS, line, BOTH)] == shown


@pytest.mark.parametrize(
    ("line", "name", "new", "wanted"),
    [
        ("fit", "lr", "3", "fit --lr 3"),
        ("fit --lr 3", "verbose", "on", "--verbose fit --lr 3"),
        ("--verbose test", "ckpt", "a b", "--verbose test --ckpt 'a b'"),
        ("fit --seed 1", "seed", "", "fit"),
    ],
)
def test_a_value_goes_to_its_side_of_the_subcommand(
    line: str, name: str, new: str, wanted: str
) -> None:
    assert with_value(line, COMMANDS, name, new, BOTH) == wanted


@pytest.mark.parametrize(
    ("line", "name", "wanted"),
    [
        ("", "fit", "fit"),
        ("--verbose --lr 3", "fit", "--verbose fit --lr 3"),
        ("--verbose fit --seed 1 --lr 3 --own x", "test", "--verbose test --seed 1 --own x"),
        ("fit --lr 3", "fit", "fit --lr 3"),
    ],
)
def test_another_subcommand_takes_along_what_it_understands(
    line: str, name: str, wanted: str
) -> None:
    assert with_subcommand(line, COMMANDS, BOTH, name) == wanted
