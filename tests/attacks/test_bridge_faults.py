"""A bridge to another GPU whose calls fail in turn: the picture stays right, and nothing is left behind.

Two software displays stand for the two GPUs. Each call that a driver may refuse fails once, or from then on.
"""

import gc
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from app.planes.outcome import PixelPath
from gl.context import Context, SurfacelessContext
from gl.egl_constants import EGL_BAD_ALLOC
from gl.egl_display import DisplayOrigin
from gl.errors import GL_OUT_OF_MEMORY, EglError, GlError
from gl.renderer import Renderer
from tests.attacks.injection import KINDS, Faults, injected, nothing_is_lost
from tests.gl.bridging import OTHER, Rig, bridged
from tests.gl.counting import Calls, counted
from tests.gl.failing import SECOND, Clock
from tests.gl.surfaces import SurfaceFactory, frame, random_picture, window

_STEPS = 3


class _Failing:
    """Counts the calls of each kind on the exporting GPU. One fails, and all later ones if it is ``lasting``."""

    def __init__(self, kind: str = "", number: int = 0, *, lasting: bool = False) -> None:
        self.kind, self.number, self.lasting = kind, number, lasting
        self.counts: Counter[str] = Counter()
        self.is_over = False

    def __str__(self) -> str:
        return f"{self.kind} {self.number}{' and later' if self.lasting else ''}"

    def fails(self, kind: str) -> bool:
        number = self.counts[kind]
        self.counts[kind] += 1
        if kind != self.kind or self.is_over:
            return False
        return number >= self.number if self.lasting else number == self.number

    def refusing(self, kind: str, real: Callable[..., Any], refuse: Callable[[], Any]) -> Callable[..., Any]:
        return lambda *given, **named: refuse() if self.fails(kind) else real(*given, **named)


def _no_memory() -> None:
    raise GlError("an attack", (GL_OUT_OF_MEMORY,))


def _not_current() -> None:
    raise EglError("eglMakeCurrent", EGL_BAD_ALLOC)


class _FailingRig(Rig):
    def __init__(self, failing: _Failing, *, allocates: bool) -> None:
        super().__init__()
        self.failing = failing
        self.allocates = allocates

    def open(self, origin: DisplayOrigin) -> SurfacelessContext:
        if self.failing.fails("open"):
            raise EglError("eglCreateContext", EGL_BAD_ALLOC)
        context = super().open(origin)
        gl, refusing = context.gl, self.failing.refusing
        for name, refuse in {
            "check": _no_memory,
            "MapBufferRange": lambda: 0,
            "CheckFramebufferStatus": lambda: 0,
        }.items():
            setattr(gl, name, refusing(name, getattr(gl, name), refuse))
        context.make_current = refusing("make_current", context.make_current, _not_current)  # type: ignore[method-assign]
        return context


def _show(context: Context, surfaces: SurfaceFactory, clock: Clock, rig: _FailingRig, problems: list[str]) -> bool:
    """Flip, resize and end a VM. Adds what is wrong to ``problems``; returns whether the bridge gave a picture."""
    was_bridged = False
    with bridged(rig), counted(context) as calls, nothing_is_lost(problems):
        renderer = Renderer(context, clock)
        renderer.set_bridge(OTHER)
        try:
            for step in range(_STEPS):
                picture = random_picture(16 + 8 * (step // 2), 8, step)
                surface = surfaces.picture(picture)
                for _ in range(2):
                    shown = renderer.capture(frame(surface))
                    if shown is None or not np.array_equal(shown, picture):
                        problems.append(f"step {step}: another picture: {renderer.outcome(surface)}")
                was_bridged |= renderer.outcome(surface).path is PixelPath.BRIDGE
                surface.buffer.release()  # type: ignore[attr-defined]
                renderer.drop_released()
                clock.now += 10 * SECOND
        except Exception as error:
            problems.append(f"raised {error!r}")
        finally:
            rig.failing.is_over = True
            renderer.release()
        context.sweep()
        if calls.alive():
            problems.append(f"alive: {calls.alive()}")
        problems += ["an exporting context is open" for each in rig.opened if each.display.handle]
        rig.opened.clear()
        gc.collect()
    return was_bridged


@pytest.mark.parametrize("allocates", [False, True], ids=["read back", "dma-buf"])
def test_each_call_of_the_exporting_driver_fails_in_turn(
    importing_context: Context, calls: Calls, surfaces: SurfaceFactory, allocates: bool
) -> None:
    counting, problems = _Failing(), list[str]()
    for _ in range(2):
        counting.counts.clear()
        assert _show(importing_context, surfaces, Clock(), _FailingRig(counting, allocates=allocates), problems)
    assert problems == []
    assert counting.counts.keys() >= {"open", "check", "make_current", "CheckFramebufferStatus"}
    for kind, count in counting.counts.items():
        for number in range(0, count, 1 + count // 5):
            failing = _Failing(kind, number, lasting=number % 2 == 0)
            found: list[str] = []
            _show(importing_context, surfaces, Clock(), _FailingRig(failing, allocates=allocates), found)
            problems += [f"{failing}: {each}" for each in found]
    assert problems == []


def _draw_with(
    context: Context, surfaces: SurfaceFactory, allocates: bool, faults: Faults, problems: list[str]
) -> None:
    """Draw while calls fail, and again when they succeed. Adds what is wrong to ``problems``."""
    clock, rig = Clock(), _FailingRig(_Failing(), allocates=allocates)
    pictures = [random_picture(16 + 8 * each, 8, each) for each in range(2)]
    with bridged(rig), nothing_is_lost(problems):
        shown = [surfaces.picture(each) for each in pictures]
        renderer = Renderer(context, clock)
        renderer.set_bridge(OTHER)
        with window(context, 16, 16) as (target, _):
            try:
                with injected(faults):
                    for each in shown:
                        renderer.draw(frame(each), target)
                    renderer.drop_released()
                clock.now += 60 * SECOND
                for surface, picture in zip(shown, pictures, strict=True):
                    seen = renderer.capture(frame(surface))
                    if seen is None or not np.array_equal(seen, picture):
                        problems.append(f"not shown afterwards: {renderer.outcome(surface)}")
            except Exception as error:
                problems.append(f"raised {error!r}")
            finally:
                renderer.release()
        problems += ["an exporting context is open" for each in rig.opened if each.display.handle]
        rig.opened.clear()
        for each in shown:
            each.buffer.release()  # type: ignore[attr-defined]
        gc.collect()


@pytest.mark.parametrize("allocates", [False, True], ids=["read back", "dma-buf"])
def test_each_system_call_fails_in_turn(
    importing_context: Context, calls: Calls, surfaces: SurfaceFactory, allocates: bool
) -> None:
    """Also numpy's, for lack of memory. A row of a proof is a call of frombuffer."""
    counting, problems = Faults(), list[str]()
    _draw_with(importing_context, surfaces, allocates, counting, problems)
    assert problems == []
    assert sum(counting.counts.values()) > 5
    for kind, count in counting.counts.items():
        for number in range(0, count, 1 + count // 3):
            faults, found = Faults(kind, number, KINDS[kind][2][0], lasting=number % 2 == 0), list[str]()
            _draw_with(importing_context, surfaces, allocates, faults, found)
            problems += [f"{faults}: {each}" for each in found]
    assert problems == []
