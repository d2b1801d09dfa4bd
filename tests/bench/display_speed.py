"""What the pictures that QEMU pushes cost: ``python -m tests.bench.display_speed [--seconds 4] [--rounds 3]``.

A virtio-gpu of 1920x1080 pixels flushes 60 times a second, and ``mdevview measure`` draws into a target of the given
size. Printed is the best round of each case, by the median: the time from the guest's flush until this program knows of
it and until the picture is submitted, and the processor time of a flush in this program, in its guard process and in
QEMU. Then what a VGA costs whose text cursor blinks, and a VM that draws nothing. Run it on a quiet machine.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.bench.process_cpu import processor_s
from tests.qemu.machine import QemuMachine
from tests.qemu.virtio_gpu import VirtioGpu
from tests.unit.command import REPOSITORY

_SIZE = (1920, 1080)
_INTERVAL_S = 1 / 60
_START_S = 0.5
_DAMAGE = {
    "64x64": (800, 400, 64, 64),
    "640x360": (640, 360, 640, 360),
    "all": (0, 0, *_SIZE),
}


@dataclass(frozen=True)
class _Viewer:
    """``mdevview measure`` of a VM, after it has drawn a picture; its rows go to ``csv``."""

    process: subprocess.Popen[bytes]
    csv: Path

    def processor_s(self) -> tuple[float, float]:
        """Of the program, and of its guard process."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task").glob("*/children")
        return processor_s(pid), sum(processor_s(int(each)) for file in children for each in file.read_text().split())

    def rows(self) -> list[list[str]]:
        return [line.split(",") for line in self.csv.read_text().splitlines()[2:]]


@contextmanager
def _viewer(
    machine: QemuMachine, folder: Path, size: str, seconds: float, draw: Callable[[], object]
) -> Iterator[_Viewer]:
    csv = folder / "frames.csv"
    words = ["measure", f"pid:{machine.pid}", "--csv", "-", "--size", size, "--duration", str(seconds)]
    command = [sys.executable, "-m", "mdevview", *words]
    with (
        csv.open("wb") as output,
        subprocess.Popen(command, cwd=REPOSITORY, stdout=output, stderr=subprocess.DEVNULL) as process,
    ):
        viewer = _Viewer(process, csv)
        try:
            machine.wait_until(lambda: draw() or viewer.rows(), "a picture")
            time.sleep(_START_S)
            yield viewer
        finally:
            process.kill()


def _drawn(rows: list[list[str]], flushes: list[int]) -> list[tuple[float, float]]:
    """Of each flush, the ms until it was known and until its picture was submitted."""
    found = []
    pictures = [(int(row[1]), int(row[7])) for row in rows if row[1] != "NA"]
    for flush, after in zip(flushes, [*flushes[1:], sys.maxsize], strict=True):
        first = next((each for each in pictures if flush <= each[0] < after), None)
        if first is not None:
            found.append(((first[0] - flush) / 1e6, (first[1] - flush) / 1e6))
    return found


def _flushing(damage: tuple[int, int, int, int], size: str, seconds: float) -> tuple[float, ...]:
    """Medians and 99th percentile of the times of a flush, and the processor time of each, in ms."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with QemuMachine(folder, ["virtio-gpu-pci,addr=2"], qtest=True) as machine, VirtioGpu(machine) as gpu:
            resource = gpu.resource(*_SIZE)
            gpu.show(resource)
            flushes: list[int] = []

            def draw() -> None:
                x, y, *_ = damage
                resource.pixels[y, x] += 1
                gpu.transfer(resource, damage)
                flushes.append(time.monotonic_ns())
                gpu.flush(resource, damage)

            with _viewer(machine, folder, size, seconds + 30, draw) as viewer:
                began, used, due = viewer.processor_s(), processor_s(machine.pid), time.monotonic()
                until = due + seconds
                flushes.clear()
                while due < until:
                    time.sleep(max(0.0, due - time.monotonic()))
                    due += _INTERVAL_S
                    draw()
                time.sleep(0.1)
                ended, used = viewer.processor_s(), processor_s(machine.pid) - used
                times = np.array(_drawn(viewer.rows(), flushes))
    spent = [1e3 * (after - before) / len(flushes) for before, after in zip(began, ended, strict=True)]
    known, drawn = times.T
    return (
        *(float(np.median(known)), float(np.median(drawn)), float(np.percentile(drawn, 99))),
        *(*spent, 1e3 * used / len(flushes), 100 * len(times) / len(flushes)),
    )


def _resting(stopped: bool, seconds: float) -> tuple[float, ...]:
    """Per cent of a core of the program and of its guard process, and pictures a second, while a guest waits."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with QemuMachine(folder, ["VGA"]) as machine:
            machine.wait_for_text()
            with _viewer(machine, folder, "720x400", seconds + 30, lambda: time.sleep(0.1)) as viewer:
                if stopped:
                    machine.command("stop")
                    time.sleep(_START_S)
                began, pictures = viewer.processor_s(), len(viewer.rows())
                time.sleep(seconds)
                ended = viewer.processor_s()
                shares = [100 * (after - before) / seconds for before, after in zip(began, ended, strict=True)]
                return (*shares, (len(viewer.rows()) - pictures) / seconds)


def _print(name: str, figures: tuple[float, ...]) -> None:
    print(f"{name:24}" + " ".join(f"{each:9.2f}" for each in figures), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.display_speed")
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--size", action="append", default=[])
    args = parser.parse_args()
    print(
        f"{'':24}"
        + " ".join(f"{each:>9}" for each in ("known", "p50 ms", "p99 ms", "cpu ms", "guard", "qemu", "% seen"))
    )
    for size in args.size or ["64x64", "1920x1080"]:
        for name, damage in _DAMAGE.items():
            rounds = [_flushing(damage, size, args.seconds) for _ in range(args.rounds)]
            _print(f"{name} -> {size}", min(rounds, key=lambda each: each[1]))
    print(f"{'':24}" + " ".join(f"{each:>9}" for each in ("cpu %", "guard %", "pictures")))
    for stopped, name in ((False, "text cursor"), (True, "at rest")):
        _print(name, min(_resting(stopped, 3 * args.seconds) for _ in range(args.rounds)))
    print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
