"""A display that is used by more than what opened it."""

from typing import Any, cast

from app.dbus_display.connection.displays import Displays
from app.dbus_display.connection.vm_display import VmDisplay
from tests.unit.app.dbus_display.controls.fake_controls import FakeControls


class Counted(FakeControls):
    closed = 0

    def close(self) -> None:
        self.closed += 1


def test_a_display_that_is_held_is_closed_with_its_last_user() -> None:
    displays, display = Displays(), Counted()
    _, release = displays.take("vm", lambda: cast("VmDisplay", display))
    give_back = displays.hold("vm")
    release()
    release()
    assert display.closed == 0
    give_back()
    give_back()
    assert display.closed == 1


def test_a_display_that_nobody_uses_is_not_held() -> None:
    displays = Displays()
    displays.hold("vm")()
    taken: list[Any] = []
    _, release = displays.take("vm", lambda: taken.append(1) or cast("VmDisplay", Counted()))  # type: ignore[func-returns-value]
    release()
    assert taken == [1]
