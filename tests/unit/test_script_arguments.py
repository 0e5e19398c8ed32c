"""What a script's source says of its arguments, its framework and its GPU, and what hostile sources cannot do."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repo_runner.cli_classes import lightning_cli_arguments
from repo_runner.models import ScriptArgument
from repo_runner.script_arguments import Arguments, argparse_arguments
from repo_runner.script_kind import command_line_of, gpu_uses, kind_of_script
from repo_runner.script_source import Module, connect, parse_module, wanted_modules


def read(source: str | bytes, **others: str) -> tuple[Module, list[Module]]:
    """A script and the modules it imports; `pkg__config` stands for pkg/config.py."""
    contents = {f"{name.replace('__', '/')}.py": text.encode() for name, text in others.items()}
    data = source.encode() if isinstance(source, str) else source
    known = {"train.py", *contents}
    script = parse_module("train.py", data, known, "train.py")
    assert script is not None
    wanted = [path for path in wanted_modules(script) if path in contents]
    parsed = {path: parse_module(path, contents[path], known, "train.py") for path in wanted}
    modules = {path: module for path, module in parsed.items() if module}
    connect(script, modules)
    return script, list(modules.values())


def arguments_of(source: str, **others: str) -> Arguments:
    script, modules = read(source, **others)
    found = argparse_arguments(script, modules)
    if kind_of_script(script, modules) == "lightning_cli":
        assert lightning_cli_arguments(script, modules, found)
    return found


def one(call: str, before: str = "") -> ScriptArgument:
    (argument,) = arguments_of(f"import argparse\n{before}\nparser.add_argument({call})\n").found
    return argument


CALLS = [
    ('"--lr", type=float, default=1e-3', {"flags": ("--lr",), "type": "float", "default": 0.001}),
    ('"-e", "--max-epochs", type=int', {"name": "max_epochs", "flags": ("-e", "--max-epochs")}),
    ('"-e", dest="epochs"', {"name": "epochs"}),
    ('"data"', {"name": "data", "flags": (), "required": True}),
    ('"data", nargs="?"', {"required": False, "nargs": "?"}),
    ('"--data", required=True, help="a " "folder"', {"required": True, "help": "a folder"}),
    ('"--fast", action="store_true"', {"is_flag": True, "type": "bool", "default": False}),
    ('"--slow", action="store_false"', {"is_flag": True, "default": True}),
    (
        '"--compile", action=argparse.BooleanOptionalAction, default=True',
        {"is_flag": True, "off_flag": "--no-compile", "default": True},
    ),
    ('"-v", action="count"', {"is_flag": True, "type": "int"}),
    ('"--net", choices=("a", "b"), default="a"', {"choices": ("a", "b"), "default": "a"}),
    ('"--sizes", nargs="+", type=int, default=[1, 2]', {"nargs": "+", "default": [1, 2]}),
    ('"--tag", action="append"', {"nargs": "*"}),
    ('"--root", type=Path, default=Path("data")', {"type": "path", "default": "data"}),
    ('"--decay", default=-0.5', {"default": -0.5}),
    ('"--rows", default=2**10 * 4', {"default": 4096}),
    ('"--lr", default=LR', {"default": 0.1}),
    ('"--net", choices=NETS.keys()', {"choices": ("small", "big")}),
    ('"--net", choices=sorted(NETS)', {"choices": ("big", "small")}),
    ('"--lr", default=CONFIG["lr"]', {"default": 0.2}),
    ('"--n", default=os.cpu_count()', {"default": None, "unknown": ("default",)}),
    ('"--flag", type=lambda s: s == "yes"', {"type": "other", "unknown": ("type",)}),
    ('"--n", default=10**100000', {"unknown": ("default",)}),
    ('"--x", default="a" * 10**9', {"unknown": ("default",)}),
    ('"--x", default="\\ud800"', {"default": "?"}),
]
CONSTANTS = 'LR = 0.1\nNETS = {"small": Small, "big": Big}\nCONFIG = {"lr": 0.2, "f": f()}\n'


@pytest.mark.parametrize(("call", "expected"), CALLS)
def test_an_argument_is_read_as_its_call_states_it(call: str, expected: dict[str, object]) -> None:
    argument = one(call, CONSTANTS)
    assert {name: getattr(argument, name) for name in expected} == expected


def test_groups_functions_and_defaults_set_later_count_in_their_order() -> None:
    found = arguments_of(
        "import argparse\n"
        "def main():\n"
        "    group = argparse.ArgumentParser().add_argument_group('g')\n"
        "    group.add_argument('--b')\n"
        "    group.add_argument('--a', default=1)\n"
        "    parser.set_defaults(a=2)\n"
    )
    assert [(a.name, a.default) for a in found.found] == [("b", None), ("a", 2)]
    assert found.gaps == []


def test_arguments_and_constants_come_from_modules_that_the_script_imports() -> None:
    found = arguments_of(
        "import argparse, config\nfrom pkg.options import add_options, SIZE\nfrom pkg import more\n"
        "add_options(parser)\nmore.extend(parser)\n"
        "parser.add_argument('--size', default=SIZE)\n"
        "parser.add_argument('--lr', default=config.LR)\n",
        config="LR = 0.3\n",
        pkg__options="SIZE = 7\ndef add_options(p):\n  p.add_argument('--deep')\n"
        "def unused(p):\n  p.add_argument('--never')\n",
        pkg__more="def extend(p):\n  p.add_argument('--more')\n",
    )
    assert {a.name: a.default for a in found.found} == {
        "size": 7,
        "lr": 0.3,
        "deep": None,
        "more": None,
    }


def test_what_only_running_would_tell_is_said() -> None:
    found = arguments_of(
        "import argparse\nfor n in names: parser.add_argument('--' + n)\n"
        "parser.add_argument('--x', **more)\nparser.parse_known_args()\n"
        "sub.add_parser('fit')\nsub.add_parser('test')\n"
    )
    assert [a.name for a in found.found] == ["x"]
    assert len(found.gaps) == 3
    assert found.subcommands == ["fit", "test"]


SUBCOMMANDS = """
import argparse
common = argparse.ArgumentParser(add_help=False)
common.add_argument("--seed", type=int)
parser = argparse.ArgumentParser()
parser.add_argument("--verbose", action="store_true")
sub = parser.add_subparsers(dest="command", required=True)
fit = sub.add_parser("fit", parents=[common])
fit.add_argument("--lr", type=float, default=0.1)
group = fit.add_argument_group("data")
group.add_argument("--rows", type=int)
def both(p):
    p.add_argument("--size", type=int)
p = sub.add_parser("test", parents=[common])
p.add_argument("--ckpt", required=True)
p = sub.add_parser("export")
p.add_argument("--lr", type=float, default=0.1)
p.set_defaults(lr=7)
both(fit)
both(p)
deep = p.add_subparsers().add_parser("onnx")
deep.add_argument("--opset")
elsewhere.add_argument("--anywhere")
"""


def test_an_argument_is_told_by_its_subcommand() -> None:
    found = arguments_of(SUBCOMMANDS)
    assert found.subcommands == ["fit", "test", "export"]
    assert [(a.name, a.default, a.subcommands) for a in found.found] == [
        ("seed", None, ("fit", "test")),
        ("verbose", False, ()),
        ("lr", 0.1, ("fit",)),
        ("rows", None, ("fit",)),
        ("size", None, ("export", "fit")),
        ("ckpt", None, ("test",)),
        ("lr", 7, ("export",)),
        ("anywhere", None, ("fit", "test", "export")),
    ]
    assert found.gaps == ["subcommands have subcommands of their own"]


def test_the_main_parser_is_known_by_what_is_asked_of_it() -> None:
    found = arguments_of(
        "import argparse\nparser = make()\nparser.add_argument('--quiet')\n"
        "for name in names: parser.add_subparsers().add_parser(name).add_argument('--a')\n"
        "parser.add_subparsers().add_parser('fit')\n"
        "class Main:\n"
        "    def __init__(self): self.test = sub.add_parser('test')\n"
        "    def fill(self): self.test.add_argument('--b')\n"
    )
    rows = {a.name: a.subcommands for a in found.found}
    assert rows == {"quiet": (), "a": ("fit", "test"), "b": ("test",)}


CLI = "from lightning.pytorch.cli import LightningCLI\nfrom models import Net\nfrom data import Data\n"


def test_a_lightning_cli_takes_what_its_classes_take() -> None:
    found = arguments_of(
        CLI + "class Own(LightningCLI): pass\ndef main():\n    Own(Net, datamodule_class=Data)\n",
        models="from typing import Literal, Optional\nW = 8\nclass Base:\n"
        "    def __init__(self, width: int = W, *, act: Literal['relu', 'gelu'] = 'relu',\n"
        "                 drop: Optional[float] = None, opt=make()): ...\n"
        "class Net(Base): pass\n",
        data="class Data:\n    def __init__(self, root: str, size: 'int' = 3): ...\n",
    )
    rows = {a.name: (a.type, a.default, a.required) for a in found.found}
    assert rows == {
        "model.width": ("int", 8, False),
        "model.act": ("str", "relu", False),
        "model.drop": ("float", None, False),
        "model.opt": ("str", None, False),
        "data.root": ("str", None, True),
        "data.size": ("int", 3, False),
    }
    assert found.subcommands == ["fit", "validate", "test", "predict"]
    assert {a.subcommands for a in found.found} == {("fit", "validate", "test", "predict")}
    assert any("--trainer" in gap for gap in found.gaps)


def test_a_lightning_cli_that_runs_nothing_by_itself_has_no_subcommands() -> None:
    found = arguments_of(CLI + "LightningCLI(Net, run=False)\n", models="class Net: pass\n")
    assert found.subcommands == []


def test_a_lightning_cli_without_a_model_asks_for_its_class() -> None:
    found = arguments_of(CLI + "LightningCLI()\n")
    assert [(a.flags, a.required) for a in found.found] == [(("--model",), True)]


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("import lightning as L\nL.Trainer().fit(m)\n", "lightning"),
        ("import pytorch_lightning as pl\nclass M(pl.LightningModule): pass\n", "lightning"),
        ("from lightning.pytorch import Trainer\n", "lightning"),
        ("from lightning.fabric import Fabric\nFabric().launch()\n", "fabric"),
        ("import lightning as L\nL.Fabric()\n", "fabric"),
        ("from lightning.pytorch.cli import LightningCLI\nLightningCLI()\n", "lightning_cli"),
        ("import torch\nclass Trainer: pass\nTrainer()\n", "plain"),
        ("from engine import fit\nfit()\n", "lightning"),
    ],
)
def test_what_a_script_trains_with_is_told_from_its_imports(source: str, kind: str) -> None:
    engine = "import lightning as L\ndef fit(): L.Trainer().fit(1)\n"
    assert kind_of_script(*read(source, engine=engine)) == kind


@pytest.mark.parametrize("package", ["hydra", "click", "typer", "fire", "tyro"])
def test_a_foreign_command_line_is_named(package: str) -> None:
    script, _ = read(f"import {package}\n")
    assert command_line_of(script).lower() == package


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ('Trainer(accelerator="gpu", devices=2)', 1),
        ('Trainer(accelerator="auto")', 0),
        ('Trainer(accelerator="gpu" if flag else "cpu")', 0),
        ("Trainer(gpus=1)", 1),
        ("Trainer(gpus=0)", 0),
        ("model.cuda()", 1),
        ('model.to("cuda:0")', 1),
        ('torch.device("cuda")', 1),
        ('torch.zeros(1, device="cuda")', 1),
        ("model.cuda() if torch.cuda.is_available() else model", 0),
        ("torch.cuda.empty_cache()", 0),
    ],
)
def test_only_what_insists_on_a_gpu_counts(source: str, count: int) -> None:
    script, modules = read(source)
    assert len(list(gpu_uses(script, modules))) == count


HOSTILE = {
    "nested brackets": "(" * 5000,
    "minus signs": "-" * 200_000 + "1",
    "attributes": "a" + ".b" * 100_000,
    "a long sum": "x = a" + "+a" * 100_000,
    "many calls": "a" + "()" * 100_000,
    "lambdas": "lambda:" * 50_000 + "0",
    "many elifs": "if a: pass\n" + "elif a: pass\n" * 30_000,
    "a null byte": "a = 1\0",
    "a huge number": "x = " + "9" * 100_000,
    "too long": "a = 1\n" * 200_000,
    "not utf-8": b"\xff\xfe\xfa",
    "not python": "this is no python at all",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_source_is_given_up_in_no_time(name: str) -> None:
    started = time.thread_time()
    source = HOSTILE[name]
    data = source.encode() if isinstance(source, str) else source
    assert parse_module("train.py", data, {"train.py"}, "train.py") is None
    assert time.thread_time() - started < 2


def test_a_source_that_is_just_deep_enough_to_be_read_does_no_harm() -> None:
    chain = "+".join(["a"] * 900)
    aliases = "\n".join(f"a{n} = a{n + 1}" for n in range(500)) + "\na500 = a0\n"
    doubling = "b0 = [1]\n" + "\n".join(f"b{n} = [b{n - 1}, b{n - 1}]" for n in range(1, 60))
    for value in (chain, "a0", "b59", "a" + "[0]" * 300, "a" + ".keys()" * 300):
        started = time.thread_time()
        found = arguments_of(
            f"{aliases}\n{doubling}\nparser.add_argument('--x', default={value})\n"
        )
        assert found.found[0].unknown == ("default",)
        assert time.thread_time() - started < 2


def test_a_class_that_is_its_own_base_ends() -> None:
    found = arguments_of(CLI + "LightningCLI(Net)\n", models="class Net(Net): pass\n")
    assert found.found == []


def test_a_source_with_many_parsers_takes_no_more_than_its_length() -> None:
    seconds = {count: seconds_for_parsers(count) for count in (30, 300, 3000)}
    assert seconds[3000] < 30 * seconds[300], "the square of its length would be a hundred times"


def seconds_for_parsers(count: int) -> float:
    calls = "".join(f"p = sub.add_parser('s{n}')\nf{n % 9}(p)\n" for n in range(count))
    chain = "".join(
        f"def f{n}(p):\n    f{(n + 1) % 9}(p)\n    p.add_argument('--x{n}')\n" for n in range(9)
    )
    started = time.thread_time()
    arguments_of(f"import argparse\n{chain}{calls}")
    return time.thread_time() - started


@given(st.text(alphabet="()[]{}=+-*.,:'\"\\\n abcdef0123lambda#@%", max_size=300))
@settings(max_examples=300, deadline=None)
def test_no_source_breaks_the_reading(source: str) -> None:
    text = f"import argparse\n{source}\nparser.add_argument('--x', default={source!r})\n"
    module = parse_module("train.py", text.encode(), {"train.py"}, "train.py")
    if module is not None:
        argparse_arguments(module, [])
        list(gpu_uses(module, []))
