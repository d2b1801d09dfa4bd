"""Which calls QEMU gets for input, whatever events and properties there are."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.dbus_display.controls.input_calls import BUTTON_NUMBERS, ConsoleInput, InputCalls, console_input
from app.dbus_display.wire.names import KEYBOARD, MOUSE, MULTI_TOUCH
from app.input.event import ABSOLUTE_MAX, Absolute, Axis, Button, Event, Key, Press, Relative, Touch, TouchKind
from app.input.keys import QCODES
from app.input.pointer import absolute

TABLET = ConsoleInput((800, 600), True, 10)
MOUSE_ONLY = ConsoleInput((800, 600), False, 10)


def calls(batch: list[Event], console: ConsoleInput = TABLET) -> list[tuple[Any, ...]]:
    return [(each.member, *each.body) for each in InputCalls().of(batch, console)]


_axes = st.sampled_from(Axis)
_events = st.one_of(
    st.builds(Key, st.sampled_from([*sorted(QCODES), "unmapped", ""]), st.booleans()),
    st.builds(Press, st.sampled_from(Button), st.booleans()),
    st.builds(Absolute, _axes, st.integers()),
    st.builds(Relative, _axes, st.integers()),
    st.builds(Touch, st.sampled_from(TouchKind), st.integers(), st.floats(), st.floats()),
)
_any_value = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=3), st.floats(), st.binary(max_size=3))
_consoles = st.builds(
    console_input,
    st.dictionaries(st.sampled_from(["Width", "Height"]), _any_value | st.integers(0, 5000)),
    st.dictionaries(st.just("IsAbsolute"), _any_value),
    st.dictionaries(st.just("MaxSlots"), _any_value | st.integers(0, 20)),
)


@settings(deadline=None)
@given(st.lists(_events, max_size=12), _consoles)
def test_no_call_can_harm_the_vm(batch: list[Event], console: ConsoleInput) -> None:
    """QEMU aborts at a button that it does not know: SECURITY.md promises that none is sent."""
    for call in InputCalls().of(batch, console):
        match call.interface, call.member, call.signature:
            case (str(interface), "Press" | "Release", "u") if interface == MOUSE:
                assert call.body[0] in range(9)
            case (str(interface), "Press" | "Release", "u") if interface == KEYBOARD:
                assert call.body[0] in range(256)
            case (str(interface), "SetAbsPosition", "uu") if interface == MOUSE:
                assert console.size is not None
                assert all(0 <= value < count for value, count in zip(call.body, console.size, strict=True))
            case (str(interface), "RelMotion", "ii") if interface == MOUSE:
                assert all(-(2**31) <= value < 2**31 for value in call.body)
            case (str(interface), "SendEvent", "utdd") if interface == MULTI_TOUCH:
                assert console.size is not None
                kind, slot, x, y = call.body
                assert kind in range(4)
                assert slot in range(console.slots)
                assert 0 <= x < console.size[0]
                assert 0 <= y < console.size[1]
            case other:
                pytest.fail(f"a call that QEMU does not know: {other}")


def test_every_button_has_qemus_number() -> None:
    """InputButton in QEMU's qapi/ui.json; 9 is its touch button, and what follows is none."""
    assert {each.value: number for each, number in BUTTON_NUMBERS.items()} == {
        "left": 0,
        "middle": 1,
        "right": 2,
        "wheel-up": 3,
        "wheel-down": 4,
        "side": 5,
        "extra": 6,
        "wheel-left": 7,
        "wheel-right": 8,
    }


@settings(deadline=None)
@given(st.integers(1, 16384), st.integers(1, 16384), st.data())
def test_a_pixel_of_the_console_is_the_same_pixel_in_the_call(width: int, height: int, data: st.DataObject) -> None:
    pixel = (data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1)))
    console = ConsoleInput((width, height), True)
    assert calls(list(absolute(pixel, (width, height))), console) == [("SetAbsPosition", *pixel)]


def test_position_and_press_are_in_order() -> None:
    batch: list[Event] = [Absolute(Axis.X, ABSOLUTE_MAX), Absolute(Axis.Y, 0), Press(Button.LEFT, True)]
    assert calls(batch) == [("SetAbsPosition", 799, 0), ("Press", 0)]
    assert calls([Key("a", True), Key("a", False)]) == [("Press", 0x1E), ("Release", 0x1E)]


def test_an_axis_that_does_not_move_keeps_its_position() -> None:
    made = InputCalls()
    made.of([Absolute(Axis.X, 0x4000), Absolute(Axis.Y, 0x4000)], TABLET)
    (call,) = made.of([Absolute(Axis.Y, 0)], TABLET)
    assert call.body == (400, 0)


def test_only_the_kind_of_motion_that_the_guest_takes_is_sent() -> None:
    """QEMU answers the other kind with an error."""
    both: list[Event] = [Relative(Axis.X, 3), Absolute(Axis.X, 0), Relative(Axis.X, -5), Press(Button.LEFT, True)]
    assert calls(both, TABLET) == [("SetAbsPosition", 0, 0), ("Press", 0)]
    assert calls(both, MOUSE_ONLY) == [("RelMotion", -2, 0), ("Press", 0)]
    assert calls([Absolute(Axis.X, 0)], MOUSE_ONLY) == []
    assert calls([Absolute(Axis.X, 0)], ConsoleInput(None, True)) == []


def test_fingers_are_sent_in_pixels_within_the_console() -> None:
    batch: list[Event] = [Touch(TouchKind.BEGIN, 0, 0.5, 0.5), Touch(TouchKind.END, 1, 1.0, -1.0)]
    assert calls(batch) == [("SendEvent", 0, 0, 400.0, 300.0), ("SendEvent", 2, 1, 799.0, 0.0)]
    assert calls(batch, ConsoleInput((800, 600), True, 1)) == [("SendEvent", 0, 0, 400.0, 300.0)]
