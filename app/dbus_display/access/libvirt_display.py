"""Connects to the D-Bus display of a libvirt domain: libvirt has the domain's QMP socket, and does what we would do.

virDomainOpenGraphicsFD (libvirt 1.2.8; for D-Bus displays 8.4) gives QEMU one end of a pair of sockets, and returns the
other one. The domain is not marked as tainted by that. Its functions wait, so they run on a thread of their own.
"""

import asyncio
import os
import socket
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from app.dbus_display.access.p2p import OnBus, OtherDisplay
from app.vm.libvirt import NO_ANSWER, Worker, close_connections, import_libvirt, look_up
from app.vm.monitor_lookup import LibvirtDomain
from app.vm.peer import ConnectionLost
from app.vm.replies import one_line

LIMIT_S = 8.0
"""The time for all calls in seconds. libvirt may start the user's daemon for them."""

_DISCONNECT_TIMEOUT_S = 0.3


@dataclass(frozen=True, slots=True)
class Graphics:
    """The ``<graphics type='dbus'>`` of a domain. ``index`` is its place among all graphics elements."""

    index: int
    p2p: bool
    address: str | None


def connect_by_libvirt(domain: LibvirtDomain, limit_s: float = LIMIT_S) -> socket.socket | OnBus:
    """Our end of a new pair of sockets, or the bus that the domain is on. Waits ``limit_s`` seconds at most.

    Raises OtherDisplay, and ConnectionLost with the reason.
    """
    return asyncio.run(_with_limit(domain, limit_s))


def graphics_of(xml: str) -> Graphics | None:
    """The D-Bus display in the description of a domain; None if it has none. Raises OtherDisplay if it has others."""
    try:
        found = ElementTree.fromstring(xml).findall("./devices/graphics")
    except ElementTree.ParseError:
        return None
    for index, each in enumerate(found):
        if each.get("type") == "dbus":
            return Graphics(index, each.get("p2p") == "yes", each.get("address"))
    if found:
        raise OtherDisplay(one_line(", ".join(each.get("type", "?") for each in found), 40))
    return None


async def _with_limit(domain: LibvirtDomain, limit_s: float) -> socket.socket | OnBus:
    library = import_libvirt()
    worker = Worker()
    connections: list[Any] = []
    fds: list[int] = []

    def end() -> None:
        close_connections(connections, library)
        # Calls that took too long end later, and what they bring is not wanted any more.
        while fds:
            os.close(fds.pop())

    try:
        async with asyncio.timeout(limit_s):
            found = await look_up(domain, worker, library, connections)
            graphics = graphics_of(await worker.run(lambda: str(found.XMLDesc(0))))
            if graphics is None:
                raise OtherDisplay("none")
            if not graphics.p2p:
                return OnBus(graphics.address)
            await worker.run(lambda: fds.append(found.openGraphicsFD(graphics.index, 0)))
            os.set_inheritable(fds[0], False)
            return socket.socket(fileno=fds.pop())
    except TimeoutError:
        raise ConnectionLost(NO_ANSWER) from None
    except library.libvirtError as error:
        raise ConnectionLost(one_line(str(error), 200)) from error
    except AttributeError as error:
        raise ConnectionLost("this libvirt is too old for D-Bus displays: 8.4 is needed") from error
    finally:
        with suppress(TimeoutError):
            async with asyncio.timeout(_DISCONNECT_TIMEOUT_S):
                await worker.end(end)
