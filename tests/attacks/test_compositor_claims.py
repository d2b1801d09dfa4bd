"""What a Wayland compositor tells of presentation is a claim: no nonsense gets into a figure, and nothing piles up.

A compositor is a program of this user, but a nested one, a remote one or one under development may tell anything.
"""

import time
from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from app.measure.record.frame_record import FrameRecord
from app.measure.record.recorder import Recorder
from app.planes.frame import Frame
from app.planes.status import Reason, Status
from tests.unit.ui.window.compositor import SURFACE, FakeCompositor
from ui.window.wayland.wayland_client import Library
from ui.window.wayland.wayland_presentation import WaylandPresentation

_WORD = st.integers(0, 0xFFFF_FFFF)
_SECOND = 1_000_000_000


@given(st.lists(st.tuples(st.integers(0, 5), st.lists(_WORD, min_size=7, max_size=7)), max_size=12), st.integers(0, 99))
def test_no_false_time_gets_into_a_record(answers: list[tuple[int, list[int]]], clock: int) -> None:
    """Random events with random words, of any clock: every picture has no time, or one that can be true."""
    compositor = FakeCompositor(clock=clock)
    presentation = WaylandPresentation(cast("Library", compositor), 1)
    compositor.announce()
    records: list[FrameRecord] = []
    recorder = Recorder([records.append], expects_present=True)
    for opcode, words in answers:
        now = time.monotonic_ns()
        number = recorder.drawn(Frame(Status(Reason.OK)), now - 1, now).number
        assert presentation.request(SURFACE, number, recorder.presented)
        compositor.event(compositor.feedbacks()[-1], opcode, words)
    recorder.finish()
    presentation.close()
    assert len(records) == len(answers)
    for record in records:
        assert record.present_ns is None or record.submit_ns <= record.present_ns <= time.monotonic_ns() + _SECOND
    assert compositor.alive == {}


def test_a_compositor_that_never_answers_is_asked_no_more() -> None:
    compositor = FakeCompositor()
    presentation = WaylandPresentation(cast("Library", compositor), 1)
    compositor.announce()
    most = 0
    for number in range(1000):
        presentation.request(SURFACE, number, lambda *_: None)
        most = max(most, len(compositor.feedbacks()))
    assert most == 16
    assert presentation.usable is False and compositor.alive == {}


def test_a_connection_that_breaks_ends_the_times_and_not_the_window() -> None:
    compositor = FakeCompositor()
    presentation = WaylandPresentation(cast("Library", compositor), 1)
    compositor.announce()
    assert presentation.request(SURFACE, 1, lambda *_: None)
    compositor.broken = True
    assert not presentation.request(SURFACE, 2, lambda *_: None)
    assert presentation.usable is False
    assert compositor.alive == {}
