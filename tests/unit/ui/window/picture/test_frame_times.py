"""Measuring the pictures of a window, as long as somebody wants that."""

import time
from types import SimpleNamespace
from typing import Any

from app.measure.loop.frame_loop import LoopObserver
from app.measure.record.frame_record import FrameRecord, Kind
from app.planes.frame import Frame
from tests.unit.app.measure.records import frame, surface
from ui.window.picture.frame_times import FrameTimes, PresentationSource

# Without timer queries.
CONTEXT: Any = SimpleNamespace(gl=None, extensions=frozenset())


class Loop:
    """The part of a QtFrameLoop that is used."""

    def __init__(self) -> None:
        self.frame = frame(surface(1))
        self.observer: LoopObserver | None = None

    def observe(self, observer: LoopObserver | None) -> None:
        self.observer = observer


def draw(times: FrameTimes, shown: Frame) -> None:
    times.begin(CONTEXT)
    times.drawn(shown, None)
    times.swapped()


def measured() -> tuple[FrameTimes, Loop, Any]:
    times, loop = FrameTimes(SimpleNamespace(winId=lambda: 1)), Loop()  # type: ignore[arg-type]
    watched: Any = loop
    times.watch(watched)
    return times, loop, watched


def is_measured(times: FrameTimes, loop: Loop) -> bool:
    assert loop.observer is times.recorder
    return loop.observer is not None


def finish(times: FrameTimes) -> None:
    assert times.recorder is not None
    times.recorder.finish()


def test_nothing_is_observed_until_somebody_wants_records_and_after_nobody_does() -> None:
    times, loop, _ = measured()
    draw(times, loop.frame)
    assert not is_measured(times, loop) and times.presentation_source is None
    one: list[FrameRecord] = []
    other: list[FrameRecord] = []
    times.want(one.append)
    times.want(other.append)
    assert is_measured(times, loop)
    assert [times.presentation_source] == [PresentationSource.FRAME_SWAPPED]
    before = time.monotonic_ns()
    draw(times, loop.frame)
    # At once, because this context cannot time the GPU.
    assert len(one) == len(other) == 1
    times.drop(one.append)
    draw(times, loop.frame)
    finish(times)
    times.drop(other.append)
    assert not is_measured(times, loop)
    draw(times, loop.frame)
    assert [each.number for each in one] == [1]
    assert [each.number for each in other] == [1, 2]
    present = one[0].present_ns
    assert present is not None and before <= one[0].begin_ns <= one[0].submit_ns <= present <= time.monotonic_ns()


def test_after_a_restart_only_new_pictures_count() -> None:
    """An answer for an older picture, which has the number of a newer one, is not taken for that of the newer one."""
    times, loop, _ = measured()
    records: list[FrameRecord] = []
    times.want(records.append)
    old = times.recorder
    assert old is not None
    times.begin(CONTEXT)
    times.drawn(loop.frame, None)
    new = times.restart()
    # The swap of the old picture.
    times.swapped()
    times.begin(CONTEXT)
    times.drawn(loop.frame, None)
    old.presented(1, 5)
    old.gpu_time(1, 6)
    old.finish()
    assert records == [] and loop.observer is new
    times.swapped()
    new.finish()
    assert [each.number for each in records] == [1]
    assert records[0].present_ns != 5 and records[0].gpu_ns is None


def polls_of(times: FrameTimes, loop: Loop) -> int:
    """How many polls are counted after one more."""
    assert loop.observer is not None and times.recorder is not None
    loop.observer.polled(1, 2)
    return times.recorder.counters.polls


def test_polls_are_counted_only_for_those_who_want_them() -> None:
    """What counts them begins at that moment, so that the number of polls a second is right."""
    times, loop, _ = measured()
    overlay: list[FrameRecord] = []
    panel: list[FrameRecord] = []
    times.want(overlay.append, polls=False)
    assert polls_of(times, loop) == 0
    assert loop.observer is not None
    loop.observer.found(frame(surface(2)))
    draw(times, loop.frame)
    started = times.start
    times.want(panel.append)
    assert times.start is not started
    assert [polls_of(times, loop), polls_of(times, loop)] == [1, 2]
    draw(times, loop.frame)
    times.drop(panel.append)
    assert polls_of(times, loop) == 2
    draw(times, loop.frame)
    assert [each.kind for each in overlay] == [Kind.FLIP, Kind.REPEAT, Kind.REPEAT]
    assert len(panel) == 1


def test_another_loop_is_observed_instead_of_the_old_one() -> None:
    times, loop, _ = measured()
    times.want(lambda _: None)
    other: Any = Loop()
    times.watch(other)
    assert loop.observer is None and other.observer is times.recorder
    times.close()
    times.close()
    assert other.observer is times.recorder is None


def test_a_picture_that_failed_is_not_counted() -> None:
    times, loop, _ = measured()
    records: list[FrameRecord] = []
    times.want(records.append)
    times.begin(CONTEXT)
    times.failed()
    times.swapped()
    draw(times, loop.frame)
    finish(times)
    assert [each.number for each in records] == [1]
