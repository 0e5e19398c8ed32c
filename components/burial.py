"""Ends the processes of works that are done and frees what the framework keeps of them for ever, without waiting."""

from __future__ import annotations

import time
from multiprocessing.process import BaseProcess
from typing import Any

from lightning.app import LightningApp, LightningWork

#: A work's last message has left its process by then; killed earlier, it could die holding the lock all works share.
_REST_S = 0.5


class Burial:
    """Per work the framework keeps a live process, a thread, six queues and 14 file descriptors; here they go.

    A finished work's process waits idle for another call. It is killed rather than stopped: the framework's stop sends
    one more message and exits without waiting for it, which can leave the queue of all works locked.
    """

    def __init__(self, app: LightningApp) -> None:
        self._app = app
        self._resting: list[tuple[float, LightningWork]] = []

    def has_ended(self, work: LightningWork) -> bool:
        """Whether a work has finished or its process has died."""
        if work.has_succeeded or work.has_failed or work.has_stopped:
            return True
        process = self._process(work)
        return process is None or not process.is_alive()

    def add(self, work: LightningWork) -> None:
        """Take a work that is no longer part of the flow."""
        self._resting.append((time.monotonic(), work))

    def proceed(self) -> None:
        """Do what can be done now."""
        now = time.monotonic()
        self._resting = [
            (since, work)
            for since, work in self._resting
            if now - since < _REST_S or not self._end(work)
        ]

    def _end(self, work: LightningWork) -> bool:
        """Kill the process, and free everything in the turn after it has gone."""
        process = self._process(work)
        if process is not None:
            if process.is_alive():
                process.kill()
                return False
            process.close()
        self._app.processes.pop(work.name, None)
        self._free_queues(work.name)
        return True

    def _process(self, work: LightningWork) -> BaseProcess | None:
        manager = self._app.processes.get(work.name)
        return manager and manager._process  # noqa: SLF001  # the framework never lets go of it otherwise

    def _free_queues(self, name: str) -> None:
        app = self._app
        for queues in (
            app.request_queues,
            app.response_queues,
            app.copy_request_queues,
            app.copy_response_queues,
            app.caller_queues,
            app.flow_to_work_delta_queues,
        ):
            held: Any = queues.pop(name, None) if queues else None
            if held is not None:
                held.queue.close()
