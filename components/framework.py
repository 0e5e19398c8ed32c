"""The names of lightning.app that must be rebound, each with the defect that this mends.

The framework is retired, so none of them will be mended where it belongs. All of it is done before dispatch, which
looks these names up late.
"""

from __future__ import annotations

from functools import partial

from lightning.app.core import app, constants
from lightning.app.core.queues import QueuingSystem
from lightning.app.runners import multiprocess
from lightning.app.runners.backends import mp_process
from lightning.app.utilities.proxies import WorkRunner

from components.api_server import serve
from components.start_signal import StartSignal
from repo_runner.errors import RunnerError
from repo_runner.settings import Settings


class NotOnLoopback(RunnerError):
    """The framework is set up for its cloud and would listen on every network interface."""

    code = "not_on_loopback"
    hint = "Unset LIGHTNING_CLOUDSPACE_HOST and LIGHTNING_APP_STATE_URL, then start again."


def mend(settings: Settings) -> None:
    """Rebind; to be called once, before the app is built."""
    if (
        constants.LIGHTNING_CLOUDSPACE_HOST is not None
        or constants.APP_SERVER_HOST != "http://127.0.0.1"
    ):
        raise NotOnLoopback
    # The service would take anybody's diffs (CVE-2024-5452); ours is guarded, under fork and spawn alike.
    multiprocess.start_server = serve
    # The main process would wait for ever for a server that died while starting.
    QueuingSystem.get_has_server_started_queue = lambda *_, **__: StartSignal(
        "has_started", default_timeout=0
    )
    # A busy port would silently be replaced by a random one; ours is fixed and checked.
    constants.APP_SERVER_PORT = settings.port
    runtime = multiprocess.MultiProcessRuntime
    runtime._get_app_url = staticmethod(lambda: settings.address)  # noqa: SLF001  # else always port 7501
    # Threads that copy files between works, of which we have none: one here, one in each work.
    constants.ENABLE_ORCHESTRATOR = False
    mp_process.WorkRunner = partial(WorkRunner, enable_copier=False)
    # Building an app lists every process of the machine, and dispatches at once if a path holds "pydev".
    app._should_dispatch_app = lambda: False  # noqa: SLF001  # it has no switch
