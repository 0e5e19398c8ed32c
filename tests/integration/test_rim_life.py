"""The app starts with one line, ends cleanly, and refuses to start where it cannot work."""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from repo_runner.errors import AppUnreachable
from tests.fault_matrix import NOTE
from tests.integration.rim_process import RimProcess, running
from tests.waiting import wait_for

#: From the moment the part fails; it says when that is.
_MAY_TAKE_S = 5


def ended(rim: RimProcess, timeout_s: float = 20) -> int:
    assert rim.process is not None
    return rim.process.wait(timeout_s)


def refused(rim: RimProcess) -> str:
    """What an app that does not start says, without the traceback it must not show."""
    try:
        with contextlib.suppress(AppUnreachable):
            rim.start()
        assert ended(rim) != 0
    finally:
        rim.stop()
    assert "Traceback" not in rim.said
    return rim.said


def test_the_terminal_shows_one_line_with_the_address_and_ctrl_c_ends_everything(
    tmp_path: Path,
) -> None:
    with running(tmp_path / "home") as rim:
        rim.submit("long-1")
        work, _ = rim.started("long-1")
        family = rim.main.children(recursive=True)
        address = rim.address.address
        assert address == f"http://127.0.0.1:{rim.port}"
        second = RimProcess(tmp_path / "home")
        second.log = tmp_path / "second.log"
        assert f"in use by the app with pid {rim.main.pid}" in refused(second)
        assert rim.stop(signal.SIGINT, timeout_s=8) == 0
    assert psutil.wait_procs(family, timeout=2)[1] == []
    assert not psutil.pid_exists(work)
    framework, ours = rim.said.splitlines()[:2]
    assert framework == "Your Lightning App is starting. This won't take long."
    assert ours.startswith(f"Repo Runner is ready: {address}/open?code=")
    assert not rim.address_file_exists()


def test_E1_nothing_outlives_a_killed_app(tmp_path: Path) -> None:
    with running(tmp_path / "home") as rim:
        rim.submit("long-1")
        rim.started("long-1")
        family = rim.main.children(recursive=True)
        rim.stop(signal.SIGKILL)
    assert psutil.wait_procs(family, timeout=3)[1] == []


def test_E1_a_killed_ui_comes_back_and_a_killed_api_server_ends_the_app_with_the_reason(
    tmp_path: Path,
) -> None:
    with running(tmp_path / "home") as rim:
        killed = rim.child("ui.serve")
        killed.kill()
        wait_for(
            lambda: rim.child("ui.serve").pid != killed.pid, what="the UI", log=lambda: rim.app_log
        )
        rim.server().kill()
        assert ended(rim) == 1
    assert "its API server died" in rim.said


def test_E4_a_busy_port_is_refused_with_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        rim = RimProcess(tmp_path / "home")
        rim.port = other.getsockname()[1]
        rim.env["REPO_RUNNER_PORT"] = str(rim.port)
        assert f"Port {rim.port} is in use by another program." in refused(rim)
    assert rim.said.count("\n") == 2


@pytest.mark.parametrize(
    ("part", "reason"),
    [
        ("guard", "the guard cannot stand"),
        ("server", "the API server does not come up: its process ended"),
        ("ui", "the UI does not come up"),
    ],
)
def test_E7_a_part_that_cannot_start_ends_the_app_at_once_with_the_reason(
    part: str, reason: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    rim = RimProcess(tmp_path / "home", RIM_BREAKS=part)
    assert reason in refused(rim)
    took_s = time.time() - float((tmp_path / "home" / "failed-at").read_text())
    assert listeners_of(rim) == []
    record_property(NOTE, f"{part} {took_s:.1f} s")
    assert took_s < _MAY_TAKE_S


def listeners_of(rim: RimProcess) -> list[int]:
    listening = (c for c in psutil.net_connections("tcp") if c.status == psutil.CONN_LISTEN)
    return [c.laddr.port for c in listening if c.laddr.port == rim.port]


def test_E4_the_ui_of_each_of_two_apps_talks_to_its_own(tmp_path: Path) -> None:
    with running(tmp_path / "one" / "home") as one, running(tmp_path / "other" / "home") as other:
        told = [rim.child("ui.serve").environ()["REPO_RUNNER_ADDRESS"] for rim in (one, other)]
        assert told == [f"http://127.0.0.1:{rim.port}" for rim in (one, other)]
        assert one.address.ui_address != other.address.ui_address


def start_in_vain(rim: RimProcess) -> None:
    with contextlib.suppress(AppUnreachable):
        rim.start()
    rim.stop()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_E1_an_app_that_is_ended_while_it_starts_leaves_nothing(
    number: signal.Signals, tmp_path: Path
) -> None:
    rim = RimProcess(tmp_path / "home")
    starting = threading.Thread(target=start_in_vain, args=(rim,))
    starting.start()
    wait_for(lambda: rim.process is not None, what="the main process")
    wait_for(rim.main.children, timeout_s=60, what="its first child", log=lambda: rim.said)
    family = rim.main.children(recursive=True)
    rim.main.send_signal(number)
    starting.join()
    assert psutil.wait_procs(family, timeout=5)[1] == []
    assert listeners_of(rim) == []
