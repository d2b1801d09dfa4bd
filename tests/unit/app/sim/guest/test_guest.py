"""The guest of a simulated device: when it flips, what it shows, and what it draws for that."""

import errno
import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.sim.guest.canvas import Rect, blend
from app.sim.guest.memory import Memory
from app.sim.guest.pointer import SIZE, TIP, pointer_image, pointer_place
from app.sim.open import open_simulated
from tests.unit.sim_tools import SECOND, Clock, query, refused, simulated, true_picture, viewed_picture


@settings(max_examples=50)
@given(st.floats(0.5, 1000), st.lists(st.floats(0, 0.2), max_size=20))
def test_a_query_finds_the_flip_that_was_due(fps: float, waits: list[float]) -> None:
    with simulated(f"gvt,size=64x64,fps={fps!r},cursor=off") as (device, clock):
        opened = clock.now
        for wait in waits:
            clock.advance(wait)
            flipped = device.true_flip_ns(query(device).handle)
            assert flipped is not None
            assert flipped <= clock.now < flipped + SECOND / fps + 2
            times = device.flip_times(opened)
            assert times[0] == opened
            assert times[-1] == flipped
            assert len(times) == pytest.approx((flipped - opened) * fps / SECOND + 1, abs=0.01)


def test_flip_times_are_those_of_the_given_period() -> None:
    with simulated("gvt,size=64x64,fps=10") as (device, clock):
        opened = clock.now
        clock.advance(10)
        times = device.flip_times(opened + SECOND, opened + 2 * SECOND)
        assert [(each - opened) / SECOND for each in times] == [1 + number / 10 for number in range(11)]
        assert device.flip_times(opened + 5, opened) == []


def test_an_id_that_was_never_shown_has_no_flip() -> None:
    with simulated("gvt,size=64x64") as (device, _):
        assert device.true_flip_ns(1) is None


def test_a_frozen_guest_stays_as_it_is() -> None:
    with simulated("gvt,size=640x480,fps=0") as (device, clock):
        first, answer = viewed_picture(device), query(device)
        clock.advance(1000)
        assert query(device) == answer
        assert np.array_equal(viewed_picture(device), first)
        assert np.array_equal(true_picture(device), first)


def test_the_same_words_give_the_same_picture() -> None:
    pictures = []
    for _ in range(2):
        with simulated("gvt,size=320x240,fps=0,format=YUYV") as (device, _):
            pictures.append(true_picture(device))
    assert np.array_equal(pictures[0], pictures[1])


@settings(max_examples=30)
@given(
    st.integers(64, 700),
    st.integers(64, 500),
    st.integers(1, 4),
    st.lists(st.floats(0, 1), min_size=1, max_size=6),
)
def test_damage_covers_everything_that_moved(width: int, height: int, buffers: int, waits: list[float]) -> None:
    with simulated(f"gvt,size={width}x{height},buffers={buffers},cursor=off") as (device, clock):
        for wait in waits:
            clock.advance(wait)
            assert np.array_equal(viewed_picture(device), true_picture(device))
            query(device)
            assert np.array_equal(viewed_picture(device), true_picture(device))


def test_the_next_flip_is_drawn_before_it_is_due() -> None:
    with simulated("gvt,size=64x64,cursor=off") as (device, clock):
        query(device)
        query(device)
        drawn = next(iter(device.guest._screens.values()))._framebuffers
        assert sorted(each.flip for each in drawn.values()) == [0, 1]
        clock.advance(1 / 60)
        query(device)
        assert sorted(each.flip for each in drawn.values()) == [0, 1]


def test_the_picture_has_the_cursor_where_the_plane_is() -> None:
    with simulated("gvt,size=640x480") as (device, clock):
        clock.advance(0.3)
        assert np.array_equal(viewed_picture(device), true_picture(device))


def test_a_screen_that_is_off_has_no_picture() -> None:
    with simulated("gvt,size=64x64,fault=off@0") as (device, _):
        assert device.picture() is None


def test_the_pointer_reaches_all_edges_with_its_tip() -> None:
    places = [pointer_place(round(number * SECOND / 60), 60, 800, 600) for number in range(60 * 77)]
    tips = np.array(places) + TIP
    assert tips.min(axis=0).tolist() == [0, 0]
    assert tips.max(axis=0).tolist() == [799, 599]
    steps = np.abs(np.diff(tips, axis=0)).max()
    assert steps <= 10


def test_the_pointer_is_premultiplied() -> None:
    image = pointer_image()
    assert image.shape == (SIZE, SIZE, 4)
    assert (image[..., :3] <= image[..., 3:]).all()
    assert image[TIP[1] + 2, TIP[0] + 1].tolist() == [255, 255, 255, 255]
    assert 0 < image[TIP[1] + 16, TIP[0] + 12, 3] < 255


@given(st.integers(-70, 70), st.integers(-70, 70))
def test_blending_is_clipped_at_the_edges(left: int, top: int) -> None:
    picture = np.full((40, 50, 4), 100, np.uint8)
    blend(picture, left, top, np.full((20, 20, 4), 255, np.uint8))
    covered = Rect(left, top, left + 20, top + 20).clipped(50, 40)
    area = covered.width * covered.height if covered else 0
    assert (picture == 255).all(axis=2).sum() == area


@pytest.mark.parametrize("size", ["64x64", "65x64", "299x219", "300x220", "640x480", "1024x64", "64x1024"])
def test_a_desktop_can_be_drawn_at_any_size(size: str) -> None:
    with simulated(f"gvt,size={size},format=YUYV,cursor=off") as (device, _):
        picture = true_picture(device)
        assert len(np.unique(picture.reshape(-1, 4), axis=0)) > 50


def test_the_outermost_pixels_tell_the_sides_apart() -> None:
    with simulated("gvt,size=640x480,cursor=off,fps=0") as (device, _):
        picture = true_picture(device)
        sides = {tuple(line[len(line) // 4]) for line in (picture[0], picture[:, -1], picture[-1], picture[:, 0])}
        assert len(sides) == 4


def test_no_memory_is_an_error_and_not_a_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise OSError(errno.EMFILE, "too many")

    monkeypatch.setattr("os.memfd_create", refuse)
    with pytest.raises(OSError):
        open_simulated("gvt,size=64x64", Clock())


def test_memory_knows_when_nobody_else_has_it() -> None:
    memory = Memory(8192)
    fd, export = memory.export()
    held = export.alive
    os.close(fd)
    assert (held, export.alive) == (True, False)
    export.release()
    memory.close()
    memory.close()


def test_freed_memory_cannot_be_mapped() -> None:
    """Python's mmap takes the fd -1 for anonymous memory, which would be a black picture."""
    memory = Memory(8192)
    memory.close()
    memory.close()
    with refused(errno.EBADF):
        memory.map(8192)
