"""Uevents, as events and from a monitor that misbehaves."""

import errno
import socket
from typing import Any

import pytest

from app.host.hotplug import Appeared, DisplayReady, EventsLost, Hotplug, HotplugEvent, Vanished, event_of
from tests.gate import unavailable
from tests.unit.hosts import UUID_A


@pytest.mark.parametrize(
    ("action", "subsystem", "properties", "event"),
    [
        ("add", "mdev", {}, Appeared("mdev", UUID_A)),
        ("bind", "mdev", {}, Appeared("mdev", UUID_A)),
        ("remove", "vfio", {}, Vanished("vfio", UUID_A)),
        ("change", "mdev", {}, None),
        ("add", "drm", {"GVT_DISPLAY_READY": "1", "VMID": "2"}, DisplayReady(2, ready=True)),
        ("add", "drm", {"GVT_DISPLAY_READY": "0", "VMID": "2"}, DisplayReady(2, ready=False)),
        ("add", "drm", {"GVT_DISPLAY_READY": "1", "VMID": "x"}, None),
        ("add", "drm", {"DEVTYPE": "drm_minor"}, None),
    ],
)
def test_what_a_uevent_means(
    action: str, subsystem: str, properties: dict[str, str], event: HotplugEvent | None
) -> None:
    assert event_of(action, subsystem, UUID_A, properties) == event


def test_overflow_is_told_and_does_not_stop_the_events() -> None:
    class Device:
        action, subsystem, sys_name, properties = "add", "mdev", UUID_A, dict[str, str]()

    class Monitor:
        """A socket with a queue that overflowed once."""

        def __init__(self) -> None:
            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self.answers: list[Any] = [Device, OSError(errno.ENOBUFS, "overflow"), Device, None]

        def fileno(self) -> int:
            return self.socket.fileno()

        def poll(self, timeout: float) -> Any:
            assert timeout == 0
            answer = self.answers.pop(0)
            if isinstance(answer, OSError):
                raise answer
            return answer

    hotplug = Hotplug.__new__(Hotplug)
    hotplug._monitor = Monitor()
    assert hotplug.read() == [Appeared("mdev", UUID_A), EventsLost(), Appeared("mdev", UUID_A)]
    hotplug._monitor.socket.close()


def test_quiet_monitor_neither_blocks_nor_leaks() -> None:
    try:
        hotplug = Hotplug()
    except Exception as error:
        unavailable(f"no uevents here: {error}")
    assert hotplug.read() == []
    watched = hotplug.fileno()
    hotplug.close()
    hotplug.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        socket.socket(fileno=watched)
