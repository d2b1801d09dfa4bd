"""The list of screens that a chooser shows, filled on a thread."""

import itertools
import os
import select
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.errors import MdevviewError
from app.host.hotplug import Appeared, Hotplug, HotplugEvent
from app.host.screens import HostScreens
from app.open.screen_list import ScreenList, _ProcessChanges
from tests.unit.hosts import DEVICE_FD, UUID_A, UUID_B, Host, qemu

_PATIENCE_S = 20.0


class _Events(Hotplug):
    """Hot-plug events that a test makes."""

    def __init__(self) -> None:
        self._fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)

    def fileno(self) -> int:
        return self._fd

    def make(self) -> None:
        os.eventfd_write(self._fd, 1)

    def read(self) -> list[HotplugEvent]:
        try:
            os.eventfd_read(self._fd)
        except BlockingIOError:
            return []
        return [Appeared("mdev", UUID_B)]

    def close(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


@pytest.fixture
def host(tmp_path: Path) -> Host:
    host = Host(tmp_path)
    host.mdev(UUID_A, "mbochs-small", 1)
    return host


@pytest.fixture
def listed(host: Host) -> Iterator[Callable[[Callable[[], Hotplug]], ScreenList]]:
    lists: list[ScreenList] = []

    def make(events: Callable[[], Hotplug]) -> ScreenList:
        lists.append(ScreenList(host.paths, events))
        return lists[-1]

    yield make
    for each in lists:
        each.close()
        each.close()
        assert each.join(_PATIENCE_S)


def _names(vgpus: ScreenList) -> list[str]:
    assert select.select([vgpus], [], [], _PATIENCE_S)[0], "nothing happened"
    result = vgpus.poll()
    assert result is not None
    return [each.name for each in result.vgpus]


def test_list_is_made_at_once_and_again_when_a_device_comes(host: Host, listed: Any) -> None:
    events = _Events()
    vgpus = listed(lambda: events)
    assert _names(vgpus) == [UUID_A]
    assert not select.select([vgpus], [], [], 0)[0], "nothing new"
    host.mdev(UUID_B, "mbochs-small", 2)
    events.make()
    assert _names(vgpus) == [UUID_A, UUID_B]


@pytest.mark.parametrize("error", [MdevviewError("no libudev"), OSError("no socket")])
def test_without_events_the_first_list_stays(listed: Any, error: Exception) -> None:
    def fail() -> Hotplug:
        raise error

    assert _names(listed(fail)) == [UUID_A]


@pytest.mark.parametrize("has_events", [True, False])
def test_nvidia_function_is_listed_when_it_gets_a_type_which_makes_no_event(
    host: Host, listed: Any, monkeypatch: pytest.MonkeyPatch, has_events: bool
) -> None:
    monkeypatch.setattr("app.open.screen_list._LOOK_S", 0.01)
    function = host.nvidia_function("0000:41:00.4", "0000:41:00.0", 40)

    def fail() -> Hotplug:
        raise MdevviewError("no libudev", "")

    vgpus = listed(_Events if has_events else fail)
    assert _names(vgpus) == [UUID_A]
    (function / "nvidia/current_vgpu_type").write_text("1152\n")
    assert _names(vgpus) == [UUID_A, "0000:41:00.4"]
    (function / "nvidia/current_vgpu_type").write_text("0\n")
    assert _names(vgpus) == [UUID_A]


def test_closing_does_not_wait_for_a_scan(listed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    scanning, go_on = threading.Event(), threading.Event()

    def slow(_scan: object) -> HostScreens:
        scanning.set()
        assert go_on.wait(_PATIENCE_S)
        return HostScreens()

    monkeypatch.setattr("app.open.screen_list.find_screens", slow)
    vgpus = listed(_Events)
    assert scanning.wait(_PATIENCE_S)
    assert vgpus.poll() is None
    vgpus.close()
    assert vgpus.fileno() == -1
    assert not vgpus.join(0), "the thread is still at work"
    go_on.set()


def test_an_error_of_the_program_is_told(listed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_scan: object) -> HostScreens:
        raise ValueError("a mistake")

    monkeypatch.setattr("app.open.screen_list.find_screens", fail)
    vgpus = listed(_Events)
    assert select.select([vgpus], [], [], _PATIENCE_S)[0]
    with pytest.raises(ValueError, match="a mistake"):
        vgpus.poll()


def test_list_follows_vms_which_make_no_event(
    host: Host, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """No hot-plug event tells that a VM opens a device."""
    monkeypatch.setattr("app.open.screen_list._LOOK_S", 0.01)

    def no_events() -> Hotplug:
        raise MdevviewError("no hot-plug events")

    vgpus = ScreenList(host.paths, no_events, follow_vms=True)
    request.addfinalizer(lambda: vgpus.join(_PATIENCE_S))
    request.addfinalizer(vgpus.close)
    host.process(4711, "qemu-system-x86", qemu("win10"), {20: DEVICE_FD, 21: "/dev/vfio/1"})
    end = time.monotonic() + _PATIENCE_S
    while not (listed := vgpus.poll()) or not listed.vgpus[0].holders:
        assert time.monotonic() < end
        select.select([vgpus], [], [], 0.1)
    assert listed.vgpus[0].holders[0].vm_name == "win10"


def test_list_follows_vms_with_a_dbus_display(
    host: Host, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setattr("app.open.screen_list._LOOK_S", 0.01)
    screens = ScreenList(host.paths, _Events, follow_vms=True)
    request.addfinalizer(lambda: screens.join(_PATIENCE_S))
    request.addfinalizer(screens.close)

    def wait_for(targets: list[str]) -> None:
        end = time.monotonic() + _PATIENCE_S
        while (listed := screens.poll()) is None or [each.target for each in listed.displays] != targets:
            assert time.monotonic() < end
            select.select([screens], [], [], 0.1)

    wait_for([])
    process = host.process(4711, "qemu-system-x86", qemu("win10", "-display", "dbus,p2p=yes"))
    wait_for(["vm:win10"])
    shutil.rmtree(process)
    wait_for([])


def test_scans_for_vms_are_rare_where_nothing_happens_or_where_they_take_long(host: Host) -> None:
    changes = _ProcessChanges(host.paths)
    changes.scan_due(0.0)
    changes.scanned(0.0, 0.001)
    due = []
    for second in range(1, 60):
        if changes.scan_due(second):
            changes.scanned(second, second + 0.001)
            due.append(second)
    # Processes that were there at the start count as new ones for some time.
    assert len([each for each in due if each < 10]) >= 4
    assert all(later - earlier >= 10 for earlier, later in itertools.pairwise(due) if earlier >= 10)
    # A scan that takes a second, on a host where processes come all the time.
    changes.scanned(100.0, 101.0)
    host.process(4712, "sh", ["sh"], {})
    assert not any(changes.scan_due(second) for second in range(102, 150))
    assert changes.scan_due(152.0)
