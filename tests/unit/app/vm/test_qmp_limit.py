"""A VM that sends too much is disconnected, with each version of qemu.qmp that is supported."""

import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from qemu.qmp import Message, QMPClient
from qemu.qmp.protocol import AsyncProtocol

from app.vm import qmp
from app.vm.monitor_timeouts import MonitorTimeouts
from tests.unit.app.vm.monitors import lost, monitor
from tests.unit.command import REPOSITORY
from tests.unit.qmp_server import GREETING, Client, FakeVm, until


def test_a_vm_that_sends_too_many_messages_is_disconnected(tmp_path: Path) -> None:
    def floods(_vm: FakeVm, client: Client) -> None:
        client.say(GREETING)
        client.hear()
        while True:
            client.say_bytes(b'{"return": {}}\r\n' * 500)

    with FakeVm(tmp_path / "qmp", floods) as vm, monitor(vm.path, MonitorTimeouts(retry_delays=(600,))) as connection:
        until(lambda: lost(connection))
        assert connection.status.detail == "the VM's monitor sends too much data"


def test_many_short_messages_are_too_many(tmp_path: Path) -> None:
    """Fewer bytes than a VM may send in a second: each message costs time however short it is."""

    messages = b'{"event": "STOP"}\r\n' * 4000

    def chatters(vm: FakeVm, client: Client) -> None:
        client.say(GREETING)
        vm.answer(client, client.hear())
        client.say_bytes(messages)
        client.hear()

    assert len(messages) < qmp._BYTES_PER_S
    with FakeVm(tmp_path / "qmp", chatters) as vm, monitor(vm.path, MonitorTimeouts(retry_delays=(600,))) as connection:
        until(lambda: lost(connection))
        assert connection.status.detail == "the VM's monitor sends too much data"


def test_a_vm_that_sends_too_many_bytes_is_disconnected(tmp_path: Path) -> None:
    """The window cannot run while a message is parsed."""

    def bloats(vm: FakeVm, client: Client) -> None:
        client.say(GREETING)
        vm.answer(client, client.hear())
        for _ in range(20):
            client.say({"event": "STOP", "data": {"x": [[]] * 15_000}})
        vm.answer(client, client.hear())

    with (
        FakeVm(tmp_path / "qmp", bloats) as vm,
        monitor(vm.path, MonitorTimeouts(connect=600, reply=600, retry_delays=(600,))) as connection,
    ):
        until(lambda: lost(connection))
        assert connection.status.detail == "the VM's monitor sends too much data"


def test_the_installed_package_is_a_supported_version() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    assert f"qemu.qmp {qmp.SUPPORTED}" in project["dependencies"]
    lowest, above = (each.split(" ")[1] for each in qmp.SUPPORTED.split(", "))
    installed = tuple(map(int, version("qemu.qmp").split(".")))
    assert tuple(map(int, lowest.split("."))) <= installed < tuple(map(int, above.split(".")))


@pytest.mark.parametrize("name", ["_readline", "_cb_inbound", "_cb_outbound"])
def test_without_a_limit_there_is_no_connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A later version of the package may have other private methods."""
    monkeypatch.delattr(AsyncProtocol, name)
    with FakeVm(tmp_path / "qmp") as vm, monitor(vm.path) as connection:
        until(lambda: lost(connection))
        assert "cannot limit what a VM sends: install qemu.qmp >=" in connection.status.detail
        assert (vm.connections, vm.heard) == (0, [])


@pytest.mark.parametrize("name", ["_readline", "_cb_inbound", "_cb_outbound"])
def test_without_the_calls_to_the_overridden_methods_the_connection_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    async def receive(self: QMPClient) -> Message:
        assert self._reader is not None
        return Message(await self._reader.readline())

    async def receive_uncounted(self: QMPClient) -> Message:
        return await self._do_recv()

    async def send_uncounted(self: QMPClient, message: Message) -> None:
        self._do_send(message)

    match name:
        case "_readline":
            monkeypatch.setattr(QMPClient, "_do_recv", receive)
        case "_cb_inbound":
            monkeypatch.setattr(QMPClient, "_recv", receive_uncounted)
        case _:
            monkeypatch.setattr(QMPClient, "_send", send_uncounted)
    with FakeVm(tmp_path / "qmp") as vm, monitor(vm.path, MonitorTimeouts(retry_delays=(600,))) as connection:
        until(lambda: lost(connection))
        assert "cannot limit what a VM sends" in connection.status.detail
        assert {each["execute"] for each in vm.heard} <= {"qmp_capabilities"}
