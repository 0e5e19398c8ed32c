"""What the API server tells the main process when it starts: that it listens, or why it cannot."""

from __future__ import annotations

import multiprocessing
import queue
import sys
import time

from lightning.app.core.queues import MultiProcessQueue

STARTED = "SERVER_HAS_STARTED"
START_TIMEOUT_S = 60.0


class StartSignal(MultiProcessQueue):
    """Waiting for it ends: with the message, with the server's death, or with the time limit (the framework: never)."""

    def get(self, timeout: float | None = None) -> str:
        """The message, or an exit of the app with the reason. The framework waits without a timeout."""
        deadline = time.monotonic() + (timeout or START_TIMEOUT_S)
        while time.monotonic() < deadline:
            is_alive = bool(multiprocessing.active_children())
            try:
                said = str(self.queue.get(timeout=0.1))
            except queue.Empty:
                if is_alive:
                    continue
                said = "its process ended."
            if said == STARTED:
                return said
            sys.exit(f"Repo Runner cannot start: the API server does not come up: {said}")
        sys.exit(
            f"Repo Runner cannot start: the API server did not listen within {START_TIMEOUT_S:.0f} s."
        )
