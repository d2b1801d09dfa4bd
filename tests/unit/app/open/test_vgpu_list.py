"""The list of vGPUs that a chooser shows, filled on a thread."""

import os
import select
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.errors import MdevviewError
from app.host.hotplug import Appeared, Hotplug, HotplugEvent
from app.host.vgpu import Vgpu
from app.open.vgpu_list import VgpuList
from tests.unit.hosts import UUID_A, UUID_B, Host

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
def listed(host: Host) -> Iterator[Callable[[Callable[[], Hotplug]], VgpuList]]:
    lists: list[VgpuList] = []

    def make(events: Callable[[], Hotplug]) -> VgpuList:
        lists.append(VgpuList(host.paths, events))
        return lists[-1]

    yield make
    for each in lists:
        each.close()
        each.close()
        assert each.join(_PATIENCE_S)


def _names(vgpus: VgpuList) -> list[str]:
    assert select.select([vgpus], [], [], _PATIENCE_S)[0], "nothing happened"
    result = vgpus.poll()
    assert result is not None
    return [each.name for each in result]


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


def test_closing_does_not_wait_for_a_scan(listed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    scanning, go_on = threading.Event(), threading.Event()

    def slow(_scan: object) -> tuple[Vgpu, ...]:
        scanning.set()
        assert go_on.wait(_PATIENCE_S)
        return ()

    monkeypatch.setattr("app.open.vgpu_list.discover", slow)
    vgpus = listed(_Events)
    assert scanning.wait(_PATIENCE_S)
    assert vgpus.poll() is None
    vgpus.close()
    assert vgpus.fileno() == -1
    assert not vgpus.join(0), "the thread is still at work"
    go_on.set()


def test_an_error_of_the_program_is_told(listed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_scan: object) -> tuple[Vgpu, ...]:
        raise ValueError("a mistake")

    monkeypatch.setattr("app.open.vgpu_list.discover", fail)
    vgpus = listed(_Events)
    assert select.select([vgpus], [], [], _PATIENCE_S)[0]
    with pytest.raises(ValueError, match="a mistake"):
        vgpus.poll()
