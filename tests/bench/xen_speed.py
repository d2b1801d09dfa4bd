"""What a guest's Xen display costs: ``python -m tests.bench.xen_speed [--rounds 30] [--seconds 3]``.

A fake guest (``tests/xen``) shows 1920x1080 pixels, and the real backend serves it in this process. Printed are the
time to map and upload the granted pages beside that of the same bytes in plain memory, the time until a flip is
answered and until its end is told after the picture was taken, and what a guest costs that asks as fast as it can. Run
it on a quiet machine; no figure is a test.
"""

import argparse
import select
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from app.planes.buffer import Buffer, MemoryBuffer
from app.planes.frame import Frame, Surface
from app.planes.mapped_buffer import MappedBuffer
from app.planes.outcome import PixelPath
from app.planes.plane import Backing
from app.xen.display.display_source import VdisplSource
from gl.canvas import Canvas
from gl.context import SurfacelessContext
from gl.render_target import RenderTarget
from gl.renderer import Renderer
from tests.gl.surfaces import OK, plane_of
from tests.xen.display_front import XR24, DisplayFront, Screen
from tests.xen.machine import FakeXen, fake_xen
from tests.xen.nodes import DisplayConfig
from tests.xen.request_front import PG_FLIP, SLOTS
from tests.xen.serving import served

_SIZE = (1920, 1080)
_BYTES = _SIZE[0] * _SIZE[1] * 4


_TARGET = (64, 64)
_PICTURE = np.random.default_rng(1).integers(0, 256, _BYTES, np.uint8).tobytes()


def _times(action: Callable[[], object], rounds: int) -> list[float]:
    """In ms."""
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        action()
        times.append(1e3 * (time.perf_counter() - began))
    return times


@contextmanager
def _drawing(context: SurfacelessContext, buffer: Buffer) -> Iterator[Callable[[], None]]:
    """Upload the whole picture and draw it small, as for each frame whose changes are not known."""
    canvas, renderer = Canvas(context, *_TARGET), Renderer(context)
    target = RenderTarget(*_TARGET, canvas.framebuffer)
    plane = plane_of(XR24, *_SIZE, 4 * _SIZE[0], backing=Backing.MEMORY)
    frame = Frame(OK, Surface(plane, buffer))

    def draw() -> None:
        outcome = renderer.draw(frame, target).primary
        context.gl.Finish()
        assert outcome is not None and outcome.path not in (None, PixelPath.EGL_IMAGE), outcome

    try:
        yield draw
    finally:
        renderer.release()
        canvas.release()


def _uploads(rounds: int) -> None:
    """Granted pages beside plain memory, one directly after the other."""
    with fake_xen() as xen, SurfacelessContext() as context:
        guest, host = xen.create(), xen.open_host()
        granted = guest.domain.share(_BYTES)
        granted.data[:_BYTES] = _PICTURE
        mapped = _times(lambda: host.grants.map(guest.domid, granted.refs).release(), rounds)
        mapping = host.grants.map(guest.domid, granted.refs)
        pages, memory = MappedBuffer(mapping.memory, mapping.release), MemoryBuffer(bytearray(_PICTURE))
        with _drawing(context, pages) as draw_pages, _drawing(context, memory) as draw_memory:
            draw_pages()
            draw_memory()
            times = np.array([_times(draw_pages, 1) + _times(draw_memory, 1) for _ in range(rounds)])
        pages.release()
        memory.release()
        host.close()
    ours, plain = np.median(times, axis=0)
    print(f"map 1920x1080 (fake gntdev): {np.median(mapped):.2f} ms")
    print(f"upload: granted pages {ours:.2f} ms, plain memory {plain:.2f} ms, ratio {ours / plain:.2f}", flush=True)


@contextmanager
def _shown() -> Iterator[tuple[FakeXen, DisplayFront, VdisplSource, Screen]]:
    """A guest with a picture, and its backend."""
    with fake_xen() as xen:
        guest = xen.create(displays=[DisplayConfig((("id0", *_SIZE),))])
        with served(xen, guest) as source:
            guest.display.wait_connected()
            screen = Screen(guest.display, *_SIZE)
            screen.show(_PICTURE)
            screen.show(_PICTURE)
            yield xen, guest.display, source, screen


def _flips(seconds: float, *, watched: bool) -> None:
    """``watched``: a viewer takes each picture and says so at once; else nobody draws."""
    answered, told = [], []
    with _shown() as (_, display, source, screen):
        taken_ns: list[int] = []
        stop = threading.Event()

        def watch() -> None:
            last = source.latest()
            while not stop.is_set():
                select.select([source.fileno()], [], [], 0.05)
                frame = source.latest()
                if frame is not last:
                    last = frame
                    now = time.monotonic_ns()
                    taken_ns.append(now)
                    source.shown(frame, now)

        viewer = threading.Thread(target=watch if watched else stop.wait)
        viewer.start()
        end, number = time.monotonic() + seconds, display.connectors[0].flips
        while time.monotonic() < end:
            began = time.monotonic_ns()
            number = display.flip(screen.fbs[number % 2])
            answered.append((time.monotonic_ns() - began) / 1e6)
            _, done = display.wait_done(number)
            told.append((done - (taken_ns[-1] if taken_ns else began)) / 1e6)
        stop.set()
        viewer.join()
    what = "taken until told" if watched else "asked until told, nobody draws"
    for name, times in (("flip answered", answered), (what, told)):
        p50, p99 = np.percentile(times, (50, 99))
        print(f"{name}: p50 {p50:.2f} ms, p99 {p99:.2f} ms, {len(times)} flips", flush=True)


def _flood(seconds: float) -> None:
    """A guest that fills the ring as fast as it is emptied. The guest's own work is in the figure."""
    with _shown() as (_, display, source, screen):
        requests, count = display.connectors[0].requests, 0
        slot = (b"\0\0" + bytes([PG_FLIP])).ljust(8, b"\0") + screen.fbs[0].to_bytes(8, "little")
        end, used, began = time.monotonic() + seconds, time.process_time(), time.monotonic()
        while time.monotonic() < end:
            for _ in range(SLOTS):
                requests.put_raw(slot, notify=False)
            requests.channel.notify()
            requests.settle(10)
            count += SLOTS
            source.shown(source.latest(), time.monotonic_ns())
        used, passed = time.process_time() - used, time.monotonic() - began
    print(f"flood: {count / passed:.0f} requests/s, {1e6 * used / count:.1f} us of processor time each", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.xen_speed")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=3.0)
    args = parser.parse_args()
    _uploads(args.rounds)
    _flips(args.seconds, watched=True)
    _flips(args.seconds, watched=False)
    _flood(args.seconds)


if __name__ == "__main__":
    main()
