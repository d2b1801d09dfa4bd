"""A VM that floods its monitor costs neither memory nor the program, and gets no keys without a limit in force."""

import asyncio
import os
import threading
from pathlib import Path

import pytest
from qemu.qmp import QMPClient
from qemu.qmp.protocol import AsyncProtocol

from app.qemu.qmp_address import UnixAddress
from app.vm.monitor_timeouts import MonitorTimeouts
from app.vm.qmp import open_monitor
from tests.attacks.qmp_vm import qmp_vm
from tests.unit.app.vm.monitors import A, lost, monitor
from tests.unit.qmp_server import FakeVm, until

_LIMITED = [
    "string without end",
    "line without end",
    "greeting without end",
    "events",
    "large events",
    "replies to nothing",
    "deep",
    "empty lines",
]
# Many connections one after the other, so that what is kept of each would add up.
_EAGER = MonitorTimeouts(connect=600, reply=600, retry_delays=(0.01,))
_CONNECTIONS = 20
_MOST_GROWTH = 32 << 20


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize("manner", _LIMITED)
def test_flood_ends_the_connection_and_takes_no_memory(tmp_path: Path, manner: str) -> None:
    with qmp_vm(tmp_path / "qmp", manner) as vm:
        assert vm.stdout is not None
        before = _resident()
        connection = open_monitor(UnixAddress(str(tmp_path / "qmp")), lambda: None, _EAGER)
        try:
            until(lambda: lost(connection))
            assert connection.status.detail
            for _ in range(_CONNECTIONS):
                assert vm.stdout.readline() == b"client\n", "keys were sent"
                connection.send(A)
                connection.execute("query-status")
            grown = _resident() - before
        finally:
            connection.close()
    assert grown < _MOST_GROWTH, f"{grown >> 20} MiB for {manner}"


@pytest.mark.parametrize("name", ["_readline", "_cb_inbound", "_cb_outbound"])
def test_package_without_the_method_that_limits_sends_no_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The limit uses private methods of a package. Another version may have renamed them."""
    monkeypatch.setattr(AsyncProtocol, f"{name}_now", getattr(AsyncProtocol, name), raising=False)
    monkeypatch.delattr(AsyncProtocol, name)
    with FakeVm(tmp_path / "qmp") as vm, monitor(vm.path) as connection:
        until(lambda: lost(connection))
        connection.send(A)
        assert "cannot limit" in connection.status.detail
        assert (vm.connections, vm.heard) == (0, [])


@pytest.mark.parametrize("manner", ["events", "string without end", "deep"])
def test_monitor_that_is_closed_while_a_flood_ends_its_connection_ends_quietly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, manner: str
) -> None:
    """The package then raises the error of the connection, of any type, in place of the cancellation."""
    waiting = threading.Event()
    establish = QMPClient._establish_session

    async def establish_and_wait(client: QMPClient) -> None:
        await establish(client)
        waiting.set()
        await asyncio.sleep(600)

    monkeypatch.setattr(QMPClient, "_establish_session", establish_and_wait)
    with qmp_vm(tmp_path / "qmp", manner) as vm:
        connection = open_monitor(UnixAddress(str(tmp_path / "qmp")), lambda: None, _EAGER)
        try:
            assert waiting.wait(10), "the session was not established"
            assert vm.stdout is not None
            # The VM tells it when its client is gone.
            assert vm.stdout.readline() == b"client\n"
        finally:
            connection.close()
        until(lambda: not any(each.name == "monitor" for each in threading.enumerate()))
