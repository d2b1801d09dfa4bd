"""All that looks at one VM shares one connection."""

import threading
from typing import Any, cast

import pytest

from app.dbus_display.connection.displays import Displays
from app.dbus_display.connection.vm_display import ControlState, VmDisplay


class Display:
    def __init__(self) -> None:
        self.state = ControlState.CONNECTED
        self.closes = 0

    def close(self) -> None:
        self.closes += 1


def made() -> Any:
    return cast(VmDisplay, Display())


def test_a_vm_is_connected_once_and_closed_by_the_last_user() -> None:
    displays = Displays()
    first, release_first = displays.take("vm", made)
    second, release_second = displays.take("vm", made)
    other, release_other = displays.take("another", made)
    assert second is first and other is not first
    release_first()
    release_first()
    assert cast(Any, first).closes == 0
    release_second()
    assert cast(Any, first).closes == 1
    assert displays.take("vm", made)[0] is not first
    release_other()


def test_lost_display_is_replaced_while_somebody_has_it() -> None:
    displays = Displays()
    lost, release_lost = displays.take("vm", made)
    cast(Any, lost).state = ControlState.LOST
    found, release_found = displays.take("vm", made)
    assert found is not lost
    release_lost()
    assert (cast(Any, lost).closes, cast(Any, found).closes) == (1, 0)
    assert displays.take("vm", made)[0] is found
    release_found()


def test_failure_leaves_nothing_behind() -> None:
    displays = Displays()

    def fail() -> VmDisplay:
        raise OSError("refused")

    with pytest.raises(OSError, match="refused"):
        displays.take("vm", fail)
    assert isinstance(displays.take("vm", made)[0], Display)


def test_two_threads_that_open_one_vm_connect_once() -> None:
    displays = Displays()
    begun, go_on = threading.Event(), threading.Event()
    calls: list[int] = []
    found: list[VmDisplay] = []

    def slow() -> Any:
        calls.append(1)
        begun.set()
        assert go_on.wait(20)
        return made()

    threads = [threading.Thread(target=lambda: found.append(displays.take("vm", slow)[0])) for _ in range(2)]
    threads[0].start()
    assert begun.wait(20)
    threads[1].start()
    go_on.set()
    for each in threads:
        each.join()
    assert len(calls) == 1 and found[0] is found[1]
