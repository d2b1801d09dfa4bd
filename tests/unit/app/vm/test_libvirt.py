"""The monitor of a VM that libvirt runs, with a fake library."""

import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from app.input.event import Key, qmp_object
from app.vm.libvirt import open_domain
from app.vm.monitor import ConnectionState, MonitorStatus, PointingDevice, Reply
from app.vm.monitor_connection import MonitorConnection
from app.vm.monitor_lookup import LibvirtDomain
from app.vm.monitor_timeouts import MonitorTimeouts
from app.vm.power import PowerAction
from tests.unit.qmp_server import TABLET, until

A = [Key("a", True), Key("a", False)]
CALM = MonitorTimeouts(connect=600, reply=600, retry_delays=(0.01,), query_interval=0.01)


class FakeError(Exception):
    pass


class FakeLibvirt:
    """libvirt and libvirt_qemu. ``answers`` are replies of QEMU or errors of libvirt."""

    libvirtError = FakeError  # noqa: N815

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {
            "query-status": {"return": {"status": "running", "running": True}, "id": "libvirt-1"},
            "query-mice": {"return": TABLET},
            "input-send-event": {"return": {}},
        }
        self.domains = {"qemu:///system": {"win10"}}
        self.heard: list[Any] = []
        self.open_connections = 0
        self.quiet = False
        self.running = True
        self.acts: list[str] = []
        self.refuses = ""

    def registerErrorHandler(self, handler: Callable[[Any, Any], None], _context: Any) -> None:  # noqa: N802
        handler(None, "never printed")
        self.quiet = True

    def open(self, uri: str) -> Any:
        assert self.quiet
        if uri not in self.domains:
            raise FakeError(f"Failed to connect socket\nof {uri}")
        self.open_connections += 1

        def look_up(name: str) -> Any:
            if name not in self.domains[uri]:
                raise FakeError(f"Domain not found: {name}")
            return SimpleNamespace(
                isActive=lambda: int(self.running),
                shutdown=lambda: self.act("shutdown"),
                reset=lambda flags: self.act(f"reset {flags}"),
                suspend=lambda: self.act("suspend"),
                resume=lambda: self.act("resume"),
                destroy=lambda: self.act("destroy"),
            )

        def close() -> None:
            self.open_connections -= 1

        return SimpleNamespace(lookupByName=look_up, lookupByUUIDString=look_up, close=close)

    def act(self, what: str) -> int:
        if self.refuses:
            raise FakeError(self.refuses)
        self.acts.append(what)
        return 0

    def qemuMonitorCommand(self, _domain: Any, text: str, flags: int) -> str:  # noqa: N802
        assert flags == 0
        message = json.loads(text)
        answer = self.answers[message["execute"]]
        if callable(answer):
            answer = answer()
        if isinstance(answer, Exception):
            raise answer
        if message["execute"] == "input-send-event":
            self.heard += message["arguments"]["events"]
        return answer if isinstance(answer, str) else json.dumps(answer)


@pytest.fixture
def libvirt(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeLibvirt]:
    fake = FakeLibvirt()
    monkeypatch.setitem(sys.modules, "libvirt", fake)
    monkeypatch.setitem(sys.modules, "libvirt_qemu", fake)
    yield fake
    assert fake.open_connections == 0


@contextmanager
def opened(domain: LibvirtDomain, timeouts: MonitorTimeouts = CALM) -> Iterator[MonitorConnection]:
    connection = open_domain(domain, lambda: None, timeouts)
    try:
        yield connection
    finally:
        connection.close()


WIN10 = LibvirtDomain("win10", None, ("qemu:///session", "qemu:///system"))


def test_input_reaches_a_domain_through_libvirt(libvirt: FakeLibvirt) -> None:
    with opened(WIN10) as connection:
        until(lambda: connection.status == MonitorStatus(ConnectionState.READY, "", PointingDevice.ABSOLUTE, "running"))
        connection.send(A)
        until(lambda: len(libvirt.heard) == 2)
        assert libvirt.heard == [qmp_object(each) for each in A]
        libvirt.answers["query-status"] = {"return": {"status": "paused"}}
        until(lambda: connection.status.run_state == "paused")


def test_what_qemu_or_libvirt_refuse_is_quoted(libvirt: FakeLibvirt) -> None:
    replies: list[Reply] = []
    with opened(WIN10) as connection:
        until(lambda: connection.status.state is ConnectionState.READY)
        libvirt.answers["quit"] = {"id": "libvirt-9", "error": {"class": "GenericError", "desc": "not now"}}
        libvirt.answers["cont"] = FakeError("Timed out during operation: cannot acquire state change lock")
        for command in ("quit", "cont"):
            connection.execute(command, done=replies.append)
        until(lambda: len(replies) == 2)
        assert connection.status.state is ConnectionState.READY
    assert replies[0] == Reply(error="not now")
    assert replies[1] == Reply(error="Timed out during operation: cannot acquire state change lock")


def test_power_goes_by_libvirts_own_functions_and_the_state_is_asked_at_once(libvirt: FakeLibvirt) -> None:
    """By QMP alone libvirt would not know why its domain ended."""
    replies: list[Reply] = []
    with opened(WIN10, MonitorTimeouts(connect=600, reply=600, query_interval=600)) as connection:
        until(lambda: connection.status.run_state == "running")
        libvirt.answers["query-status"] = {"return": {"status": "paused"}}
        for action in PowerAction:
            connection.power(action, replies.append)
        until(lambda: replies == [Reply()] * 5 and connection.status.run_state == "paused")
        assert libvirt.acts == ["shutdown", "reset 0", "suspend", "resume", "destroy"]
        libvirt.refuses = "authentication failed:\naccess denied by policy"
        connection.power(PowerAction.PAUSE, replies.append)
        until(lambda: len(replies) == 6)
        assert replies[5] == Reply(error="authentication failed: access denied by policy")
        assert connection.status.state is ConnectionState.READY


@pytest.mark.parametrize("answer", ["", "{", "[]", '{"return"}', "[" * 100_000, '{"error": 5}', '{"return": 5}'])
def test_an_answer_that_makes_no_sense_is_a_reason(libvirt: FakeLibvirt, answer: str) -> None:
    libvirt.answers["query-status"] = answer
    with opened(WIN10) as connection:
        until(lambda: connection.status.state is ConnectionState.LOST)
        assert "is invalid" in connection.status.detail


def test_a_domain_that_ends_is_lost_until_it_runs_again(libvirt: FakeLibvirt) -> None:
    with opened(WIN10) as connection:
        until(lambda: connection.status.state is ConnectionState.READY)
        libvirt.running = False
        libvirt.answers["query-status"] = FakeError("Requested operation is not valid: domain is not running")
        until(lambda: connection.status.state is ConnectionState.LOST)
        assert "domain is not running" in connection.status.detail
        libvirt.answers["query-status"] = {"return": {"status": "running"}}
        libvirt.running = True
        until(lambda: connection.status.state is ConnectionState.READY)


def test_an_unknown_domain_is_reported_with_each_uri_that_was_tried(libvirt: FakeLibvirt) -> None:
    with opened(LibvirtDomain("other", "4dea22b3", WIN10.uris)) as connection:
        until(lambda: connection.status.state is ConnectionState.LOST)
        assert connection.status.detail == (
            "qemu:///session: Failed to connect socket of qemu:///session; qemu:///system: Domain not found: 4dea22b3"
        )


def test_nobody_waits_for_a_libvirt_that_does_not_answer(libvirt: FakeLibvirt) -> None:
    go_on = threading.Event()

    def late() -> Any:
        go_on.wait()
        return {"return": {"status": "running"}}

    libvirt.answers["query-status"] = late
    with opened(WIN10, MonitorTimeouts(connect=0.05, reply=600, query_interval=0.01)) as connection:
        until(lambda: connection.status.state is ConnectionState.LOST)
        assert "libvirt does not answer" in connection.status.detail
    # The monitor is closed while libvirt still works; libvirt's thread ends after its answer.
    [thread] = [each for each in threading.enumerate() if each.name == "libvirt"]
    go_on.set()
    thread.join(20)
    assert not thread.is_alive()


def test_a_module_that_cannot_be_loaded_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "libvirt", None)
    with opened(WIN10) as connection:
        until(lambda: connection.status.state is ConnectionState.LOST)
        assert connection.status.detail.startswith("libvirt's Python module does not work")
