"""The content key of an environment: the same key means the same environment.

Everything here is read from files; no process is started, because a warm run waits for this.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
from collections.abc import Mapping
from pathlib import Path

from repo_runner.environment.installer import Installer, installer_version
from repo_runner.environment.interpreters import Interpreter
from repo_runner.environment.plan import DependencyPlan
from repo_runner.requirements import SAFETY_CONSTRAINTS

#: Changed when this app builds environments differently.
_RECIPE = 1
#: Settings of uv that change how it works, not what it installs.
_IRRELEVANT = re.compile(
    r"UV_(CACHE_DIR|LINK_MODE|CONCURRENT_.*|HTTP_.*|.*_TIMEOUT|NO_PROGRESS|NATIVE_TLS|SYSTEM_CERTS|NO_CACHE|"
    r"PYTHON_.*|.*_(PASSWORD|USERNAME)|LOG_.*|SHOW_.*|PREVIEW.*)"
)
_FILE_SETTINGS = (
    "UV_CONSTRAINT",
    "UV_OVERRIDE",
    "UV_BUILD_CONSTRAINT",
    "UV_CONFIG_FILE",
    "UV_EXCLUDE",
)


def environment_key(
    plan: DependencyPlan, interpreter: Interpreter, installer: Installer, checkout: Path
) -> str:
    """32 hex digits over all that decides what is in the environment."""
    facts = {
        "recipe": _RECIPE,
        "python": [interpreter.path, interpreter.version, interpreter.implementation],
        "platform": [platform.system(), platform.machine(), *platform.libc_ver()],
        "installer": installer_version(),
        "settings": _settings(installer.env),
        "torch_backend": [
            *installer.torch_backend,
            _accelerator() if installer.torch_backend else "",
        ],
        "constraints": SAFETY_CONSTRAINTS,
        "plan": [plan.lock, plan.requirement_files, plan.packages, plan.lines],
        "files": {path: _digest(checkout / path) for path in plan.files},
        "tree": tree_id(checkout) if plan.needs_tree else "",
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:32]


def tree_id(checkout: Path) -> str:
    """The commit of a checkout with a detached HEAD, else a digest over its files."""
    head = checkout / ".git" / "HEAD"
    if head.is_file() and re.fullmatch(r"[0-9a-f]{40,64}", sha := head.read_text().strip()):
        return sha
    digest = hashlib.sha256()
    for path in sorted(_files(checkout)):
        digest.update(f"{path.relative_to(checkout)}\0{_digest(path)}\0".encode())
    return digest.hexdigest()


def _settings(env: Mapping[str, str]) -> dict[str, str]:
    """The settings of uv, with what is in the files and folders they name."""
    relevant = {
        n: v for n, v in env.items() if n.startswith("UV_") and not _IRRELEVANT.fullmatch(n)
    }
    for name in _FILE_SETTINGS:
        relevant |= {f"{name} {path}": _digest(Path(path)) for path in env.get(name, "").split()}
    for path in re.split(r"[,\s]+", env.get("UV_FIND_LINKS", "")):
        if path and Path(path).is_dir():
            relevant[f"wheels {path}"] = " ".join(sorted(p.name for p in Path(path).iterdir()))
    user_settings = Path(env.get("HOME", "/nonexistent"), ".config", "uv", "uv.toml")
    return {**relevant, "uv.toml": _digest(user_settings)}


def _accelerator() -> str:
    """The GPU driver, which decides the build of torch that uv takes for this machine."""
    return _digest(Path("/proc/driver/nvidia/version"))


def _files(checkout: Path) -> list[Path]:
    found = []
    for top, folders, names in os.walk(checkout):
        folders[:] = [name for name in folders if name != ".git"]
        found += [Path(top, name) for name in names]
    return found


def _digest(path: Path) -> str:
    """A file's content; a link's target; nothing for what is not there."""
    if path.is_symlink():
        return f"link {path.readlink()}"
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
