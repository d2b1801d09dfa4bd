"""A long measured run in real time: ``python -m tests.soak.hour --seconds 3600``.

The simulated guest flips 144 times a second, changes its mode by itself and when it is asked to, and has faults. The
figures of memory, fds and textures at the start, in the middle and at the end are printed. The run fails if they grew.
"""

import argparse
import gc
import sys
import time
from dataclasses import dataclass
from itertools import cycle

from app.edid.mode import Mode
from app.measure.loop.pacing import Pace
from app.measure.record.recorder import Recorder
from app.open.target import Simulated
from tests.soak.__main__ import fd_count, resident_bytes
from ui.fd_wait import FdWait, due_ns
from ui.offscreen import OffscreenView, open_offscreen

_FAULTS = (
    "mode@2-4/9",
    "off@5-6/13",
    "get-einval@7-7.5/17",
    "query-einval@8-8.4/19",
    "truncated@9-10/23",
    "stale@11-12/29",
    "hostile@12-14/31",
    "read-only@14-15/37",
)
_TARGET = Simulated("gvt,fps=144,size=1920x1080,fault=" + "+".join(_FAULTS))
_MODES = (Mode(1280, 720), Mode(1920, 1080), Mode(800, 600), Mode(1366, 768))
_SECOND = 1_000_000_000
_MODE_EVERY_NS = 11 * _SECOND
_MOST_GROWTH = 16 << 20


@dataclass(frozen=True)
class _Figures:
    seconds: float
    resident: int
    fds: int
    surfaces: int
    objects: int


def _figures(view: OffscreenView, began: int) -> _Figures:
    gc.collect()
    surfaces = len(view.renderer._surfaces)
    seconds = (time.monotonic_ns() - began) / _SECOND
    return _Figures(seconds, resident_bytes(), fd_count(), surfaces, len(gc.get_objects()))


class _Soak:
    """Asks for another resolution now and then, and notes figures."""

    def __init__(self, view: OffscreenView, seconds: float, samples: int) -> None:
        self._view = view
        self._modes = cycle(_MODES)
        self._began = time.monotonic_ns()
        self.end_ns = self._began + round(seconds * _SECOND)
        self._mode_at = self._began + _MODE_EVERY_NS
        self._step_at: int | None = None
        self._every = max(_SECOND, round(seconds * _SECOND / samples))
        self._sample_at = self._began + self._every
        self.figures: list[_Figures] = []

    def step(self) -> None:
        now, resolution = time.monotonic_ns(), self._view.session.resolution
        if now >= self._mode_at:
            self._mode_at += _MODE_EVERY_NS
            resolution.begin(next(self._modes), 96)
            self._step_at = now
        if self._step_at is not None and now >= self._step_at:
            left = resolution.step()
            self._step_at = None if left is None else now + left
        if now >= self._sample_at:
            self._sample_at += self._every
            self.figures.append(_figures(self._view, self._began))
            print(_line(self.figures[-1]), flush=True)

    @property
    def due_ns(self) -> int:
        dues = [self.end_ns, self._mode_at, self._sample_at]
        return min(dues if self._step_at is None else [*dues, self._step_at])


def _line(figures: _Figures) -> str:
    return (
        f"{figures.seconds:7.0f} s  resident {figures.resident / (1 << 20):6.1f} MiB  fds {figures.fds:3}  "
        f"surfaces {figures.surfaces:2}  Python objects {figures.objects}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak.hour", description=__doc__)
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--samples", type=int, default=24)
    args = parser.parse_args()
    recorder = Recorder()
    with open_offscreen(_TARGET) as view, FdWait() as waiting:
        soak = _Soak(view, args.seconds, args.samples)

        def wait(fd: int, ns: int | None) -> None:
            waiting.wait((fd,), due_ns(ns, soak.due_ns))
            soak.step()

        view.measure(
            (64, 64),
            recorder,
            Pace(),
            lambda: time.monotonic_ns() >= soak.end_ns,
            wait,
        )
    counters = recorder.counters
    print(f"{counters.polls} polls, {counters.flips_seen} flips seen, {counters.frames_shown} pictures")
    # The mode and the faults of the moment decide what a sample has, so the least of each half is compared.
    half = len(soak.figures) // 2
    early, late = soak.figures[:half], soak.figures[half:]
    if (
        min(each.resident for each in late) - min(each.resident for each in early) > _MOST_GROWTH
        or min(each.fds for each in late) > min(each.fds for each in early) + 2
        or min(each.surfaces for each in late) > min(each.surfaces for each in early) + 8
    ):
        print("the figures grew", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
