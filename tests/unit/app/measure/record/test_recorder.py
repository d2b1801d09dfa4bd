"""What is recorded of frames: kinds, counters, and when a record is complete."""

import gc
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from app.measure.record.frame_record import FrameRecord, Kind
from app.measure.record.recorder import Recorder
from app.planes.damage import DamagedRect
from app.planes.plane import PlaneKind
from tests.unit.app.measure.records import MS, frame, surface


def test_each_picture_has_the_kind_of_what_it_shows_first() -> None:
    done: list[FrameRecord] = []
    recorder = Recorder([done.append])
    one, two, cursor = surface(1), surface(2), surface(9, PlaneKind.CURSOR)
    first, second = frame(one), frame(two)
    moved = frame(two, cursor)
    recorder.start(first)
    for each in (first, second, moved):
        recorder.polled(0, 10)
        recorder.found(each)
        recorder.drawn(each, 2 * MS, 3 * MS)
    recorder.drawn(moved, 4 * MS, 5 * MS)
    recorder.pixels_changed(5 * MS, 6 * MS)
    recorder.drawn(moved, 7 * MS, 8 * MS)
    assert [each.kind for each in done] == [Kind.REPEAT, Kind.FLIP, Kind.CURSOR, Kind.REPEAT, Kind.CHANGE]
    assert (done[4].previous_poll_ns, done[4].seen_ns) == (5 * MS, 6 * MS)
    counters = recorder.counters
    assert (counters.flips_seen, counters.cursor_moves, counters.frames_shown, counters.repeats) == (1, 1, 3, 2)


def test_what_a_message_changed_in_the_buffer_on_the_screen_is_a_change_without_a_poll() -> None:
    done: list[FrameRecord] = []
    recorder = Recorder([done.append], polls=False)
    one, cursor = surface(1), surface(9, PlaneKind.CURSOR)
    first = frame(one)
    changed = replace(frame(one, before=5 * MS, seen=5 * MS), damage=(DamagedRect(0, 0, 2, 2),))
    both = replace(frame(one, cursor, before=7 * MS, seen=7 * MS), damage=(DamagedRect(0, 0, 2, 2),))
    same = replace(frame(one, cursor, before=8 * MS, seen=8 * MS), damage=())
    recorder.start(first)
    for each in (changed, both, same):
        recorder.polled(0, 10)
        recorder.found(each)
        recorder.drawn(each, 9 * MS, 10 * MS)
    recorder.finish()
    assert [(each.kind, each.seen_ns) for each in done] == [
        (Kind.CHANGE, 5 * MS),
        (Kind.CHANGE, 7 * MS),
        (Kind.REPEAT, None),
    ]
    assert (recorder.counters.polls, recorder.counters.flips_seen, recorder.counters.cursor_moves) == (0, 0, 1)
    assert recorder.stages.document().keys() == {"submit", "change_to_submit"}


def test_flip_that_another_one_replaces_is_superseded_and_its_latency_not_counted() -> None:
    recorder = Recorder()
    recorder.start(frame(surface(1)))
    recorder.found(frame(surface(2), before=0, seen=MS))
    last = frame(surface(3), before=10 * MS, seen=11 * MS)
    recorder.found(last)
    recorder.drawn(last, 12 * MS, 13 * MS)
    assert (recorder.counters.flips_seen, recorder.counters.flips_superseded) == (2, 1)
    document = recorder.stages["flip_to_submit"].document()
    assert document["count"] == 1
    assert document["p50_low_us"] <= 2000
    assert document["p50_high_us"] >= 3000


def test_cursor_that_moves_with_a_flip_leaves_it_a_flip() -> None:
    recorder = Recorder()
    recorder.start(frame(surface(1)))
    flipped = surface(2)
    recorder.found(frame(flipped, before=MS, seen=2 * MS))
    moved = frame(flipped, surface(9, PlaneKind.CURSOR), before=3 * MS, seen=4 * MS)
    recorder.found(moved)
    record = recorder.drawn(moved, 5 * MS, 6 * MS)
    assert (record.kind, record.seen_ns) == (Kind.FLIP, 2 * MS)


def test_record_waits_for_the_gpu_and_the_display() -> None:
    done: list[FrameRecord] = []
    recorder = Recorder([done.append], expects_gpu=True, expects_present=True)
    shown = frame(surface(1))
    records = [recorder.drawn(shown, MS, 2 * MS) for _ in range(3)]
    recorder.gpu_time(2, 300)
    recorder.presented(2, 20 * MS)
    assert done == []
    recorder.gpu_time(1, 500)
    # The display never showed the first one.
    recorder.presented(1, None)
    assert done == records[:2]
    assert (done[1].gpu_ns, done[1].present_ns, done[0].present_ns) == (300, 20 * MS, None)
    recorder.finish()
    assert done == records


def test_display_that_tells_nothing_holds_few_records_back() -> None:
    done: list[FrameRecord] = []
    recorder = Recorder([done.append], expects_present=True)
    for _ in range(100):
        recorder.drawn(frame(surface(1)), MS, 2 * MS)
    assert 80 <= len(done) < 100
    assert [each.number for each in done] == list(range(1, len(done) + 1))


def test_true_time_of_a_flip_is_recorded_beside_the_estimate() -> None:
    recorder = Recorder(true_flip_ns=lambda _frame: 7 * MS)
    recorder.start(frame(surface(1)))
    flipped = frame(surface(2), before=6 * MS, seen=8 * MS)
    recorder.found(flipped)
    recorder.drawn(flipped, 9 * MS, 10 * MS)
    true, estimate = (recorder.stages[name].document() for name in ("true_flip_to_submit", "flip_to_submit"))
    assert true["p50_low_us"] <= 3000 <= true["p50_high_us"]
    assert estimate["p50_low_us"] <= true["p50_us"] <= estimate["p50_high_us"]


def test_a_drawing_into_the_buffer_on_the_screen_is_counted_for_the_first_picture_of_it() -> None:
    """Later looks see other rows of the same drawing."""
    drawn_at = [0]
    recorder = Recorder(true_flip_ns=lambda _frame: drawn_at[0])
    shown = frame(surface(1))
    recorder.start(shown)
    for now in (20 * MS, 40 * MS, 60 * MS):
        drawn_at[0] = 15 * MS if now < 50 * MS else 58 * MS
        recorder.pixels_changed(now - 16 * MS, now)
        recorder.drawn(shown, now, now + MS)
    recorder.finish()
    true = recorder.stages["true_flip_to_submit"].document()
    assert true["count"] == 2
    assert true["p50_low_us"] <= 3000 <= true["p50_high_us"] and true["max_low_us"] <= 6000 <= true["max_high_us"]


def test_flips_that_no_poll_saw_are_counted_from_the_first_poll_of_the_run() -> None:
    lost = [7]
    recorder = Recorder(flips_lost=lambda: lost[0])
    assert recorder.flips_lost == 0
    lost[0] = 9
    recorder.polled(0, 1)
    lost[0] = 10
    recorder.polled(MS, MS + 1)
    assert recorder.flips_lost == 1
    assert Recorder().flips_lost is None


@given(st.lists(st.sampled_from("fcpd"), max_size=80))
def test_counters_agree_with_the_records_whatever_happens(events: list[str]) -> None:
    """Flips, cursor moves, changed pixels and drawn pictures in any order."""
    done: list[FrameRecord] = []
    recorder = Recorder([done.append])
    current = frame(surface(0))
    recorder.start(current)
    for number, event in enumerate(events):
        now = number * MS
        recorder.polled(now, now + 10)
        if event == "f":
            current = frame(surface(number), current.cursor, before=now - MS, seen=now)
            recorder.found(current)
        elif event == "c":
            current = frame(current.primary, surface(1, PlaneKind.CURSOR, number), before=now - MS, seen=now)
            recorder.found(current)
        elif event == "p":
            recorder.pixels_changed(now - MS, now)
        else:
            recorder.drawn(current, now, now + 100)
    counters, kinds = recorder.counters, [each.kind for each in done]
    waiting = counters.flips_seen - kinds.count(Kind.FLIP) - counters.flips_superseded
    assert waiting in (0, 1)
    assert counters.flips_seen == events.count("f")
    assert counters.cursor_moves == events.count("c")
    assert counters.repeats == kinds.count(Kind.REPEAT)
    assert counters.frames_shown == len(kinds) - counters.repeats
    assert recorder.stages["flip_to_submit"].count == kinds.count(Kind.FLIP)


def test_recording_causes_no_run_of_the_garbage_collector() -> None:
    recorder = Recorder(expects_gpu=True)
    shown = frame(surface(1))
    runs: list[str] = []

    def note(phase: str, _info: dict[str, int]) -> None:
        runs.append(phase)

    for number in range(1, 100):
        recorder.drawn(shown, number * 1000, number * 1000 + 10)
    gc.collect()
    gc.callbacks.append(note)
    try:
        for number in range(100, 5100):
            recorder.polled(number * 1000, number * 1000 + 5)
            recorder.drawn(shown, number * 1000, number * 1000 + 10)
            recorder.gpu_time(number, 100)
    finally:
        gc.callbacks.remove(note)
    assert runs == []
