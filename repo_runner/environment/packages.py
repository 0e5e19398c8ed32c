"""The installer's own cache of unpacked packages, which environments share by hard link."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from packaging.utils import canonicalize_name

from repo_runner.environment.failures import BuildTimeout
from repo_runner.environment.installer import BuildWatch, Installer
from repo_runner.paths import HomePaths
from repo_runner.settings import Settings

#: The installer waits while another of its kind works; that much patience has a clean-up.
_PATIENCE_S = 20.0
_FROZEN_NAME = re.compile(r"^(?:-e )?([A-Za-z0-9][\w.-]*)")


class PackageCache:
    """Touched only where it lies in the data folder: a cache of the operator's is the operator's."""

    def __init__(self, settings: Settings) -> None:
        self._installer = Installer(replace(settings, build_timeout_s=_PATIENCE_S))
        self._home = settings.home
        self.path = Path(self._installer.env["UV_CACHE_DIR"])

    @property
    def is_ours(self) -> bool:
        """Whether nobody but this app's environments is made from it."""
        return self.path == HomePaths(self._home).packages

    def forget_unused(self, freezes: Iterable[Iterable[str]]) -> None:
        """Remove the packages that are in none of these environments; a busy cache stays as it is.

        What is being installed meanwhile may go too: its environment has its own links already.
        """
        used = {_name(line) for freeze in freezes for line in freeze}
        unused = sorted(self._names() - used) if self.is_ours else []
        if unused:
            watch = BuildWatch(lambda _: None, lambda *_: None, threading.Event())
            try:
                self._installer.run(["cache", "clean", *unused], watch, cwd=self._home)
            except BuildTimeout:
                return

    def _names(self) -> set[str]:
        """By the packages' own metadata, which says their names wherever the installer puts them."""
        infos = self.path.glob("archive-v*/*/*.dist-info")
        return {canonicalize_name(info.stem.partition("-")[0]) for info in infos}


def _name(frozen: str) -> str:
    match = _FROZEN_NAME.match(frozen)
    return canonicalize_name(match[1]) if match else ""
