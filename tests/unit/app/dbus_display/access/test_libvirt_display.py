"""The display of a libvirt domain, with a fake library."""

import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from app.dbus_display.access.libvirt_display import Graphics, connect_by_libvirt, graphics_of
from app.dbus_display.access.p2p import OnBus, OtherDisplay
from app.vm.monitor_lookup import LibvirtDomain
from app.vm.peer import ConnectionLost
from tests.unit.qmp_server import until

DOMAIN = LibvirtDomain("win10", None, ("qemu:///session", "qemu:///system"))
VNC_AND_DBUS = "<graphics type='vnc'/><graphics type='dbus' p2p='yes'><gl enable='yes'/></graphics>"


class FakeError(Exception):
    pass


class FakeLibvirt:
    """``open_graphics`` gets index and flags, and returns a fd."""

    libvirtError = FakeError  # noqa: N815

    def __init__(self) -> None:
        self.graphics = VNC_AND_DBUS
        self.open_graphics: Callable[[int, int], int] = self.pair
        self.theirs: list[socket.socket] = []
        self.asked: list[tuple[int, int]] = []
        self.open_connections = 0

    def pair(self, index: int, flags: int) -> int:
        self.asked.append((index, flags))
        ours, theirs = socket.socketpair()
        self.theirs.append(theirs)
        os.set_inheritable(ours.fileno(), True)
        return ours.detach()

    def registerErrorHandler(self, _handler: object, _context: object) -> None:  # noqa: N802
        pass

    def open(self, uri: str) -> Any:
        if uri == "qemu:///session":
            raise FakeError("no such daemon")
        self.open_connections += 1

        def close() -> None:
            self.open_connections -= 1

        domain = SimpleNamespace(
            XMLDesc=lambda _flags: f"<domain><devices>{self.graphics}</devices></domain>",
            openGraphicsFD=self.open_graphics,
        )
        return SimpleNamespace(lookupByName=lambda _name: domain, close=close)


@pytest.fixture
def libvirt(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeLibvirt]:
    fake = FakeLibvirt()
    monkeypatch.setitem(sys.modules, "libvirt", fake)
    yield fake
    for each in fake.theirs:
        each.close()
    until(lambda: fake.open_connections == 0)


def test_the_socket_is_that_of_the_d_bus_display_among_several(libvirt: FakeLibvirt) -> None:
    found = connect_by_libvirt(DOMAIN)
    assert isinstance(found, socket.socket)
    with found:
        libvirt.theirs[0].sendall(b"hello")
        assert found.recv(5) == b"hello"
        assert not os.get_inheritable(found.fileno())
    assert libvirt.asked == [(1, 0)]


def test_a_domain_on_a_bus_names_it(libvirt: FakeLibvirt) -> None:
    libvirt.graphics = "<graphics type='dbus' address='unix:path=/run/bus'/>"
    assert connect_by_libvirt(DOMAIN) == OnBus("unix:path=/run/bus")
    assert not libvirt.asked


@pytest.mark.parametrize("graphics", ["", "<graphics type='spice'/>", "</", "<graphics/>"])
def test_a_domain_without_the_display_is_told_apart_from_one_that_refuses(libvirt: FakeLibvirt, graphics: str) -> None:
    libvirt.graphics = graphics
    with pytest.raises(OtherDisplay):
        connect_by_libvirt(DOMAIN)


def test_what_libvirt_refuses_is_quoted_in_one_line(libvirt: FakeLibvirt) -> None:
    def refuse(_index: int, _flags: int) -> int:
        raise FakeError("authentication failed:\naccess denied by policy")

    libvirt.open_graphics = refuse
    with pytest.raises(ConnectionLost, match=r"authentication failed:\W+access denied by policy"):
        connect_by_libvirt(DOMAIN)


def test_a_call_that_hangs_is_left_behind_and_its_socket_is_closed(libvirt: FakeLibvirt) -> None:
    """polkit may ask for a password."""
    go_on = threading.Event()

    def wait(index: int, flags: int) -> int:
        go_on.wait(20)
        return libvirt.pair(index, flags)

    libvirt.open_graphics = wait
    try:
        with pytest.raises(ConnectionLost, match="does not answer"):
            connect_by_libvirt(DOMAIN, limit_s=0.2)
    finally:
        go_on.set()
    until(lambda: libvirt.theirs)
    libvirt.theirs[0].settimeout(20)
    assert libvirt.theirs[0].recv(1) == b"", "the other end is closed"


def test_libvirts_module_may_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "libvirt", None)
    with pytest.raises(ConnectionLost, match="libvirt's Python module"):
        connect_by_libvirt(DOMAIN)


def test_the_place_among_all_graphics_counts() -> None:
    assert graphics_of(f"<domain><devices>{VNC_AND_DBUS}</devices></domain>") == Graphics(1, True, None)
    assert graphics_of("<domain/>") is None
