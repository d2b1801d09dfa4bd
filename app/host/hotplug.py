"""Hot-plug: the kernel's uevents about vGPUs, read without blocking.

An event says that something changed, not what exists now. After an event the host must be scanned again
(:func:`app.host.discovery.discover`).
"""

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.errors import MdevviewError

# The device itself, the node of its group, its cdev, and the graphics card. GVT-g sends its events on the card.
_SUBSYSTEMS = ("mdev", "vfio", "vfio-dev", "drm")
# One call reads at most this many events. While there are more, the fd stays readable.
_BATCH = 256


@dataclass(frozen=True, slots=True)
class Appeared:
    """A device was added or got its driver. ``name`` is the sysfs name; for an mdev it is the UUID."""

    subsystem: str
    name: str


@dataclass(frozen=True, slots=True)
class Vanished:
    """A device was removed or lost its driver."""

    subsystem: str
    name: str


@dataclass(frozen=True, slots=True)
class DisplayReady:
    """The graphics driver of a GVT-g guest was loaded or unloaded. ``gvt_id`` is ``Vgpu.gvt_id``."""

    gvt_id: int
    ready: bool


@dataclass(frozen=True, slots=True)
class EventsLost:
    """Some events were dropped because the socket was full. Anything may have changed."""


HotplugEvent = Appeared | Vanished | DisplayReady | EventsLost


class Hotplug:
    """Owns a netlink socket. Watch :meth:`fileno` for readability, then call :meth:`read`.

    Raises MdevviewError without libudev, OSError if the socket cannot be created.
    """

    def __init__(self) -> None:
        try:
            # Loading libudev takes longer than listing the devices. Most commands do not need it.
            import pyudev  # noqa: PLC0415

            context = pyudev.Context()
        except ImportError as error:
            raise MdevviewError(f"no hot-plug events: {error}", "install libudev (libudev1, systemd-libs)") from error
        # udev sends its own events after it has set the owner of the node. Without udev only the kernel sends events.
        source = "udev" if Path("/run/udev/control").exists() else "kernel"
        self._monitor: Any = pyudev.Monitor.from_netlink(context, source)
        for subsystem in _SUBSYSTEMS:
            self._monitor.filter_by(subsystem)
        self._monitor.start()

    def fileno(self) -> int:
        """The fd to watch. It belongs to the monitor: do not read from it or close it."""
        return int(self._monitor.fileno())

    def read(self) -> list[HotplugEvent]:
        """The events since the last call, possibly none. Never blocks."""
        events: list[HotplugEvent] = []
        for _ in range(_BATCH):
            try:
                device = self._monitor.poll(timeout=0)
            except OSError:
                # pyudev raises on POLLERR without reading. The error would stay, and the fd would be readable for ever
                # (https://github.com/pyudev/pyudev/issues/194).
                _clear_error(self.fileno())
                events.append(EventsLost())
                continue
            if device is None:
                break
            event = event_of(device.action, device.subsystem, device.sys_name, device.properties)
            if event is not None:
                events.append(event)
        return events

    def close(self) -> None:
        """Close the socket; more calls do nothing. Stop watching the fd first."""
        # pyudev has no close(): libudev closes the socket when the last reference is gone.
        self._monitor = None


def event_of(action: str, subsystem: str, name: str, properties: Mapping[str, str]) -> HotplugEvent | None:
    """The event that a uevent means; None for other uevents."""
    if subsystem == "drm":
        return _display_ready(properties)
    match action:
        case "add" | "bind":
            return Appeared(subsystem, name)
        case "remove" | "unbind":
            return Vanished(subsystem, name)
    return None


def _display_ready(properties: Mapping[str, str]) -> DisplayReady | None:
    """GVT-g's event is an "add" of the card's primary node (send_display_ready_uevent(), drivers/gpu/drm/i915/gvt)."""
    try:
        return DisplayReady(int(properties["VMID"]), properties["GVT_DISPLAY_READY"] == "1")
    except (KeyError, ValueError):
        return None


def _clear_error(fd: int) -> None:
    with socket.socket(fileno=os.dup(fd)) as same:
        same.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
