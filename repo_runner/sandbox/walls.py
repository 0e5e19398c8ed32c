"""What stays reachable for the script of one run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from repo_runner.environment import Environment
from repo_runner.paths import HomePaths, RunPaths
from repo_runner.settings import Settings
from repo_runner.source.remote import Remote

#: Part of the product, on the script's import path.
PROBE = Path(__file__).resolve().parents[2] / "probe"

_DEVICES = "null zero full random urandom tty ptmx pts shm".split()
_GPUS = ("nvidia*", "dri", "kfd", "infiniband")


@dataclass(frozen=True)
class Walls:
    """Everything else can be read; nothing else can be written."""

    #: The data folder: its database, token, key and other runs are nobody's business.
    hidden: Path
    #: Inside of it or of the temporary folder, what can be read all the same.
    readable: tuple[Path, ...]
    writable: tuple[Path, ...]
    #: The script's own temporary folder.
    temporary: Path

    @classmethod
    def of(
        cls,
        settings: Settings,
        run: RunPaths,
        attempt: int,
        repo_url: str,
        environment: Environment,
        temporary: Path,
    ) -> Walls:
        """For one attempt, which writes its checkout, its probe's folder, its home, and what the operator names."""
        cache = HomePaths(settings.home)
        readable = [environment.path, cache.environments, cache.bytecode, cache.pythons]
        readable += [PROBE, run.checkpoints, Remote(repo_url, settings).mirror.path]
        readable += [folder.parent for folder in run.root.glob("probe/*/stop.ckpt")]
        named = [Path(folder).expanduser() for folder in settings.sandbox_writable]
        writable = [run.checkout, run.probe(attempt), run.script_home, temporary, *named]
        places = _Places(settings.home)
        return cls(places.hidden, places.of(readable), places.of(writable), temporary)

    @property
    def devices(self) -> tuple[str, ...]:
        """What a script may need of /dev; disks are not among it."""
        return (*(f"/dev/{name}" for name in _DEVICES), *self.gpus)

    @property
    def gpus(self) -> tuple[str, ...]:
        """Devices of graphics processors and of the network between them."""
        return tuple(str(path) for pattern in _GPUS for path in sorted(Path("/dev").glob(pattern)))


@dataclass(frozen=True)
class _Places:
    """Where folders are; one that a link in the data folder leads to is also where the link says it is."""

    home: Path

    @property
    def hidden(self) -> Path:
        return self.home.resolve()

    def of(self, paths: list[Path]) -> tuple[Path, ...]:
        """What is missing is left out."""
        return tuple(
            dict.fromkeys(place for path in paths if path.exists() for place in self._both(path))
        )

    def _both(self, path: Path) -> Iterator[Path]:
        if path.is_relative_to(self.home):
            yield self.hidden / path.relative_to(self.home)
        yield path.resolve()
