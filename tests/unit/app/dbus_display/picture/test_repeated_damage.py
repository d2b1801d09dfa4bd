"""A text cursor whose cell is told with every refresh, although it blinks four times a second."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
_CORNERS = ((18, 32), (26, 32), (18, 47), (26, 47))


@contextmanager
def closing_buffer() -> Iterator[FileBuffer]:
    fd = os.memfd_create("map")
    os.ftruncate(fd, _OFFSET + _PLANE.size)
    made = FileBuffer(fd, _OFFSET, _PLANE.size)
    try:
        yield made
    finally:
        made.release()


@pytest.fixture
def buffer() -> Iterator[FileBuffer]:
    with closing_buffer() as made:
        yield made


def _draw(buffer: FileBuffer, x: int, y: int, value: int) -> None:
    os.pwrite(buffer.fileno(), bytes([value]) * 4, _OFFSET + y * _PLANE.stride + x * 4)


def test_few_of_a_blinking_cursors_refreshes_are_changes(buffer: FileBuffer) -> None:
    repeated, changes = RepeatedDamage(), 0
    for refresh in range(300):
        _draw(buffer, 26, 47, refresh // 7 % 2 * 255)
        changes += not repeated.changes_nothing(buffer, _PLANE, _CELL)
    assert 300 // 7 <= changes < 300 // 5


def test_every_blink_is_a_change(buffer: FileBuffer) -> None:
    repeated = RepeatedDamage()
    for _ in range(5):
        repeated.changes_nothing(buffer, _PLANE, _CELL)
    for x, y in _CORNERS:
        assert repeated.changes_nothing(buffer, _PLANE, _CELL)
        _draw(buffer, x, y, 255)
        assert not repeated.changes_nothing(buffer, _PLANE, _CELL)


def test_other_damage_between_makes_it_a_change(buffer: FileBuffer) -> None:
    """Nobody looks at the whole picture, so what is told counts."""
    repeated = RepeatedDamage()
    for _ in range(5):
        repeated.changes_nothing(buffer, _PLANE, _CELL)
    # The cell beside it has the same pixels.
    for other in (DamagedRect(27, 32, 9, 16), DamagedRect(0, 0, 100, 50)):
        assert not repeated.changes_nothing(buffer, _PLANE, other)
        assert not repeated.changes_nothing(buffer, _PLANE, _CELL)


def _seen(buffer: FileBuffer, strips: bool) -> bytes:
    """The pixels of the cell as a reader gets them, who reads only it or the whole picture."""
    row = _CELL.width * 4
    if strips:
        start = _CELL.y * _PLANE.stride + _CELL.x * 4
        with buffer.strips(start, _PLANE.stride, row, _CELL.height) as cell:
            return bytes(cell.memory)
    with buffer.mapping() as picture:
        starts = [(_CELL.y + each) * _PLANE.stride + _CELL.x * 4 for each in range(_CELL.height)]
        return b"".join(picture[start : start + row] for start in starts)


_STEPS = st.lists(
    st.tuples(st.sampled_from(["tell", "read", "draw"]), st.sampled_from(_CORNERS), st.integers(0, 1), st.booleans()),
    max_size=40,
)


@pytest.mark.parametrize("strips", [False, True])
def test_pixels_that_a_reader_saw_for_a_moment_are_read_again(buffer: FileBuffer, strips: bool) -> None:
    repeated = RepeatedDamage()
    for _ in range(5):
        repeated.changes_nothing(buffer, _PLANE, _CELL)
    for x, y in _CORNERS:
        _draw(buffer, x, y, 255)
        _seen(buffer, strips)
        _draw(buffer, x, y, 0)
        assert not repeated.changes_nothing(buffer, _PLANE, _CELL)
        _seen(buffer, strips)
        assert repeated.changes_nothing(buffer, _PLANE, _CELL)


@given(_STEPS)
def test_who_reads_after_each_change_sees_the_last_pixels(steps: list[tuple[str, tuple[int, int], int, bool]]) -> None:
    """Whatever was there for a moment between two messages: what was drawn last is told, and must be read then."""
    with closing_buffer() as buffer:
        repeated, seen, pending = RepeatedDamage(), _seen(buffer, strips=False), True
        for _ in range(4):
            pending = not repeated.changes_nothing(buffer, _PLANE, _CELL)
        for what, place, value, strips in [*steps, ("tell", (0, 0), 0, False), ("read", (0, 0), 0, True)]:
            if what == "draw":
                _draw(buffer, *place, value)
            elif what == "tell":
                pending = not repeated.changes_nothing(buffer, _PLANE, _CELL) or pending
            elif pending:
                seen, pending = _seen(buffer, strips), False
        assert seen == _seen(buffer, strips=False)


def test_damage_that_is_told_while_somebody_reads_is_a_change(buffer: FileBuffer) -> None:
    """What the reader will have got is not known yet."""
    repeated, found = RepeatedDamage(), []
    for _ in range(5):
        repeated.changes_nothing(buffer, _PLANE, _CELL)
    preadv = os.preadv

    def told_meanwhile(*arguments: Any) -> int:
        found.append(repeated.changes_nothing(buffer, _PLANE, _CELL))
        return preadv(*arguments)

    with patch("os.preadv", told_meanwhile):
        _seen(buffer, strips=False)
    assert found == [False]
    assert repeated.changes_nothing(buffer, _PLANE, _CELL)


def test_damage_after_a_read_that_failed_is_a_change(buffer: FileBuffer) -> None:
    """A part of it may have been uploaded."""
    repeated = RepeatedDamage()
    for _ in range(5):
        repeated.changes_nothing(buffer, _PLANE, _CELL)
    with patch("os.preadv", side_effect=OSError(errno.EIO, "")), pytest.raises(OSError):
        _seen(buffer, strips=True)
    assert not repeated.changes_nothing(buffer, _PLANE, _CELL)


def test_large_damage_always_counts(buffer: FileBuffer) -> None:
    repeated, whole = RepeatedDamage(), DamagedRect(0, 0, _WIDTH, _HEIGHT)
    assert not any(repeated.changes_nothing(buffer, _PLANE, whole) for _ in range(10))


def test_file_that_was_shortened_always_counts(buffer: FileBuffer) -> None:
    os.ftruncate(buffer.fileno(), 0)
    repeated = RepeatedDamage()
    assert not any(repeated.changes_nothing(buffer, _PLANE, _CELL) for _ in range(10))
