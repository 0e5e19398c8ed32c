"""What a script trains with, how it takes its arguments, and whether it insists on a GPU: by its source."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from repo_runner.literals import NotStaticError
from repo_runner.models import ScriptKind
from repo_runner.script_arguments import keywords
from repo_runner.script_source import Module

_LIGHTNING = frozenset({"lightning", "pytorch_lightning", "lightning_fabric"})
_TRAINS = frozenset({"Trainer", "LightningModule", "LightningDataModule"})
_GPU_NAMES = ("gpu", "cuda")

#: Libraries that make a command line in their own way, by the package that a script imports.
_COMMAND_LINES = {
    "hydra": "Hydra",
    "click": "click",
    "typer": "typer",
    "fire": "Fire",
    "absl": "absl",
    "tyro": "tyro",
    "simple_parsing": "simple-parsing",
    "docopt": "docopt",
    "tap": "Tap",
}


@dataclass(frozen=True)
class GpuUse:
    """A place that asks for a GPU."""

    path: str
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.what} ({self.path}, line {self.line})"


def kind_of_script(script: Module, modules: Collection[Module]) -> ScriptKind:
    """By the script's own imports first, then by those of the modules it imports."""
    named: set[str] = set()
    for module in (script, *modules):
        if module.packages & _LIGHTNING:
            named |= module.words
            if "LightningCLI" in module.words:
                return "lightning_cli"
    if named & _TRAINS:
        return "lightning"
    return "fabric" if "Fabric" in named else "plain"


def command_line_of(script: Module) -> str:
    """The library that makes the script's command line, if it is one that is not read here."""
    for package, title in _COMMAND_LINES.items():
        if package in script.packages:
            return title
    return "transformers' HfArgumentParser" if "HfArgumentParser" in script.words else ""


def gpu_uses(script: Module, modules: Collection[Module]) -> Iterator[GpuUse]:
    """Where a GPU is asked for whatever the machine has; what asks `is_available` first is trusted."""
    for module in (script, *modules):
        guarded = "is_available" in module.words
        for call in module.calls():
            what = _of_trainer(call, module) or ("" if guarded else _of_torch(call, module))
            if what:
                yield GpuUse(module.path, call.lineno, what)


def _of_trainer(call: ast.Call, module: Module) -> str:
    for name, node in keywords(call):
        value = _value(node, module)
        if name == "accelerator" and value in _GPU_NAMES:
            return f'accelerator="{value}"'
        if name == "gpus" and value not in (None, 0, "0", [], "", False):
            return f"gpus={value!r}"[:60]
    return ""


def _of_torch(call: ast.Call, module: Module) -> str:
    function = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    if function == "cuda" and not call.args:
        return ".cuda()"
    if function in ("to", "device") and call.args:
        value = _value(call.args[0], module)
        if isinstance(value, str) and value.startswith("cuda"):
            return f'{function}("{value}")'[:60]
    for name, node in keywords(call):
        value = _value(node, module)
        if name == "device" and isinstance(value, str) and value.startswith("cuda"):
            return f'device="{value}"'[:60]
    return ""


def _value(node: ast.expr, module: Module) -> object:
    try:
        return module.names.value(node)
    except (NotStaticError, RecursionError):
        return None
