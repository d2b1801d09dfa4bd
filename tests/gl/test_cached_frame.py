"""A frame of known buffers makes no image, takes no memory of the GPU, and causes no run of the garbage collector."""

import gc
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from app.measure.bench.bench_device import BenchDevice
from app.planes.frame import Frame, Surface
from app.vfio.poller import Poller
from gl.context import Context
from gl.draw_options import DrawOptions
from gl.render_target import RenderTarget
from gl.renderer import Renderer
from tests.gl.counting import Calls
from tests.gl.surfaces import SurfaceFactory, frame, random_picture, window

FRAMES = 10_000


@pytest.fixture
def poller(importing_context: Context) -> Iterator[Poller]:
    """Of a guest that flips among three buffers, with a cursor that stands still."""
    poller = Poller(BenchDevice(800, 400))
    yield poller
    poller.close()


def test_it_makes_no_image_and_takes_no_memory_of_the_gpu(
    poller: Poller, renderer: Renderer, target: RenderTarget, calls: Calls
) -> None:
    for _ in range(3):
        renderer.draw(poller.latest(), target)
    before = Calls(calls)
    shown: set[int] = set()
    for _ in range(30):
        frame = poller.latest()
        assert frame.primary is not None
        shown.add(frame.primary.buffer.serial)
        renderer.draw(frame, target)
    assert len(shown) == 3
    used = calls.since(before)
    assert used["DrawArrays"] == 60
    assert used.allocating() == {}


@contextmanager
def collections() -> Iterator[list[int]]:
    """The generations that the garbage collector looked at, in order."""
    runs: list[int] = []

    def note(phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            runs.append(info["generation"])

    gc.collect()
    gc.callbacks.append(note)
    try:
        yield runs
    finally:
        gc.callbacks.remove(note)


def test_it_causes_no_run_of_the_garbage_collector(poller: Poller, renderer: Renderer, target: RenderTarget) -> None:
    for _ in range(3):
        renderer.draw(poller.latest(), target)
    with collections() as runs:
        for _ in range(FRAMES):
            renderer.draw(poller.latest(), target)
    assert runs == []


def test_the_collector_is_seen_where_frames_are_kept(poller: Poller) -> None:
    """The test above could fail: objects that survive make the collector run."""
    kept: list[Frame] = []
    with collections() as runs:
        for _ in range(FRAMES):
            kept.append(poller.latest())
    assert runs


def test_any_order_of_flips_moves_and_options_draws_what_a_new_renderer_draws(
    importing_context: Context, surfaces: SurfaceFactory, calls: Calls
) -> None:
    """What was prepared for a buffer holds only for the cursor, the target and the options of that time."""
    primaries = [surfaces.picture(random_picture(16, 8, seed)) for seed in range(3)]
    other_size = surfaces.picture(random_picture(8, 8, 9))
    pointer = surfaces.cursor(random_picture(4, 4, 7), (2, 2))
    moved = Surface(replace(pointer.plane, x=9, y=3), pointer.buffer)
    outside = Surface(replace(pointer.plane, x=100), pointer.buffer)
    chooser = random.Random(1)
    options = (DrawOptions(), DrawOptions(cursor=False), DrawOptions(flip_x=True))
    renderer = Renderer(importing_context)
    with window(importing_context, 16, 8) as first, window(importing_context, 24, 24) as second:
        option, (target, canvas) = options[0], first
        cursor: Surface | None = pointer
        for _ in range(120):
            # Most frames differ in the primary plane only.
            match chooser.randrange(8):
                case 0:
                    cursor = chooser.choice((pointer, moved, outside, None))
                case 1:
                    option = chooser.choice(options)
                case 2:
                    target, canvas = chooser.choice((first, second))
            shown = frame(chooser.choice((*primaries, *primaries, other_size, None)), cursor)
            if chooser.random() < 0.05:
                renderer.outcome(surfaces.picture(random_picture(4, 4)))
            drawn = renderer.draw(shown, target, option)
            actual = canvas.read()
            with_new = Renderer(importing_context)
            assert with_new.draw(shown, target, option) == drawn
            assert (canvas.read() == actual).all()
            with_new.release()
    renderer.release()
