"""One question about a VM's state, which disturbs neither the VM nor its manager."""

import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from app.qemu.qmp_address import UnixAddress
from app.vm.input_route import LibvirtInput, NoInput, QmpInput, TrackedRoute
from app.vm.monitor_lookup import LibvirtDomain
from app.vm.run_state import RunStateAnswer, ask_run_state
from tests.unit.qmp_server import Client, FakeVm, until


def _route(path: Path) -> TrackedRoute:
    return TrackedRoute(QmpInput(UnixAddress(str(path))))


def test_a_free_socket_is_held_for_one_question(tmp_path: Path) -> None:
    with FakeVm(tmp_path / "qmp") as vm:
        vm.answers["query-status"] = {"status": "paused", "running": False}
        assert ask_run_state(_route(vm.path), 20) == RunStateAnswer("paused", "query-status: paused")
        # The last command is noted after its answer.
        until(lambda: len(vm.heard) == 2)
        assert [each["execute"] for each in vm.heard] == ["qmp_capabilities", "query-status"]
        # Another client is served now.
        assert ask_run_state(_route(vm.path), 20).word == "paused"


def test_a_monitor_that_is_open_is_asked_and_no_second_one(tmp_path: Path) -> None:
    with FakeVm(tmp_path / "qmp") as vm:
        route = _route(vm.path)
        monitor = route.open(lambda: None)
        try:
            until(lambda: ask_run_state(route).word == "running")
            assert vm.connections == 1
        finally:
            monitor.close()
        del monitor
        assert route.opened is None
        assert ask_run_state(route, 20).word == "running"
        assert vm.connections == 2


def test_a_busy_socket_is_given_up_in_time(tmp_path: Path) -> None:
    def silent(_vm: FakeVm, client: Client) -> None:
        client.hear()

    with FakeVm(tmp_path / "qmp", silent) as vm:
        began = time.monotonic()
        answer = ask_run_state(_route(vm.path), 0.05)
        assert answer.word is None
        assert "another client" in answer.evidence
        assert time.monotonic() - began < 20


def test_an_invalid_answer_is_none(tmp_path: Path) -> None:
    with FakeVm(tmp_path / "qmp") as vm:
        for answer, evidence in (([], "invalid"), ("no\nway", "no way")):
            vm.answers["query-status"] = answer
            found = ask_run_state(_route(vm.path), 20)
            assert found.word is None and evidence in found.evidence


@pytest.mark.parametrize("folder", ["qemu-server", "libvirt", "lxd", "incus"])
def test_the_socket_of_a_manager_is_left_alone(tmp_path: Path, folder: str) -> None:
    (tmp_path / folder).mkdir()
    with FakeVm(tmp_path / folder / "q") as vm:
        answer = ask_run_state(_route(vm.path), 20)
        assert answer.word is None and "manager" in answer.evidence
        assert vm.connections == 0


def test_without_a_monitor_the_reason_is_told(tmp_path: Path) -> None:
    assert ask_run_state(NoInput("stdio")) == RunStateAnswer(None, "stdio")
    assert "no QMP socket" in ask_run_state(_route(tmp_path / "none")).evidence


class _Libvirt:
    libvirtError = ValueError  # noqa: N815

    def __init__(self, state: int) -> None:
        self.open_connections, self._state = 0, state

    def registerErrorHandler(self, _handler: Any, _context: Any) -> None:  # noqa: N802
        pass

    def open(self, _uri: str) -> Any:
        self.open_connections += 1
        domain = SimpleNamespace(state=lambda: [self._state, 1])
        return SimpleNamespace(lookupByName=lambda _name: domain, close=self._close)

    def _close(self) -> None:
        self.open_connections -= 1


@pytest.mark.parametrize(("state", "word"), [(1, "running"), (3, "paused"), (7, "suspended"), (99, None)])
def test_libvirt_is_asked_without_a_command_to_qemu(
    monkeypatch: pytest.MonkeyPatch, state: int, word: str | None
) -> None:
    """It marks a domain as tainted when it passes on a command."""
    library = _Libvirt(state)
    monkeypatch.setitem(sys.modules, "libvirt", library)
    monkeypatch.setitem(sys.modules, "libvirt_qemu", None)
    answer = ask_run_state(LibvirtInput(LibvirtDomain("win10", None, ("qemu:///system",)), 1), 20)
    assert answer == RunStateAnswer(word, f"libvirt: {word or 'unknown state'}")
    assert library.open_connections == 0
