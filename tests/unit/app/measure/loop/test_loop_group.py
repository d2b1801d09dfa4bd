"""Several loops on one timer: they are stepped together, drawn together, and not more often than allowed."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from app.measure.loop.frame_loop import FrameLoop
from app.measure.loop.loop_group import THUMBNAIL_PACE, LoopGroup
from app.measure.loop.pacing import Pacer
from app.planes.frame import Frame
from app.planes.status import Reason, Status

_MS = 1_000_000
_DRAW = 50 * _MS


class _Source:
    """Has a new frame when a test says so; counts the polls."""

    tells_damage = False

    def __init__(self, fd: int = -1) -> None:
        self.frame = Frame(Status(Reason.PLANE_OFF))
        self.polls = 0
        self.fd = fd
        self.closed = False

    def change(self) -> None:
        self.frame = replace(self.frame, serial=self.frame.serial + 1)

    def latest(self) -> Frame:
        self.polls += 1
        return self.frame

    def fileno(self) -> int:
        return self.fd

    def shown(self, frame: Frame, ns: int) -> None:
        pass

    def release_buffers(self) -> None:
        pass

    def close(self) -> None:
        self.closed = True


class _Run:
    """A group on a clock of its own. ``wakes`` are the times at which it was stepped, ``draws`` those of draws."""

    def __init__(self) -> None:
        self.now = 1
        self.wakes: list[int] = []
        self.draws: list[int] = []
        self.group = LoopGroup(lambda: self.draws.append(self.now), _DRAW, lambda: self.now)

    def add(self, source: _Source) -> FrameLoop:
        loop = FrameLoop(source, Pacer(THUMBNAIL_PACE, self.now), due=self.group.want_draw, clock=lambda: self.now)
        self.group.add(loop)
        return loop

    def until(self, end: int) -> None:
        while (due := self.group.next_ns()) is not None and max(due, self.now) < end:
            self.now = max(due, self.now)
            self.wakes.append(self.now)
            self.group.step()
        self.now = end


def test_many_loops_at_rest_wake_the_program_as_often_as_one() -> None:
    wakes = []
    for count in (1, 16):
        run = _Run()
        for index in range(count):
            run.add(_Source())
            # They begin at different times.
            run.until(run.now + index * 3 * _MS)
        run.until(20_000 * _MS)
        run.wakes.clear()
        run.until(30_000 * _MS)
        wakes.append(len(run.wakes))
    assert wakes[0] <= 10_000 * _MS // THUMBNAIL_PACE.poll_asleep + 1
    assert wakes[1] == wakes[0]


def test_active_loop_is_polled_at_its_own_pace_beside_sleeping_ones() -> None:
    run = _Run()
    active, asleep = _Source(), _Source()
    run.add(active)
    run.add(asleep)
    run.until(20_000 * _MS)
    active.polls = asleep.polls = 0
    for each in range(100):
        active.change()
        run.until(20_000 * _MS + (each + 1) * 20 * _MS)
    assert active.polls >= 90
    assert asleep.polls <= 10


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 400)), max_size=60))
def test_surface_is_drawn_after_each_change_and_never_too_often(changes: list[tuple[int, int]]) -> None:
    run = _Run()
    sources = [_Source() for _ in range(4)]
    for each in sources:
        run.add(each)
    run.until(1000 * _MS)
    run.draws.clear()
    for index, pause in changes:
        sources[index].change()
        before = run.now
        run.until(run.now + pause * _MS)
        if pause * _MS >= 2 * THUMBNAIL_PACE.poll_at_rest + 2 * _DRAW:
            assert any(each >= before for each in run.draws), "the change was never drawn"
    assert all(later - earlier >= _DRAW for earlier, later in zip(run.draws, run.draws[1:], strict=False))
    assert len(run.draws) <= len(changes), "drawn although nothing changed"


def test_readable_fd_wakes_its_loop_only() -> None:
    run = _Run()
    first, second = _Source(fd=7), _Source(fd=8)
    loops = [run.add(first), run.add(second)]
    run.group.step()
    assert run.group.fds == {7: loops[0], 8: loops[1]}
    first.polls = second.polls = 0
    run.group.wake(loops[1])
    run.group.step()
    assert (first.polls, second.polls) == (0, 1)
    run.group.remove(loops[1])
    run.group.wake(loops[1])
    run.group.step()
    assert second.polls == 1
    assert run.group.fds == {7: loops[0]}


def test_loop_may_be_removed_while_the_group_steps() -> None:
    """As when the end of one VM closes another tile."""
    run = _Run()
    first, second = _Source(), _Source()
    other = FrameLoop(second, Pacer(THUMBNAIL_PACE, 0), clock=lambda: run.now)
    loop = FrameLoop(
        first, Pacer(THUMBNAIL_PACE, 0), changed=lambda _frame: run.group.remove(other), clock=lambda: run.now
    )
    run.group.add(loop)
    run.group.add(other)
    first.change()
    run.group.step()
    assert second.polls == 0
    run.group.clear()
    assert run.group.next_ns() is None


def test_plane_that_is_tried_again_is_stepped_then() -> None:
    run = _Run()
    source = _Source()
    loop = run.add(source)
    run.until(20_000 * _MS)
    run.group.step()
    source.polls = 0
    run.group.retry(loop, run.now + 20 * _MS)
    run.group.retry(loop, None)
    run.until(run.now + 30 * _MS)
    assert source.polls == 1
