"""The one loop: what it asks, when a picture is due, and how it ends."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.measure.loop.frame_loop import FrameLoop, Wait
from app.measure.loop.pacing import Pace, Pacer
from app.planes.buffer import MemoryBuffer
from app.planes.frame import Frame, Surface
from app.planes.pixel_samples import Look
from app.planes.plane import Backing, Plane, PlaneKind
from app.planes.status import Reason, Status

_MS = 1_000_000
_SECOND = 1000 * _MS
_PACE = Pace()


def _shown(serial: int) -> Frame:
    plane = Plane(PlaneKind.PRIMARY, Backing.MEMORY, 0x34325258, 0, 4, 4, 16, 64, 0, 0, None, None)
    return Frame(Status(Reason.OK), Surface(plane, MemoryBuffer(bytes(64))), serial=serial)


class _Source:
    """A source that a test fills with frames; ``calls`` is what it was told."""

    def __init__(self, *, tells_damage: bool = False, fd: int = -1) -> None:
        self.tells_damage = tells_damage
        self.fd = fd
        self.frame = Frame(Status(Reason.PLANE_OFF))
        self.calls: list[object] = []
        self.looks = 0

    def latest(self) -> Frame:
        self.looks += 1
        return self.frame

    def fileno(self) -> int:
        return self.fd

    def shown(self, frame: Frame, ns: int) -> None:
        self.calls.append(("shown", frame.serial, ns))

    def release_buffers(self) -> None:
        self.calls.append("release_buffers")

    def close(self) -> None:
        self.calls.append("close")


class _Run:
    """A loop on a clock of its own, and what it said, in order."""

    def __init__(self, source: _Source) -> None:
        self.now = 0
        self.source = source
        self.events: list[str] = []
        self.loop = FrameLoop(
            source,
            Pacer(_PACE, 0),
            due=self._draw,
            changed=lambda frame: self.events.append(f"changed {frame.status.reason.key}"),
            gone=lambda: self.events.append(f"gone {source.calls}"),
            clock=lambda: self.now,
        )

    def _draw(self) -> None:
        self.events.append("due")
        self.loop.latest()
        self.loop.drawn()
        self.loop.shown()

    def step(self, after: int = 0) -> Wait | None:
        self.now += after
        self.events.clear()
        return self.loop.step()


def test_new_frame_is_told_and_drawn_once() -> None:
    run = _Run(_Source())
    assert run.step() == Wait(-1, _PACE.poll)
    assert run.events == ["changed plane-off", "due"]
    run.step(_MS)
    assert run.events == []


def test_unchanged_picture_is_drawn_again_at_the_displays_pace() -> None:
    """There is no damage signal: the guest may have drawn into the buffer on show."""
    run = _Run(_Source())
    run.source.frame = _shown(1)
    run.step()
    # After a flip the guest shows its changes by the next one, until it rests.
    assert run.step(_PACE.rest_after) is not None
    assert run.events == ["due"]
    run.step(_PACE.redraw - 1)
    assert run.events == []
    run.step(1)
    assert run.events == ["due"]


def test_source_that_tells_damage_is_neither_polled_nor_drawn_without_a_reason() -> None:
    run = _Run(_Source(tells_damage=True, fd=7))
    run.source.frame = _shown(1)
    assert run.step() == Wait(7, None)
    run.step(10 * _PACE.sleep_after)
    assert run.events == []
    run.source.frame = replace(run.source.frame, serial=2)
    run.step()
    assert run.events == ["changed ok", "due"]


def test_picture_whose_plane_is_tried_again_is_due_then() -> None:
    """As the renderer asks for, where a passing failure kept it from showing a plane."""
    run = _Run(_Source(tells_damage=True, fd=7))
    run.source.frame = _shown(1)
    run.step()
    run.loop.drawn(run.now + 200 * _MS)
    assert run.step(50 * _MS) == Wait(7, 150 * _MS)
    assert run.events == []
    run.step(150 * _MS)
    assert run.events == ["due"]
    assert run.step(_MS) == Wait(7, None)


def test_hidden_window_is_asked_once_for_the_picture_that_is_tried_again() -> None:
    """It does not draw. To ask at each step would keep the processor busy until it is exposed."""
    run = _Run(_Source(tells_damage=True, fd=7))
    run.source.frame = _shown(1)
    run.step()
    run.loop.drawn(run.now + 200 * _MS)
    due = []
    run.loop._due = lambda: due.append(run.now)
    assert run.step(200 * _MS) == Wait(7, None)
    assert run.step(_MS) == Wait(7, None)
    assert due == [200 * _MS]


def test_picture_that_is_tried_again_is_forgotten_with_its_plane() -> None:
    run = _Run(_Source(tells_damage=True, fd=7))
    run.source.frame = _shown(1)
    run.step()
    run.loop.drawn(run.now + 200 * _MS)
    run.loop._due = lambda: None
    run.source.frame = Frame(Status(Reason.PLANE_OFF))
    run.step(300 * _MS)
    assert run.step(_MS) == Wait(7, None)


def test_source_does_not_hear_of_a_frame_that_could_not_be_drawn() -> None:
    run = _Run(_Source())
    run.source.frame = _shown(1)
    run.loop.latest()
    run.loop.drawn(failed=True)
    run.loop.shown()
    assert run.source.calls == []
    run.loop.drawn()
    run.loop.shown()
    assert run.source.calls == [("shown", 1, 0)]


def test_source_may_replace_its_fd() -> None:
    run = _Run(_Source(tells_damage=True, fd=7))
    assert run.step() == Wait(7, None)
    run.source.fd = 8
    assert run.step() == Wait(8, None)
    run.loop.close()
    assert run.loop.fd == -1


def test_source_with_a_fd_that_tells_no_damage_is_polled_as_well() -> None:
    """As a VM's device, whose fd tells the VM's end alone."""
    assert _Run(_Source(fd=7)).step() == Wait(7, _PACE.poll)


def test_source_hears_once_of_each_frame_that_was_shown() -> None:
    run = _Run(_Source())
    run.source.frame = _shown(1)
    run.step()
    run.step(_PACE.rest_after)
    run.source.frame = _shown(2)
    run.step()
    assert [each for each in run.source.calls if each[0] == "shown"] == [  # type: ignore[index]
        ("shown", 1, 0),
        ("shown", 2, _PACE.rest_after),
    ]


def test_source_that_is_gone_is_closed_before_anybody_hears_of_it() -> None:
    run = _Run(_Source())
    run.step()
    run.source.frame = Frame(Status(Reason.VM_ENDED))
    run.source.calls.clear()
    assert run.step() is None
    # What was made from its buffers goes first.
    assert run.events == ["gone ['release_buffers']", "changed vm-ended", "due"]
    assert run.source.calls == ["release_buffers", "close"]
    looks = run.source.looks
    assert run.step() is None and run.loop.latest() is run.source.frame
    assert (run.events, run.source.looks) == ([], looks)
    run.loop.close()
    assert run.source.calls == ["release_buffers", "close"]


def test_run_waits_as_told_until_it_is_finished() -> None:
    run, waits = _Run(_Source()), []

    def wait(fd: int, ns: int | None) -> None:
        waits.append((fd, ns))
        assert ns is not None
        run.now += ns

    run.loop.run(wait, lambda: len(waits) == 3)
    assert waits == [(-1, _PACE.poll)] * 3


def test_run_ends_with_its_source() -> None:
    run = _Run(_Source())
    run.source.frame = Frame(Status(Reason.DEVICE_REMOVED))
    run.loop.run(lambda *_: pytest.fail("there is nothing to wait for"), lambda: False)


@given(st.lists(st.sampled_from(["flip", "off", "draw", "rest", "tick", "close"]), max_size=40), st.booleans())
def test_whatever_happens_nothing_is_asked_after_the_close(steps: list[str], pushed: bool) -> None:
    run = _Run(_Source(tells_damage=pushed, fd=5 if pushed else -1))
    closed = False
    actions: dict[str, Callable[[], object]] = {
        "flip": lambda: setattr(run.source, "frame", _shown(run.source.looks)),
        "off": lambda: setattr(run.source, "frame", Frame(Status(Reason.PLANE_OFF))),
        "draw": run.loop.drawn,
        "rest": lambda: setattr(run, "now", run.now + _PACE.sleep_after),
        "tick": lambda: setattr(run, "now", run.now + _MS),
        "close": run.loop.close,
    }
    for each in steps:
        looks = run.source.looks
        actions[each]()
        closed = closed or each == "close"
        wait = run.step()
        assert (wait is None) is closed
        assert run.source.looks == looks if closed else run.source.looks > looks
        if not closed:
            assert run.loop.frame is run.source.frame
    assert run.source.calls.count("close") == int(closed)


class _Pixels:
    """What a test lets a look find, and what the loop told of it."""

    def __init__(self, run: _Run) -> None:
        self._run = run
        self.looks = 0
        self.draw = False
        self.changed = False
        self.takes_ns = 0
        self.told: list[tuple[int, int]] = []

    def look(self, frame: Frame) -> Look | None:
        assert frame is self._run.source.frame
        self.looks += 1
        changed, self.changed = self.changed, False
        began = self._run.now
        self._run.now += self.takes_ns
        return Look(self.draw or changed, began, began - 5 if changed else None)

    def polled(self, start_ns: int, end_ns: int) -> None:
        pass

    def found(self, frame: Frame) -> None:
        pass

    def pixels_changed(self, previous_ns: int, seen_ns: int) -> None:
        self.told.append((previous_ns, seen_ns))


def _resting(*, tells_damage: bool = False) -> tuple[_Run, _Pixels]:
    """A loop whose guest has not changed anything for a long time."""
    run = _Run(_Source(tells_damage=tells_damage, fd=7 if tells_damage else -1))
    pixels = _Pixels(run)
    run.loop._probe = pixels.look
    run.loop._observer = pixels
    run.source.frame = _shown(1)
    run.step()
    run.step(2 * _PACE.sleep_after)
    return run, pixels


def test_unchanged_pixels_are_looked_at_in_each_poll_and_never_drawn() -> None:
    run, pixels = _resting()
    for n in range(1, 100):
        assert run.step(_PACE.poll_asleep) == Wait(-1, _PACE.poll_asleep)
        assert (run.events, pixels.looks) == ([], n + 1)
    assert pixels.told == []


def test_first_changed_pixel_is_drawn_by_the_poll_that_finds_it() -> None:
    run, pixels = _resting()
    pixels.changed = True
    assert run.step(_PACE.poll_asleep) == Wait(-1, _PACE.poll_at_rest)
    assert run.events == ["due"]
    assert pixels.told == [(run.now - 5, run.now)]
    # The guest is probably drawing more: it is drawn at the display's rate for a while.
    run.step(_PACE.redraw)
    assert run.events == ["due"]
    run.step(_PACE.rest_after)
    assert run.events == []


def test_a_change_is_told_to_lie_before_the_end_of_the_look_that_saw_it() -> None:
    run, pixels = _resting()
    pixels.changed, pixels.takes_ns = True, 300_000
    run.step(_PACE.poll_asleep)
    assert pixels.told == [(run.now - 300_000 - 5, run.now)]


def test_pixels_that_were_never_looked_at_are_drawn_but_not_told_as_changed() -> None:
    run, pixels = _resting()
    pixels.draw = True
    run.step(_PACE.poll_asleep)
    assert (run.events, pixels.told) == (["due"], [])


def test_source_that_tells_damage_is_not_looked_at() -> None:
    run, pixels = _resting(tells_damage=True)
    run.step(_SECOND)
    assert (run.events, pixels.looks) == ([], 0)


def test_users_input_makes_the_loop_poll_and_draw_at_once() -> None:
    run, _ = _resting()
    run.loop.woken()
    assert run.step(_MS) == Wait(-1, _PACE.poll)
    assert run.events == ["due"]


def test_hidden_picture_is_neither_looked_at_nor_drawn_and_polled_slowly() -> None:
    run, pixels = _resting()
    run.loop.set_visible(False)
    looks = pixels.looks
    assert run.step(_SECOND) == Wait(-1, _PACE.poll_hidden)
    assert (run.events, pixels.looks) == ([], looks)
    run.loop.set_visible(True)
    assert run.step(_MS) == Wait(-1, _PACE.poll)
    assert run.events == ["due"]


@given(st.lists(st.tuples(st.sampled_from(["flip", "pixels", "input", "none"]), st.integers(0, 700)), max_size=30))
def test_whatever_the_guest_does_the_last_picture_has_its_last_pixels(events: list[tuple[str, int]]) -> None:
    """And in the end nothing is drawn any more."""
    run, pixels = _resting()
    drawn_at, changed_at = run.now, 0
    for event, wait_ms in events:
        if event == "flip":
            run.source.frame, changed_at = _shown(run.source.looks), run.now
        elif event == "pixels":
            pixels.changed, changed_at = True, run.now
        elif event == "input":
            run.loop.woken()
        end = run.now + wait_ms * _MS
        while run.now < end:
            wait = run.step()
            drawn_at = run.now if "due" in run.events else drawn_at
            assert wait is not None and wait.ns is not None
            run.now += wait.ns
    for _ in range(2000):
        wait = run.step()
        drawn_at = run.now if "due" in run.events else drawn_at
        assert wait is not None and wait.ns is not None
        run.now += wait.ns
    assert drawn_at >= changed_at
    assert run.events == []
    assert wait == Wait(-1, _PACE.poll_asleep)


def test_a_fixed_interval_of_polls_is_kept_when_a_picture_is_drawn() -> None:
    source = _Source()
    for pace, looks in ((Pace(), 1), (Pace.fixed(30 * _MS), 0)):
        loop = FrameLoop(source, Pacer(pace, 0), clock=lambda: 0)
        source.looks = 0
        loop.newest()
        assert source.looks == looks


def test_who_looks_at_no_pixels_does_not_see_them_change() -> None:
    def sees(pace: Pace, *, tells_damage: bool = False, probes: bool = True) -> bool:
        probe = (lambda _frame: None) if probes else None
        return FrameLoop(_Source(tells_damage=tells_damage), Pacer(pace, 0), probe=probe).sees_pixels

    assert sees(Pace()) and sees(Pace.fixed(1), tells_damage=True, probes=False)
    assert not sees(Pace.fixed(16_000_000)) and not sees(Pace(), probes=False)
