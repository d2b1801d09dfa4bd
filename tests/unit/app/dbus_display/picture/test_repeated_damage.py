"""A text cursor whose cell is told with every refresh, although it blinks four times a second."""

import os
from collections.abc import Iterator

import pytest

from app.abi import drm_fourcc as drm
from app.dbus_display.picture.repeated_damage import RepeatedDamage
from app.planes.damage import DamagedRect
from app.planes.file_buffer import FileBuffer
from app.planes.plane import Backing, Plane, PlaneKind

_WIDTH, _HEIGHT, _OFFSET = 200, 100, 64
_PLANE = Plane(
    PlaneKind.PRIMARY,
    Backing.MEMORY,
    drm.DRM_FORMAT_XRGB8888,
    drm.DRM_FORMAT_MOD_LINEAR,
    _WIDTH,
    _HEIGHT,
    _WIDTH * 4,
    _WIDTH * _HEIGHT * 4,
    0,
    0,
    None,
    None,
)
_CELL = DamagedRect(18, 32, 9, 16)
_REFRESH_NS = 33_000_000


@pytest.fixture
def buffer() -> Iterator[FileBuffer]:
    fd = os.memfd_create("map")
    os.ftruncate(fd, _OFFSET + _PLANE.size)
    made = FileBuffer(fd, _OFFSET, _PLANE.size)
    yield made
    made.release()


def _draw(buffer: FileBuffer, x: int, y: int, value: int) -> None:
    os.pwrite(buffer.fileno(), bytes([value]) * 4, _OFFSET + y * _PLANE.stride + x * 4)


def test_few_of_a_blinking_cursors_refreshes_are_changes(buffer: FileBuffer) -> None:
    repeated, changes = RepeatedDamage(), 0
    for refresh in range(300):
        _draw(buffer, 26, 47, refresh // 7 % 2 * 255)
        changes += not repeated.changes_nothing(buffer, _PLANE, _CELL, refresh * _REFRESH_NS)
    assert 300 // 7 <= changes < 300 // 5


def test_every_blink_is_a_change(buffer: FileBuffer) -> None:
    repeated = RepeatedDamage()
    for refresh in range(5):
        repeated.changes_nothing(buffer, _PLANE, _CELL, refresh)
    for x, y in ((18, 32), (26, 32), (18, 47), (26, 47)):
        assert repeated.changes_nothing(buffer, _PLANE, _CELL, 6)
        _draw(buffer, x, y, 255)
        assert not repeated.changes_nothing(buffer, _PLANE, _CELL, 6)


def test_other_damage_between_makes_it_a_change(buffer: FileBuffer) -> None:
    """Nobody looks at the whole picture, so what is told counts."""
    repeated = RepeatedDamage()
    for refresh in range(5):
        repeated.changes_nothing(buffer, _PLANE, _CELL, refresh)
    # The cell beside it has the same pixels.
    for other in (DamagedRect(27, 32, 9, 16), DamagedRect(0, 0, 100, 50)):
        assert not repeated.changes_nothing(buffer, _PLANE, other, 6)
        assert not repeated.changes_nothing(buffer, _PLANE, _CELL, 7)


def test_now_and_then_it_is_a_change_in_any_case(buffer: FileBuffer) -> None:
    """A reader may have seen other pixels, which were there between two looks."""
    repeated = RepeatedDamage()
    found = [repeated.changes_nothing(buffer, _PLANE, _CELL, refresh * _REFRESH_NS) for refresh in range(200)]
    assert 5 <= found[10:].count(False) <= 7


def test_large_damage_always_counts(buffer: FileBuffer) -> None:
    repeated, whole = RepeatedDamage(), DamagedRect(0, 0, _WIDTH, _HEIGHT)
    assert not any(repeated.changes_nothing(buffer, _PLANE, whole, refresh) for refresh in range(10))


def test_file_that_was_shortened_always_counts(buffer: FileBuffer) -> None:
    os.ftruncate(buffer.fileno(), 0)
    repeated = RepeatedDamage()
    assert not any(repeated.changes_nothing(buffer, _PLANE, _CELL, refresh) for refresh in range(10))
