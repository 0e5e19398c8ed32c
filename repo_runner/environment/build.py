"""Builds one environment into a folder: the venv, its packages, their bytecode."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement as NotPep508
from packaging.requirements import Requirement

from repo_runner.dependency_files import parent
from repo_runner.environment.bytecode import BytecodeStore
from repo_runner.environment.cache import PYTHON, CacheEntry
from repo_runner.environment.installer import BuildWatch, Installer
from repo_runner.environment.interpreters import Interpreter
from repo_runner.environment.plan import DependencyPlan
from repo_runner.errors import InvalidRequirement
from repo_runner.requirements import SAFETY_CONSTRAINTS, malicious_pin

#: What was said during the build, kept in its folder for the runs that use it later.
BUILD_LOG = "build.log"


@dataclass(frozen=True)
class EnvironmentBuild:
    """The repository is only read: what has to be built inside its tree is built inside a copy."""

    plan: DependencyPlan
    interpreter: Interpreter
    checkout: Path
    installer: Installer
    bytecode: BytecodeStore
    watch: BuildWatch

    def run(self, folder: Path) -> CacheEntry:
        """Build into an empty folder."""
        started = time.monotonic()
        for note in self.plan.notes:
            self.watch.log(note)
        tree = self._tree(folder)
        self._create(folder)
        if self.plan.lock is not None:
            self._sync(folder, tree / self.plan.lock)
        self._install(folder, tree)
        freeze = self._freeze(folder)
        self.bytecode.compile(folder / "venv", self.interpreter.cache_tag, self.watch)
        _write(folder / BUILD_LOG, self.watch.lines)
        return CacheEntry(
            build=folder.name,
            python_version=self.interpreter.version,
            freeze=freeze,
            notes=self.plan.notes,
            seconds=round(time.monotonic() - started, 3),
        )

    def _tree(self, folder: Path) -> Path:
        """The checkout, or a copy where building writes into it; its .git may hold the version."""
        if not self.plan.needs_tree:
            return self.checkout
        self.watch.on_progress(
            "copying", 0.01, "Copying the repository, which is installed as a package"
        )
        return Path(shutil.copytree(self.checkout, folder / "source", symlinks=True))

    def _create(self, folder: Path) -> None:
        self.watch.on_progress("resolving", 0.02, f"Python {self.interpreter.version}")
        self._uv(
            folder, "venv", "--no-project", "--python", self.interpreter.path, str(folder / "venv")
        )

    def _sync(self, folder: Path, project: Path) -> None:
        """Exactly what the lock file says; nothing is resolved and the lock file stays as it is."""
        args = [
            "sync",
            "--frozen",
            "--all-packages",
            "--project",
            str(project),
            "--python",
            str(folder / PYTHON),
        ]
        self._uv(project, *args, UV_PROJECT_ENVIRONMENT=str(folder / "venv"))

    def _install(self, folder: Path, tree: Path) -> None:
        """One resolution over all else. Requirements travel in files: no text becomes an option."""
        sources = self._sources(folder, tree)
        if not sources:
            return
        constraints = self._constraints(folder)
        args = ["pip", "install", "--python", str(folder / PYTHON), *self.installer.torch_backend]
        self.watch.on_progress("resolving", 0.05, "Resolving the requirements")
        self._uv(self._working_folder(folder, tree), *args, *constraints, *sources)

    def _working_folder(self, folder: Path, tree: Path) -> Path:
        """Beside the dependency file: its relative paths start there, and so do the repository's settings for uv."""
        return tree / parent(self.plan.files[0]) if self.plan.files else folder

    def _sources(self, folder: Path, tree: Path) -> list[str]:
        sources = []
        if self.plan.lines:
            sources += ["-r", _write(folder / "requirements.in", self.plan.lines)]
        for path in self.plan.requirement_files:
            sources += ["-r", str(tree / path)]
        for path in self.plan.packages:
            sources += ["-e", (tree / path).absolute().as_uri()]
        return sources

    def _constraints(self, folder: Path) -> list[str]:
        """An option replaces uv's variable of that name, so the operator's are repeated."""
        operators = self.installer.env.get("UV_CONSTRAINT", "").split()
        files = [_write(folder / "constraints.txt", SAFETY_CONSTRAINTS), *operators]
        return [word for file in files for word in ("-c", file)]

    def _freeze(self, folder: Path) -> tuple[str, ...]:
        output = self._uv(folder, "pip", "freeze", "--python", str(folder / PYTHON))
        lines = tuple(line for line in output.splitlines() if not line.startswith("Using Python"))
        for line in lines:
            _refuse_malicious(line)
        return lines

    def _uv(self, cwd: Path, *args: str, **env: str) -> str:
        return self.installer.run(args, self.watch, cwd=cwd, **env)


def _refuse_malicious(frozen: str) -> None:
    """The last line of defence, however a package came in: lock file, address, override."""
    try:
        bad = malicious_pin(Requirement(frozen))
    except NotPep508:
        return
    if bad:
        raise InvalidRequirement(
            f"The requirements resolve to {bad}, a release known to be malicious."
        )


def _write(path: Path, lines: Sequence[str]) -> str:
    path.write_text("".join(f"{line}\n" for line in lines))
    return str(path)
