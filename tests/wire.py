"""The way from the app to a cluster, which can break or fall silent."""

from __future__ import annotations

import selectors
import socket
import threading


class Wire:
    """Carries connections; nothing gets through while it is cut (what is open breaks) or muted (what is open hangs)."""

    def __init__(self, dashboard: str) -> None:
        host, _, port = dashboard.removeprefix("http://").partition(":")
        self._there = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._open: list[socket.socket] = []
        self._is_cut = self._closed = False
        self._passes = threading.Event()
        self._passes.set()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        self._is_cut = True
        self._break()

    def mute(self) -> None:
        """As where packets are lost: nobody is told that the other side is gone."""
        self._passes.clear()

    def mend(self) -> None:
        self._is_cut = False
        self._passes.set()

    def close(self) -> None:
        self._closed = True
        self._listener.close()
        self.mend()
        self._break()

    def _break(self) -> None:
        for end in self._open:
            end.close()
        self._open.clear()

    def _accept(self) -> None:
        while not self._closed:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if self._is_cut:
                near.close()
                continue
            far = socket.create_connection(self._there)
            self._open += [near, far]
            threading.Thread(target=self._carry, args=(near, far), daemon=True).start()

    def _carry(self, near: socket.socket, far: socket.socket) -> None:
        other = {near: far, far: near}
        try:
            with selectors.DefaultSelector() as selector, near, far:
                for end in other:
                    selector.register(end, selectors.EVENT_READ)
                while True:
                    for key, _ in selector.select(1.0):
                        data = key.fileobj.recv(1 << 16)  # type: ignore[union-attr]  # a socket
                        self._passes.wait()
                        if not data:
                            return
                        other[key.fileobj].sendall(data)  # type: ignore[index]  # a socket
        except (OSError, ValueError):
            return
