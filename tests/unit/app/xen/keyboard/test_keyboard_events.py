"""Input as a guest's PV keyboard gets it: Linux's codes, positions on its axes, the wheel."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.input.event import Absolute, Axis, Button, Event, Key, Press, Relative, Touch, TouchKind
from app.input.pointer import absolute
from app.xen.keyboard.keyboard_events import GuestPointer, KeyboardEvents

TABLET = GuestPointer((1024, 768))
MOUSE = GuestPointer()


def _numbers(event: bytes) -> tuple[int, ...]:
    """Type, and the three numbers of a motion or a position."""
    return event[0], *struct.unpack_from("<iii", event, 4)


def _of(batch: list[Event], pointer: GuestPointer) -> list[tuple[int, ...]]:
    return [_numbers(each) for each in KeyboardEvents().of(batch, pointer)]


def _key(event: bytes) -> tuple[int, int, int]:
    return event[0], int.from_bytes(event[4:8], "little"), event[1]


@pytest.mark.parametrize(
    ("event", "code"),
    [
        (Key("a", True), 30),
        (Key("grave_accent", False), 41),
        (Key("kp_comma", True), 121),
        (Key("meta_l", True), 125),
        (Press(Button.LEFT, True), 0x110),
        (Press(Button.MIDDLE, False), 0x112),
        (Press(Button.EXTRA, True), 0x114),
    ],
)
def test_a_key_or_button_has_the_code_of_the_kernel(event: Key | Press, code: int) -> None:
    (only,) = KeyboardEvents().of([event], MOUSE)
    assert len(only) == 40
    assert _key(only) == (3, code, event.down)


@given(size=st.tuples(st.integers(16, 4096), st.integers(16, 4096)), data=st.data())
def test_libinput_in_the_guest_shows_the_pointer_on_the_pixel_that_was_meant(
    size: tuple[int, int], data: st.DataObject
) -> None:
    pixel = data.draw(st.integers(0, size[0] - 1)), data.draw(st.integers(0, size[1] - 1))
    ((kind, x, y, _),) = _of(list(absolute(pixel, size)), GuestPointer(size))
    assert kind == 4
    assert (x * size[0] // (size[0] + 1), y * size[1] // (size[1] + 1)) == pixel


@given(st.integers(-100, 1 << 40), st.tuples(st.integers(1, 0xFFFF), st.integers(1, 0xFFFF)))
def test_a_position_is_never_beyond_the_guests_axis(value: int, last: tuple[int, int]) -> None:
    ((_, x, y, _),) = _of([Absolute(Axis.X, value), Absolute(Axis.Y, value)], GuestPointer(last))
    assert 0 <= x <= last[0]
    assert 0 <= y <= last[1]


def test_a_mouse_gets_the_sum_of_motion_and_a_tablet_none_of_it() -> None:
    batch: list[Event] = [Relative(Axis.X, 5), Relative(Axis.Y, -2), Relative(Axis.X, 1)]
    assert _of(batch, MOUSE) == [(1, 6, -2, 0)]
    assert _of(batch, TABLET) == []
    assert _of([Absolute(Axis.X, 9)], MOUSE) == []


def test_the_wheel_turns_where_the_pointer_is() -> None:
    events = KeyboardEvents()
    up = [Press(Button.WHEEL_UP, True), Press(Button.WHEEL_UP, False)]
    # No position was sent yet: the pointer must not jump to a corner.
    assert [_numbers(each) for each in events.of(up, TABLET)] == [(1, 0, 0, -1)]
    events.of([Absolute(Axis.X, 0x7FFF), Absolute(Axis.Y, 0)], TABLET)
    assert [_numbers(each) for each in events.of([Press(Button.WHEEL_DOWN, True)], TABLET)] == [(4, 1024, 0, 1)]


def test_a_guest_without_a_touch_screen_gets_no_touches() -> None:
    touch = Touch(TouchKind.BEGIN, 1, 0.5, 1.0)
    assert _of([touch], TABLET) == []
    down, end = KeyboardEvents().of([touch], GuestPointer((10, 10), (800, 600), 2))
    assert (down[:3], struct.unpack_from("<ii", down, 8)) == (bytes([5, 0, 1]), (401, 600))
    assert end[:2] == bytes([5, 3])
    assert KeyboardEvents().of([touch], GuestPointer((10, 10), (800, 600), 1)) == []


def test_what_the_protocol_cannot_say_is_left_out() -> None:
    batch: list[Event] = [Key("no-such-key", True), Press(Button.WHEEL_LEFT, True), Press(Button.WHEEL_UP, False)]
    assert KeyboardEvents().of(batch, TABLET) == []
    assert KeyboardEvents().of([Press(Button.LEFT, True)], GuestPointer(present=False)) == []
