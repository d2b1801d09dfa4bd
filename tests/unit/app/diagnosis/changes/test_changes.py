"""What is told of frames, buffers, imports and findings."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.abi import drm_fourcc as drm
from app.diagnosis.changes.change import Change, ChangeKind
from app.diagnosis.changes.changes import ChangeLog
from app.diagnosis.finding import Finding, Severity
from app.planes.buffer import MemoryBuffer
from app.planes.buffer_facts import BufferFacts
from app.planes.frame import Frame, RejectedPlane, Surface
from app.planes.outcome import ImportMethod, Outcome, PixelPath
from app.planes.plane import Backing, Plane, PlaneKind
from app.planes.status import Reason, Status

SECOND = 1_000_000_000
OK = Status(Reason.OK)
BUFFERS = {number: MemoryBuffer(b"") for number in range(10)}
PRIMARY = Plane(PlaneKind.PRIMARY, Backing.DMABUF, drm.DRM_FORMAT_XRGB8888, 0, 64, 32, 256, 8192, 0, 0, None, None, 1)
CURSOR = replace(PRIMARY, kind=PlaneKind.CURSOR, width=16, height=16, handle=9)


def _frame(primary: Plane | None = PRIMARY, cursor: Plane | None = None, status: Status = OK) -> Frame:
    return Frame(status, _surface(primary), _surface(cursor))


def _surface(plane: Plane | None) -> Surface | None:
    return Surface(plane, BUFFERS[(plane.handle or 0) % 10]) if plane is not None else None


def _log(*frames: Frame) -> ChangeLog:
    """A log that saw these frames, long ago."""
    log = ChangeLog()
    for number, each in enumerate(frames):
        log.frame(each, number)
    return log


def _kinds(changes: tuple[Change, ...]) -> list[ChangeKind]:
    return [each.kind for each in changes]


def test_a_plane_that_comes_on_is_told_with_its_layout() -> None:
    changes = ChangeLog().frame(_frame(), 7)
    assert _kinds(changes) == [ChangeKind.STATE, ChangeKind.PLANE]
    assert changes[1].text == "primary on: 64x32 XR24 LINEAR, stride 256, id 1"
    assert (changes[1].ns, changes[1].plane) == (7, PlaneKind.PRIMARY)
    assert (changes[1].values["dmabuf_id"], changes[1].values["on"]) == (1, True)


def test_a_cursor_that_the_driver_refuses_is_told_once_with_its_errno() -> None:
    refused = Status(Reason.QUERY_REJECTED, "EINVAL: Invalid argument", 22)
    log, primary = ChangeLog(), _surface(PRIMARY)
    log.frame(Frame(OK, primary, cursor_status=OK), 0)
    (told,) = log.frame(Frame(OK, primary, cursor_status=refused), 1)
    assert told.text == "cursor cannot be shown: no-signal (query-rejected): EINVAL: Invalid argument"
    assert (told.kind, told.plane) == (ChangeKind.REJECTED, PlaneKind.CURSOR)
    assert log.frame(Frame(OK, primary, serial=2, cursor_status=refused), 2) == ()
    (told,) = log.frame(Frame(OK, primary, cursor_status=OK), 3)
    assert told.text == "cursor is no longer refused"
    # Both planes: that is the state of the picture.
    assert _kinds(log.frame(Frame(refused, cursor_status=refused), 4)) == [ChangeKind.STATE, ChangeKind.PLANE]


def test_the_same_frame_again_is_no_change() -> None:
    frame = _frame(cursor=CURSOR)
    log = _log(frame)
    assert log.frame(frame, SECOND // 2) == () == log.tick(SECOND // 2)


def test_before_the_first_poll_there_is_nothing_to_tell() -> None:
    assert ChangeLog().frame(Frame(Status(Reason.NOT_STARTED)), 0) == ()


@pytest.mark.parametrize(
    ("new", "kind", "text"),
    [
        ({"fourcc": drm.DRM_FORMAT_C8}, ChangeKind.FORMAT, "primary format XR24 -> C8"),
        ({"modifier": drm.I915_FORMAT_MOD_X_TILED}, ChangeKind.MODIFIER, "primary modifier LINEAR -> INTEL_X_TILED"),
        ({"width": 48, "height": 24}, ChangeKind.SIZE, "primary size 64x32 -> 48x24"),
        ({"stride": 512}, ChangeKind.STRIDE, "primary stride 256 -> 512"),
        ({"offset": 64}, ChangeKind.OFFSET, "primary offset 0 -> 64"),
        ({"y_inverted": True}, ChangeKind.ORIENTATION, "primary orientation False -> True"),
        ({"x": 1000}, ChangeKind.POSITION, "primary jumped 0,0 -> 1000,0"),
        ({"hot_x": 3, "hot_y": 5}, ChangeKind.HOT_SPOT, "primary hot spot 3,5"),
        ({"handle": 2}, ChangeKind.BUFFER, "primary shows id 2"),
    ],
)
def test_each_value_of_a_plane_has_a_change_of_its_own(new: dict[str, Any], kind: ChangeKind, text: str) -> None:
    (change,) = _log(_frame()).frame(_frame(replace(PRIMARY, **new)), 10)
    assert (change.kind, change.text) == (kind, text)


def test_a_change_of_mode_tells_each_value_that_changed() -> None:
    other = replace(PRIMARY, width=48, stride=192, handle=2)
    assert _kinds(_log(_frame()).frame(_frame(other), 10)) == [ChangeKind.SIZE, ChangeKind.STRIDE, ChangeKind.BUFFER]


def test_an_id_that_now_means_another_buffer_is_told() -> None:
    again = Frame(OK, Surface(PRIMARY, BUFFERS[5]))
    (change,) = _log(_frame()).frame(again, 10)
    assert (change.kind, change.text) == (ChangeKind.BUFFER, "primary id 1 is another buffer now")


def test_sixty_flips_a_second_among_three_buffers_are_a_few_lines() -> None:
    log = ChangeLog()
    told: list[Change] = []
    for number in range(60 * 25):
        told += log.frame(_frame(replace(PRIMARY, handle=1 + number % 3)), number * SECOND // 60)
    flips = [each for each in told if each.kind is ChangeKind.FLIPS]
    assert flips[0].text.startswith("primary flips among ids 1,2,3, ")
    assert flips[0].values["ids"] == [1, 2, 3]
    assert 59 < flips[0].values["rate_hz"] < 61
    assert len(flips) == 3 and len(told) == 2 + 2 + 3, "state, on, two ids, three times the flips"
    due = log.due_ns
    assert due is not None
    (stopped,) = log.tick(due)
    assert stopped.text == "primary stopped flipping, shows id 3"


def test_a_moving_cursor_is_told_every_ten_seconds() -> None:
    log = _log(_frame(cursor=CURSOR))
    told: list[Change] = []
    for number in range(1, 601):
        told += log.frame(_frame(cursor=replace(CURSOR, x=number % 50, y=7)), number * SECOND // 60)
    assert told == []
    due = log.due_ns
    assert due is not None
    (moved,) = log.tick(due)
    assert moved.text == "cursor moved 600 times, now at 0,7"


def test_a_cursor_that_jumps_each_frame_does_not_flood() -> None:
    log = _log(_frame(cursor=CURSOR))
    told: list[Change] = []
    for number in range(600):
        told += log.frame(_frame(cursor=replace(CURSOR, x=number % 2 * 5000)), number * SECOND // 60)
    assert 5 <= len(told) < 15


def test_a_query_that_fails_tells_the_kernels_word_and_that_the_planes_are_off() -> None:
    failed = Frame(Status(Reason.QUERY_REJECTED, "EINVAL: Invalid argument"))
    changes = _log(_frame(cursor=CURSOR)).frame(failed, 10)
    assert [each.text for each in changes] == [
        "state no-signal (query-rejected): EINVAL: Invalid argument",
        "primary off",
        "cursor off",
    ]
    assert changes[0].values["previous_reason"] == "ok"


def test_a_refused_cursor_is_told_and_that_it_is_no_longer_refused() -> None:
    refused = Status(Reason.BAD_GEOMETRY, "stride 0")
    log = _log(_frame())
    frame = replace(_frame(), rejected=(RejectedPlane(CURSOR, None, refused),))
    assert [each.text for each in log.frame(frame, 10)] == [
        "cursor on: 16x16 XR24 LINEAR, stride 256, id 9",
        "cursor cannot be shown: error (bad-geometry): stride 0",
    ]
    assert _kinds(log.frame(_frame(cursor=CURSOR), 20)) == [ChangeKind.REJECTED]


def test_the_end_is_told_even_after_a_flood() -> None:
    log = ChangeLog()
    for number in range(100):
        log.frame(Frame(OK if number % 2 else Status(Reason.PLANE_OFF)), number)
    changes = log.frame(Frame(Status(Reason.VM_ENDED, "QEMU ended")), 200)
    assert (changes[-1].kind, changes[-1].text) == (ChangeKind.END, "end: gone (vm-ended): QEMU ended")


def test_the_path_is_told_when_it_changes_and_not_when_only_its_words_do() -> None:
    log = _log(_frame())
    imported = Outcome(PixelPath.EGL_IMAGE, ImportMethod.EXPLICIT, (), OK)
    copied = Outcome(PixelPath.COPY, None, (), Status(Reason.IMPORT_FAILED, "try 1"))
    (first,) = log.outcome(PlaneKind.PRIMARY, imported, 1)
    assert first.text == "primary path egl-image by explicit-modifier"
    assert log.outcome(PlaneKind.PRIMARY, replace(imported), 2) == ()
    (second,) = log.outcome(PlaneKind.PRIMARY, copied, 3)
    assert second.text == "primary path copy, degraded (import-failed): try 1"
    again = replace(copied, status=Status(Reason.IMPORT_FAILED, "try 2"))
    assert log.outcome(PlaneKind.PRIMARY, again, 4) == ()


def test_buffers_are_told_when_they_come_and_go() -> None:
    log, facts = ChangeLog(), BufferFacts(7, PRIMARY, 8192, 5, 99, "i915", "screen")
    (fetched,) = log.buffers((facts,), 1)
    assert fetched.text == "fetched primary id 1: 8192 bytes, exporter i915, inode 99, name 'screen'"
    assert log.buffers((replace(facts, hits=5),), 2) == ()
    (released,) = log.buffers((), 3)
    assert (released.kind, released.values["inode"]) == (ChangeKind.RELEASED, 99)


def test_failed_queries_of_any_plane_are_counted() -> None:
    log = ChangeLog()
    assert log.query_errors((), 1) == ()
    (first,) = log.query_errors((("EINVAL", 2),), 2)
    assert first.text == "queries failed: EINVAL 2 times"
    assert log.query_errors((("EINVAL", 2),), 3) == ()
    (second,) = log.query_errors((("EINVAL", 5), ("ENOMEM", 1)), 4)
    assert second.values == {"query_errors": {"EINVAL": 3, "ENOMEM": 1}}


def test_findings_are_told_when_they_appear_and_when_they_go() -> None:
    log, finding = ChangeLog(), Finding("plane-off", Severity.INFO, "The plane is off.", "query: 0", "Wake the guest.")
    (appeared,) = log.findings((finding,), 1)
    assert appeared.text == "finding plane-off (info): The plane is off. Evidence: query: 0. Remedy: Wake the guest."
    assert appeared.values["remedy"] == "Wake the guest."
    assert log.findings((replace(finding, evidence="query: 1", message="The plane is off for 7 s."),), 2) == ()
    assert _kinds(log.findings((finding, finding), 2)) == [ChangeKind.FINDING], "one for each plane"
    assert _kinds(log.findings((finding,), 2)) == [ChangeKind.FINDING_GONE]
    (gone,) = log.findings((), 3)
    assert (gone.kind, gone.text) == (ChangeKind.FINDING_GONE, "finding plane-off is gone: The plane is off.")


WORDS = st.integers(0, 2**32 - 1)
PLACES = st.integers(-(2**31), 2**31 - 1)
PLANES = st.builds(
    Plane,
    st.just(PlaneKind.PRIMARY),
    st.sampled_from(Backing),
    fourcc=WORDS,
    modifier=st.integers(0, 2**64 - 1),
    width=WORDS,
    height=WORDS,
    stride=WORDS,
    size=WORDS,
    x=PLACES,
    y=PLACES,
    hot_x=WORDS | st.none(),
    hot_y=WORDS | st.none(),
    handle=st.integers(0, 3) | WORDS,
)
STATUSES = st.builds(Status, st.sampled_from(Reason), st.text(max_size=20))


@given(st.lists(st.tuples(PLANES | st.none(), STATUSES), min_size=1, max_size=60))
def test_whatever_a_guest_reports_the_log_is_short_printable_and_json(steps: list[tuple[Plane | None, Status]]) -> None:
    log = ChangeLog()
    told: list[Change] = []
    for number, (plane, status) in enumerate(steps):
        told += log.frame(_frame(plane, status=status), number * SECOND // 60)
    assert all(each.text.isprintable() for each in told)
    assert [each.ns for each in told] == sorted(each.ns for each in told)
    assert all(json.dumps(dict(each.values)) for each in told)
    kinds = {(each.kind, each.plane) for each in told}
    ends = sum(each.kind is ChangeKind.END for each in told)
    assert len(told) - ends <= 7 * len(kinds), "in one second"
