"""The app's one port: free, or the app does not start."""

from __future__ import annotations

import errno
import socket

from repo_runner.errors import RunnerError


class PortBusy(RunnerError):
    """The app's port is in use."""

    code = "port_busy"
    hint = "Stop the program that uses it, or set REPO_RUNNER_PORT to a free port."


def local_host(bind: str) -> str:
    """The name under which a process of this machine reaches an interface."""
    return "127.0.0.1" if bind in ("0.0.0.0", "localhost") else bind  # noqa: S104  # compared, not listened on


def require_free(bind: str, port: int) -> None:
    """Raise PortBusy unless we could listen there (the framework would silently take a random port instead)."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((bind, port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise PortBusy(f"Port {port} cannot be used: {error.strerror}.") from error
            raise PortBusy(f"Port {port} is in use by another program.") from error
        except OverflowError as error:
            raise PortBusy(f"There is no port {port}.") from error
