"""Sessions of the UI without a browser: they speak Streamlit's own protocol, as a page that is open does."""

from __future__ import annotations

import threading
import time
from typing import Any

import httpx
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from examples.app_process import AppProcess
from repo_runner.app_file import AppAddress

#: So often a page asks what is new; so many times, until somebody loads it anew.
_EVERY_S, _UPDATES = 1.0, 5
_EARLY = ForwardMsg.FINISHED_EARLY_FOR_RERUN


def connected(app: AppProcess) -> ClientConnection:
    """Open what a browser opens for a page, with a session of its own."""
    ui = AppAddress.find(app.settings).ui_address
    cookie = httpx.get(app.link(), trust_env=False).headers["set-cookie"].partition(";")[0]
    headers = {"Cookie": cookie, "Origin": ui}
    address = f"{ui.replace('http', 'ws', 1)}/_stcore/stream"
    return connect(address, additional_headers=headers, max_size=None, open_timeout=60)


def send(page: ClientConnection, **asked: Any) -> None:
    """Ask for a page, or for a part of one."""
    page.send(BackMsg(rerun_script=ClientState(**asked)).SerializeToString())


def receive(page: ClientConnection) -> ForwardMsg:
    """Return the next message."""
    data = page.recv(timeout=120)
    assert isinstance(data, bytes)
    return ForwardMsg.FromString(data)


class PageSession(threading.Thread):
    """One person who looks at the page of a run."""

    def __init__(self, app: AppProcess, run_id: str) -> None:
        super().__init__(name=f"session-{run_id}", daemon=True)
        self._app = app
        self._state = {"query_string": f"run_id={run_id}", "page_name": "run"}
        self._run_id = run_id
        self._closing = threading.Event()
        #: How long each page, and each update of one, took until all of it had come.
        self.pages: list[float] = []
        self.updates: list[float] = []
        #: What must not be.
        self.faults: list[str] = []

    def run(self) -> None:
        """Load the page, keep it up to date, load it again, until closed."""
        try:
            with connected(self._app) as page:
                while not self._closing.is_set():
                    self._look(page)
        except (OSError, ConnectionClosed, TimeoutError) as error:
            self.faults.append(f"{type(error).__name__}: {error}")

    def close(self) -> None:
        """Leave."""
        self._closing.set()
        self.join()

    def _look(self, page: ClientConnection) -> None:
        live, seconds, told = self._ask(page)
        self.pages.append(seconds)
        if self._run_id.encode() not in told:
            self.faults.append("a page without its run")
        for _ in range(_UPDATES):
            if not live or self._closing.wait(_EVERY_S):
                return
            _, seconds, _ = self._ask(page, fragment_id=live, is_auto_rerun=True)
            self.updates.append(seconds)

    def _ask(
        self, page: ClientConnection, *, fragment_id: str = "", is_auto_rerun: bool = False
    ) -> tuple[str, float, bytes]:
        """Run the page's script, or a part of it: which part lives, how long it took, and all that came."""
        began, live, told = time.monotonic(), "", b""
        send(page, **self._state, fragment_id=fragment_id, is_auto_rerun=is_auto_rerun)
        while True:
            message = receive(page)
            told += message.SerializeToString()
            kind = message.WhichOneof("type")
            if kind == "auto_rerun":
                live = message.auto_rerun.fragment_id
            elif kind == "delta" and message.delta.new_element.HasField("exception"):
                self.faults.append(message.delta.new_element.exception.message)
            elif kind == "script_finished" and message.script_finished != _EARLY:
                return live, time.monotonic() - began, told
