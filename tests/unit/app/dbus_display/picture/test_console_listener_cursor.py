import pytest

from app.abi import drm_fourcc as drm
from app.dbus_display.picture.console_source import ConsoleSource
from app.planes.plane import Backing, PlaneKind
from app.planes.status import Reason
from tests.unit.app.dbus_display.picture.calls import call, map_call, memfd
from tests.unit.app.dbus_display.picture.fake_display import FakeDisplay

_PIXELS = bytes(range(16))


@pytest.fixture(autouse=True)
def picture(display: FakeDisplay, source: ConsoleSource) -> None:
    """A cursor lies in a picture."""
    display.send(map_call(memfd(32)))


def test_the_cursor_is_a_plane_with_straight_alpha_at_its_corner(display: FakeDisplay, source: ConsoleSource) -> None:
    display.send(call("CursorDefine", 2, 2, 1, 1, _PIXELS), call("MouseSet", 30, -1, 1))
    frame = source.latest()
    surface = frame.cursor
    assert surface is not None
    plane = surface.plane
    assert (plane.kind, plane.backing, plane.fourcc) == (PlaneKind.CURSOR, Backing.MEMORY, drm.DRM_FORMAT_ARGB8888)
    assert plane.straight_alpha
    assert (plane.x, plane.y, plane.hot_x, plane.hot_y) == (30, -1, 1, 1)
    assert (plane.width, plane.height, plane.stride) == (2, 2, 8)
    assert frame.cursor_status.reason is Reason.OK
    with surface.buffer.mapping() as memory:
        assert bytes(memory) == _PIXELS


def test_a_cursor_that_moves_keeps_its_buffer_and_changes_no_pixel_of_the_picture(
    display: FakeDisplay, source: ConsoleSource
) -> None:
    display.send(call("CursorDefine", 2, 2, 0, 0, _PIXELS), call("MouseSet", 0, 0, 1))
    before = source.latest()
    display.send(call("MouseSet", 5, 5, 1))
    after = source.latest()
    assert before.cursor is not None
    assert after.cursor is not None
    assert after.cursor.buffer is before.cursor.buffer
    assert (after.cursor.plane.x, before.cursor.plane.x) == (5, 0)
    assert after.primary is before.primary
    assert after.damage == ()
    display.send(call("MouseSet", 5, 5, 1))
    assert source.latest() is after


def test_a_cursor_that_is_off_is_hidden(display: FakeDisplay, source: ConsoleSource) -> None:
    without = source.latest()
    assert without.cursor_status.reason is Reason.NO_CURSOR_PLANE
    # Nobody sees this move.
    display.send(call("MouseSet", 3, 3, 0))
    assert source.latest() is without
    display.send(call("CursorDefine", 2, 2, 0, 0, _PIXELS))
    frame = source.latest()
    assert (frame.cursor, frame.cursor_status.reason) == (None, Reason.PLANE_OFF)
    display.send(call("MouseSet", 0, 0, 1))
    shown = source.latest()
    assert shown.cursor is not None
    display.send(call("MouseSet", 0, 0, 0))
    hidden = source.latest()
    assert hidden.cursor is None


def test_another_cursor_is_another_buffer_and_the_first_is_released(
    display: FakeDisplay, source: ConsoleSource
) -> None:
    display.send(call("CursorDefine", 2, 2, 0, 0, _PIXELS), call("MouseSet", 0, 0, 1))
    first = source.latest().cursor
    assert first is not None
    display.send(call("CursorDefine", 1, 1, 0, 0, _PIXELS[:4]))
    released = [first.buffer.released]
    second = source.latest().cursor
    released.append(first.buffer.released)
    assert released == [False, True]
    assert second is not None
    assert second.plane.width == 1
