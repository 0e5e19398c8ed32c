"""The running app's claim on its data folder, and where the command line finds it."""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import dataclass
from pathlib import Path

from repo_runner.errors import AppUnreachable, DataFolderBusy
from repo_runner.paths import HomePaths
from repo_runner.process import ProcessIdentity
from repo_runner.settings import Settings


@dataclass(frozen=True)
class AppAddress:
    """Where a running app answers, and the token that state-changing calls must carry."""

    address: str
    ui_address: str
    token: str
    #: Where a browser finds it; the same, unless a proxy stands in front.
    public_address: str = ""

    @classmethod
    def find(cls, settings: Settings) -> AppAddress:
        """The app that uses this data folder; raises AppUnreachable when there is none."""
        if settings.address:
            return cls(settings.address, "", settings.token)
        found, _ = cls._read(settings)
        return found

    @classmethod
    def owner(cls, settings: Settings) -> ProcessIdentity:
        """The main process of the app that uses this data folder; raises AppUnreachable when there is none."""
        return cls._read(settings)[1]

    @classmethod
    def _read(cls, settings: Settings) -> tuple[AppAddress, ProcessIdentity]:
        try:
            content = json.loads(HomePaths(settings.home).app.read_text())
            owner = ProcessIdentity(**content.pop("owner"))
            found = cls(**content)
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise AppUnreachable("No app is running on this data folder.") from error
        if not owner.is_alive:
            raise AppUnreachable("The app on this data folder has ended.")
        return found, owner


class AppFile:
    """Held by the one app that uses a data folder; the kernel frees the claim when the app dies."""

    def __init__(self, paths: HomePaths, lock: int) -> None:
        self._paths = paths
        self._lock = lock

    @classmethod
    def claim(cls, settings: Settings) -> AppFile:
        """Take the data folder, or raise DataFolderBusy naming the holder."""
        paths = HomePaths(settings.home)
        paths.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(paths.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(lock, 100).decode(errors="replace").strip()
            os.close(lock)
            raise DataFolderBusy(
                f"The data folder {paths.root} is in use by the app with pid {holder}."
            ) from error
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        paths.app.unlink(missing_ok=True)
        return cls(paths, lock)

    def publish(self, settings: Settings, ui_address: str) -> None:
        """Say where the app answers, readable by its owner only."""
        owner = ProcessIdentity.of(os.getpid())
        assert owner is not None
        content = {
            "address": settings.address,
            "ui_address": ui_address,
            "token": settings.token,
            "public_address": settings.public_address,
            "owner": vars(owner),
        }
        write_private(self._paths.app, json.dumps(content))

    def release(self) -> None:
        """Give the data folder back."""
        self._paths.app.unlink(missing_ok=True)
        os.close(self._lock)


def write_private(path: Path, text: str) -> None:
    """Write a file with mode 0600 aside and move it into place, durable, never half."""
    partial = path.with_name(path.name + ".partial")
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise
