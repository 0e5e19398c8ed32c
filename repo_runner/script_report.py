"""What a preflight says of the script: what it trains with, what arguments it takes, whether it wants a GPU."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence

from repo_runner.cli_classes import lightning_cli_arguments
from repo_runner.inspection import Inspection
from repo_runner.machine import Machine
from repo_runner.models import RunSpec, ScriptArgument, ScriptKind
from repo_runner.repository_files import RepositoryFiles
from repo_runner.script_arguments import Arguments, argparse_arguments
from repo_runner.script_kind import command_line_of, gpu_uses, kind_of_script
from repo_runner.script_name import module_at
from repo_runner.script_source import Module, connect, parse_module
from repo_runner.subcommands import divide, of_script, of_subcommand

_KINDS: dict[ScriptKind, str] = {
    "lightning_cli": "The script is a LightningCLI: curves and checkpoints are followed.",
    "lightning": "The script uses PyTorch Lightning: curves and checkpoints are followed.",
    "fabric": "The script uses Lightning Fabric; its own output is shown, and no curves.",
    "plain": "The script does not use PyTorch Lightning: it runs, without curves and checkpoints.",
}
_GPU_WORD = re.compile(r"(--[\w.-]*(?:accelerator|device)=)?(gpu|cuda(:\d+)?)\Z")


def report_script(
    files: RepositoryFiles,
    script: Module | None,
    spec: RunSpec,
    machine: Machine,
    found: Inspection,
) -> None:
    """Everything its source tells; a source that cannot be read is said, and runs all the same."""
    if script is None:
        found.warn(
            "script_unread",
            "The script could not be read as Python, so its arguments are not known.",
            "Look at it; it will probably fail at once.",
        )
        return
    modules = _modules(files, script)
    found.script_kind = kind_of_script(script, modules)
    level = found.ok if found.script_kind.startswith("lightning") else found.warn
    level(found.script_kind, _KINDS[found.script_kind])
    _report_package(script, spec, found)
    arguments = _arguments(script, modules, found)
    _report_arguments(script, arguments, spec.script_args, found)
    if not machine.has_gpu:
        _report_gpu(script, modules, spec.script_args, found)


def _report_package(script: Module, spec: RunSpec, found: Inspection) -> None:
    """`from . import model` needs a package around it, which a path does not give."""
    module = module_at(spec.script_path)
    if script.has_relative_imports and "." in module and not spec.script_module:
        found.warn(
            "part_of_package",
            "The script imports from its own package, which works only when it is run as a module.",
            f"Name it as -m {module}.",
            "script_path",
        )


def _modules(files: RepositoryFiles, script: Module) -> list[Module]:
    parsed = {}
    for item in script.imports:
        for path in (*item.inner, *item.paths):
            content = files.content(path)
            if content is not None and path not in parsed and path != script.path:
                parsed[path] = parse_module(path, content, files.known, script.path)
    modules = {path: module for path, module in parsed.items() if module is not None}
    connect(script, modules)
    return list(modules.values())


def _arguments(script: Module, modules: list[Module], found: Inspection) -> Arguments:
    arguments = argparse_arguments(script, modules)
    if found.script_kind == "lightning_cli" and not lightning_cli_arguments(
        script, modules, arguments
    ):
        arguments.note_gap("the place where LightningCLI is made was not found")
    found.arguments = tuple(arguments.found)
    found.subcommands = tuple(arguments.subcommands)
    return arguments


def _report_arguments(
    script: Module, arguments: Arguments, words: Sequence[str], found: Inspection
) -> None:
    library = command_line_of(script)
    if library:
        arguments.note_gap(f"{library} makes its command line, which is not read here")
    parts = divide(words, arguments.found, arguments.subcommands)
    own = of_subcommand(arguments.found, parts.subcommand)
    gaps = f" There may be more: {'; '.join(arguments.gaps)}." if arguments.gaps else ""
    if arguments.found:
        taken = [*of_script(arguments.found), *own] if parts.subcommand else arguments.found
        whose = f" with {parts.subcommand}" if parts.subcommand else ""
        found.ok("arguments", f"The script takes {_counted(taken)}{whose}.{gaps}")
    elif gaps:
        found.warn("arguments_unread", f"The script's arguments are not known.{gaps}")
    else:
        found.ok("no_arguments", "The script's source defines no arguments.")
    if arguments.subcommands and not parts.subcommand:
        found.warn(
            "subcommand_missing",
            f"The script expects one of these words first: {', '.join(arguments.subcommands[:20])}.",
            f"Begin the arguments with {arguments.subcommands[0]}.",
            "script_args",
        )
    elif arguments.found and not arguments.gaps:
        _check_words(of_script(arguments.found), parts.before, found)
        _check_words(own, parts.after, found)


def _counted(arguments: Sequence[ScriptArgument]) -> str:
    needed = [a.flags[0] if a.flags else a.name for a in arguments if a.required]
    count = f"{len(arguments)} argument{'s' * (len(arguments) != 1)}"
    return f"{count}; required: {', '.join(needed)}" if needed else count


def _check_words(
    arguments: Sequence[ScriptArgument], words: Sequence[str], found: Inspection
) -> None:
    """Only warnings: whether they are right, the script alone decides."""
    flags = [flag for a in arguments for flag in (*a.flags, a.off_flag) if flag]
    given = [word.partition("=")[0] for word in words if word.startswith("--") and word != "--"]
    for word in given:
        if not any(flag.startswith(word) for flag in flags):
            near = difflib.get_close_matches(word, flags, n=2)
            hint = f"Did you mean {' or '.join(near)}?" if near else "Check its spelling."
            found.warn("argument_unknown", f"The script has no {word}.", hint, "script_args")
    short = [word[:2] for word in words if word.startswith("-") and not word.startswith("--")]
    for argument in arguments:
        if argument.required and argument.flags and not _is_given(argument, [*given, *short]):
            message = f"The script requires {argument.flags[0]}."
            found.warn("argument_missing", message, argument.help, "script_args")


def _is_given(argument: ScriptArgument, words: Sequence[str]) -> bool:
    return any(
        flag.startswith(word) if word.startswith("--") else flag == word
        for flag in argument.flags
        for word in words
    )


def _report_gpu(
    script: Module, modules: list[Module], words: Sequence[str], found: Inspection
) -> None:
    reasons = [*_in_words(words), *_in_defaults(found.arguments, words)]
    reasons = list(dict.fromkeys([*reasons, *map(str, gpu_uses(script, modules))]))
    if reasons:
        found.warn(
            "no_gpu",
            f"A GPU is asked for and this machine has none: {', '.join(reasons[:3])}.",
            "The run will probably fail. Ask for the CPU if the script lets you.",
        )
    elif found.script_kind != "plain":
        found.ok("cpu_only", "No GPU on this machine: training runs on the CPU.")


def _in_words(words: Sequence[str]) -> Iterator[str]:
    for before, word in zip(("", *words), words, strict=False):
        match = _GPU_WORD.match(word)
        if match and (match[1] or re.match(r"--[\w.-]*(accelerator|device)\Z", before)):
            yield f"the argument {word if match[1] else f'{before} {word}'}"


def _in_defaults(arguments: Sequence[ScriptArgument], words: Sequence[str]) -> Iterator[str]:
    given = [word.partition("=")[0] for word in words]
    for argument in arguments:
        is_place = argument.name.rpartition(".")[2] in ("accelerator", "device")
        asks = isinstance(argument.default, str) and _GPU_WORD.match(argument.default)
        if is_place and asks and not _is_given(argument, given):
            yield f"the default of {argument.name} is {argument.default}"
