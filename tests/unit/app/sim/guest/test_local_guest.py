"""The guest of a simulated device: when it flips, what it shows, and what it draws for that."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.sim.guest.local_guest import LocalGuest
from tests.unit.sim_tools import SECOND, query, simulated, true_picture, viewed_picture


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
            times = [each.begin_ns for each in device.flips(opened)]
            assert times[0] == opened
            assert times[-1] == flipped
            assert len(times) == pytest.approx((flipped - opened) * fps / SECOND + 1, abs=0.01)


def test_flip_times_are_those_of_the_given_period() -> None:
    with simulated("gvt,size=64x64,fps=10") as (device, clock):
        opened = clock.now
        clock.advance(10)
        times = [each.begin_ns for each in device.flips(opened + SECOND, opened + 2 * SECOND)]
        assert [(each - opened) / SECOND for each in times] == [1 + number / 10 for number in range(11)]
        assert device.flips(opened + 5, opened) == []


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
        assert isinstance(device.guest, LocalGuest)
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


def test_the_outermost_pixels_tell_the_sides_apart() -> None:
    with simulated("gvt,size=640x480,cursor=off,fps=0") as (device, _):
        picture = true_picture(device)
        sides = {tuple(line[len(line) // 4]) for line in (picture[0], picture[:, -1], picture[-1], picture[:, 0])}
        assert len(sides) == 4
