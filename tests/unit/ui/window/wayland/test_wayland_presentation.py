"""Presentation times from a Wayland compositor."""

import time
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.ui.window.compositor import SURFACE, FakeCompositor
from ui.window.wayland.wayland_client import Library
from ui.window.wayland.wayland_presentation import (
    FLAGS,
    WaylandPresentation,
    is_plausible,
    presented_ns,
    to_monotonic,
    wayland_presentation,
)

_WORD = st.integers(0, 0xFFFF_FFFF)


def connect(compositor: FakeCompositor) -> WaylandPresentation:
    return WaylandPresentation(cast("Library", compositor), 1)


@given(_WORD, _WORD, _WORD)
def test_a_time_is_64_bits_of_seconds_and_less_than_a_second_of_nanoseconds(high: int, low: int, rest: int) -> None:
    found = presented_ns((high, low, rest, 1, 2, 3, 4))
    if rest >= 1_000_000_000:
        assert found is None
    else:
        assert found is not None
        assert divmod(found, 1_000_000_000) == ((high << 32) + low, rest)


def test_times_of_another_clock_are_converted_and_of_an_unknown_one_are_not_known() -> None:
    now = time.monotonic_ns()
    assert to_monotonic(now, time.CLOCK_MONOTONIC) == now
    converted = to_monotonic(time.clock_gettime_ns(time.CLOCK_REALTIME), time.CLOCK_REALTIME)
    assert converted is not None and now <= converted <= time.monotonic_ns() + 1_000_000
    # The clock of a process, and no clock at all.
    assert to_monotonic(now, time.CLOCK_PROCESS_CPUTIME_ID) is to_monotonic(now, 0xFFFF_FFF0) is None


@given(st.integers(0, 1 << 62), st.integers(0, 1 << 62), st.integers(0, 1 << 40))
def test_no_picture_is_shown_before_it_was_asked_for_or_long_after_now(ns: int, asked: int, waited: int) -> None:
    assert is_plausible(ns, asked, asked + waited) == (asked <= ns <= asked + waited + 1_000_000_000)


def test_each_picture_gets_its_own_answer_whatever_their_order() -> None:
    compositor = FakeCompositor()
    presentation = connect(compositor)
    at_first = presentation.usable
    assert at_first is None
    assert not presentation.request(SURFACE, 1, lambda *_: None)
    compositor.announce()
    assert presentation.usable is True
    told: list[tuple[int, int | None]] = []
    for number in (2, 3, 4):
        assert presentation.request(SURFACE, number, lambda number, ns: told.append((number, ns)))
    now = time.monotonic_ns()
    first, second, third = compositor.feedbacks()
    # On which output; it is no answer.
    compositor.event(first, 0, (5,))
    compositor.event(second, 2, ())
    compositor.show(third, now + 2, FLAGS["vsync"] | FLAGS["hw_clock"])
    compositor.show(first, now + 1, FLAGS["vsync"])
    assert told == [(3, None), (4, now + 2), (2, now + 1)]
    assert presentation.counts == {
        "presented": 2,
        "discarded": 1,
        "vsync": 2,
        "hw_clock": 1,
        "hw_completion": 0,
        "zero_copy": 0,
    }
    presentation.close()
    presentation.close()
    assert compositor.alive == {}


def test_nothing_is_told_after_the_end_and_no_object_is_left() -> None:
    compositor = FakeCompositor()
    presentation = connect(compositor)
    compositor.announce()
    assert presentation.request(SURFACE, 1, lambda *_: pytest.fail("told after the end"))
    presentation.close()
    assert compositor.alive == {} and compositor.handlers == {}
    assert presentation.usable is False


def test_a_compositor_without_the_protocol_is_known_to_tell_nothing() -> None:
    compositor = FakeCompositor(offers=False)
    presentation = connect(compositor)
    compositor.announce()
    assert presentation.usable is False
    assert not presentation.request(SURFACE, 1, lambda *_: None)
    presentation.close()
    assert compositor.alive == {}


def test_an_older_qt_that_numbers_its_windows_gives_no_surface(caplog: pytest.LogCaptureFixture) -> None:
    compositor = FakeCompositor()
    presentation = connect(compositor)
    compositor.announce()
    assert not presentation.request(1, 1, lambda *_: None)
    assert presentation.usable is False
    assert "does not tell its surface" in caplog.text
    presentation.close()


def test_no_other_platform_has_it() -> None:
    assert wayland_presentation() is None
