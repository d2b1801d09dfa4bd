"""The GPU's time for a frame, by timer queries."""

import ctypes
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from gl import api
from gl.context import Context
from gl.gpu_timer import EXTENSION, GpuTimer
from gl.render_target import RenderTarget
from gl.renderer import Renderer
from tests import gate
from tests.gl.counting import Calls
from tests.gl.surfaces import SurfaceFactory, frame, random_picture


@dataclass
class Timed:
    """A timer, what it told, and a picture that it can time."""

    timer: GpuTimer
    draw: Callable[[], object]
    times: list[tuple[int, int]] = field(default_factory=list)


@pytest.fixture
def timed(gl_context: Context, renderer: Renderer, surfaces: SurfaceFactory, target: RenderTarget) -> Iterator[Timed]:
    if EXTENSION not in gl_context.extensions:
        gate.unavailable(f"{gl_context.renderer} has no timer queries")
    times: list[tuple[int, int]] = []
    timer = GpuTimer(gl_context, lambda number, ns: times.append((number, ns)))
    shown = frame(surfaces.picture(random_picture(16, 8)))

    def draw() -> None:
        renderer.draw(shown, target)

    draw()
    yield Timed(timer, draw, times)
    timer.release()


def test_every_frame_gets_its_time(timed: Timed, gl_context: Context) -> None:
    """More frames than there are queries, so that each query is used again."""
    for number in range(1, 31):
        timed.timer.begin()
        timed.draw()
        timed.timer.end()
        timed.timer.assign(number)
        gl_context.gl.Finish()
        timed.timer.collect()
    assert [number for number, _ in timed.times] == list(range(1, 31))
    assert all(0 < ns < 10_000_000_000 for _, ns in timed.times)


def test_results_that_are_not_there_are_not_waited_for_and_new_frames_are_left_out(
    timed: Timed, gl_context: Context, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    gl = gl_context.gl
    original = gl.GetQueryObjectuivEXT
    monkeypatch.setattr(gl, "GetQueryObjectuivEXT", lambda *_: 0)
    for number in range(1, 21):
        timed.timer.begin()
        timed.draw()
        timed.timer.end()
        timed.timer.assign(number)
        timed.timer.collect()
    assert timed.times == []
    assert calls["GetQueryObjectui64vEXT"] == 0
    assert calls["BeginQueryEXT"] == calls["EndQueryEXT"] == 8
    monkeypatch.setattr(gl, "GetQueryObjectuivEXT", original)
    gl.Finish()
    timed.timer.collect()
    assert [number for number, _ in timed.times] == list(range(1, 9))


def test_times_that_opengl_calls_invalid_are_left_out(
    timed: Timed, gl_context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The GPU's clock changed during frames 1 to 3; frame 4 is right again."""
    gl = gl_context.gl
    get, disjoint = gl.GetIntegerv, [1]

    def get_integer(name: int, address: int) -> int:
        if name != api.GL_GPU_DISJOINT_EXT:
            return get(name, address)
        ctypes.c_int.from_address(address).value = disjoint.pop() if disjoint else 0
        return 0

    monkeypatch.setattr(gl, "GetIntegerv", get_integer)
    for number in range(1, 4):
        timed.timer.begin()
        timed.draw()
        timed.timer.end()
        timed.timer.assign(number)
    gl.Finish()
    timed.timer.collect()
    assert timed.times == []
    timed.timer.begin()
    timed.draw()
    timed.timer.end()
    timed.timer.assign(4)
    gl.Finish()
    timed.timer.collect()
    assert [number for number, _ in timed.times] == [4]


def test_a_time_longer_than_what_has_passed_is_left_out(timed: Timed, gl_context: Context) -> None:
    """A driver that never saw the query's start tells the time since the machine started."""
    now = 100
    timer = GpuTimer(gl_context, lambda *_: pytest.fail("an impossible time"), lambda: now)
    timer.begin()
    timed.draw()
    timer.end()
    timer.assign(1)
    gl_context.gl.Finish()
    timer.collect()
    timer.release()


def test_a_frame_that_was_not_drawn_has_no_time(timed: Timed, gl_context: Context) -> None:
    timed.timer.begin()
    timed.draw()
    timed.timer.end()
    gl_context.gl.Finish()
    timed.timer.collect()
    assert timed.times == []


@pytest.mark.parametrize("lack", ["extension", "counter"])
def test_without_timer_queries_nothing_is_called(
    lack: str, gl_context: Context, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    if lack == "extension":
        monkeypatch.setattr(gl_context, "extensions", gl_context.extensions - {EXTENSION})
    else:
        monkeypatch.setattr(gl_context.gl, "GetQueryivEXT", lambda *_: 0)
    timer = GpuTimer(gl_context, lambda *_: pytest.fail("a time without a timer"))
    assert not timer.available
    before = calls.copy()
    timer.begin()
    timer.end()
    timer.assign(1)
    timer.collect()
    timer.release()
    assert calls == before


def test_a_timer_may_be_released_in_the_middle_of_a_frame_and_twice(
    timed: Timed, gl_context: Context, calls: Calls
) -> None:
    """No query stays open: another one can begin."""
    timed.timer.begin()
    timed.timer.release()
    timed.timer.release()
    assert calls["BeginQueryEXT"] == calls["EndQueryEXT"] == calls["DeleteQueriesEXT"] == 1
    other = GpuTimer(gl_context, lambda *_: None)
    other.begin()
    other.end()
    other.assign(1)
    other.release()
