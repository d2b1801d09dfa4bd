"""What the overlay and the latency panel cost: ``python -m tests.bench.overlay``, on a headless weston of its own.

The window shows two buffers in turn, 60 times a second, so no guest draws in this process. The cost is the processor
time of all threads of the process, for each picture. Each round measures every case once, in another order, and
compares it with the case "without" of the same round, in which the calls that measure pictures are taken out. In
"records" each picture is measured, as by ``measure --window``, but nothing is shown. A
machine that does something else meanwhile disturbs all cases alike; the median of the rounds counts.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from unittest.mock import patch

from PyQt6.QtCore import QTimer

from app.measure.record.frame_record import FrameRecord
from app.open.session import Session
from app.open.target import Simulated
from app.planes.frame import Frame, FrameTiming
from app.planes.frame_source import FrameSource
from tests.gl.surfaces import OK, SurfaceFactory, random_picture, surface_factory
from tests.pushed.session import pushed_session
from tests.window.displays import weston
from ui.window.application import make_application, show
from ui.window.interrupt import Interrupt
from ui.window.picture.frame_times import FrameTimes
from ui.window.picture.view_options import ViewOptions
from ui.window.viewer import Viewer
from ui.window.window_options import WindowOptions

_FLIP_NS = 1_000_000_000 // 60
CASES = ("without", "hidden", "records", "overlay", "panel", "overlay and panel")


class Flipping:
    """A frame source that flips between two buffers and is polled, as a device is."""

    tells_damage = False

    def __init__(self, factory: SurfaceFactory, width: int, height: int) -> None:
        self._surfaces = [factory.picture(random_picture(width, height, seed)) for seed in range(2)]
        self._polled_ns = self._flip = 0
        self._frame = Frame(OK, self._surfaces[0])

    def latest(self) -> Frame:
        now = time.monotonic_ns()
        flip = now // _FLIP_NS
        if flip != self._flip:
            self._flip = flip
            self._frame = Frame(OK, self._surfaces[flip % 2], serial=flip, timing=FrameTiming(self._polled_ns, now))
        self._polled_ns = now
        return self._frame

    def fileno(self) -> int:
        return -1

    def shown(self, frame: Frame, ns: int) -> None:
        pass

    def release_buffers(self) -> None:
        pass

    def close(self) -> None:
        pass


@contextmanager
def _without_measuring() -> Iterator[None]:
    """The window as if it could not measure its pictures."""
    with ExitStack() as stack:
        for name in ("begin", "drawn", "swapped", "failed"):
            stack.enter_context(patch.object(FrameTimes, name, lambda *_: None))
        yield


class _Bench:
    """Goes through the cases on Qt's event loop, then closes the window."""

    def __init__(self, viewer: Viewer, rounds: int, seconds: float) -> None:
        self._viewer, self._seconds = viewer, seconds
        self._pictures = 0
        viewer.picture.frameSwapped.connect(self._count)
        order = [CASES[(first + index) % len(CASES)] for first in range(rounds) for index in range(len(CASES))]
        self._cases = iter(order)
        self.costs: dict[str, list[float]] = {each: [] for each in CASES}
        QTimer.singleShot(2000, self._next)

    def _count(self) -> None:
        self._pictures += 1

    def _next(self) -> None:
        case = next(self._cases, None)
        if case is None:
            self._viewer.window.close()
            return
        actions = self._viewer.window._actions
        actions["overlay"].setChecked("overlay" in case)
        actions["latency-panel"].setChecked("panel" in case)
        self._viewer.picture.times.drop(_ignore)
        if case == "records":
            self._viewer.picture.times.want(_ignore)
        context = _without_measuring() if case == "without" else nullcontext()
        context.__enter__()
        # The panel and the overlay are there.
        QTimer.singleShot(700, lambda: self._begin(case, context))

    def _begin(self, case: str, context: AbstractContextManager[None]) -> None:
        began, cpu, pictures = time.monotonic(), time.process_time(), self._pictures

        def end() -> None:
            used, drawn = time.process_time() - cpu, self._pictures - pictures
            context.__exit__(None, None, None)
            self.costs[case].append(used / max(1, drawn))
            print(
                f"{case:18} {drawn / (time.monotonic() - began):5.1f} pictures/s {used / max(1, drawn) * 1e3:7.3f} ms"
            )
            self._next()

        QTimer.singleShot(round(self._seconds * 1000), end)


def _ignore(_record: FrameRecord) -> None:
    pass


def _session(source: FrameSource) -> Session:
    return pushed_session(source)  # type: ignore[arg-type]


def _inside(args: argparse.Namespace) -> None:
    """On the display."""
    width, height = map(int, args.size.split("x"))
    benches: list[_Bench] = []
    with surface_factory() as factory:
        session = _session(Flipping(factory, width, height))
        application = make_application()

        def started(viewer: Viewer, _interrupt: Interrupt) -> None:
            viewer.window.resize_picture(width, height)
            benches.append(_Bench(viewer, args.rounds, args.seconds))

        show(application, Simulated("gvt"), session, WindowOptions(ViewOptions()), started=started)
    costs = benches[0].costs
    print(f"{'case':18} {'cost':>9} {'ratio to without':>17} (least to greatest of {args.rounds} rounds)")
    for case in CASES:
        ratios = [cost / base for cost, base in zip(costs[case], costs["without"], strict=True)]
        print(
            f"{case:18} {statistics.median(costs[case]) * 1e3:6.3f} ms {statistics.median(ratios):17.3f} "
            f"({min(ratios):.3f} to {max(ratios):.3f})"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=2.0, help="how long to measure each case")
    parser.add_argument("--size", default="1024x640", help="of the guest's picture and the window")
    args = parser.parse_args()
    if os.environ.get("WAYLAND_DISPLAY") == "wayland-mdevview":
        _inside(args)
        return
    with weston(renderer="gl") as display:
        command = [sys.executable, "-m", "tests.bench.overlay", *sys.argv[1:]]
        sys.exit(subprocess.run(command, env=display.env, check=False).returncode)


if __name__ == "__main__":
    main()
