"""No viewer harms its VM, whatever becomes of the viewer: QEMU's main loop goes on, and its memory does not grow.

A VM that is harmed stands still for a second or more, or grows by the size of each frame. The figures are printed by
``python -m tests.bench.display_harm``.
"""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from tests.qemu.bochs_display import BochsDisplay
from tests.qemu.drawing import Drawing
from tests.qemu.machine import QemuMachine, own_memory
from tests.qemu.qtest import QtestClient
from tests.qemu.viewing import viewing
from tests.qemu.virtio_gpu import VirtioGpu, colours, fill
from tests.unit.command import REPOSITORY

# Where a harmed VM takes a second or more.
STANDSTILL_S = 0.5
# A few frames of 8 MB are on their way; a harmed VM grows by hundreds of megabytes a second.
GROWTH = 200 << 20
_STOPPED_S = 3.0


@contextmanager
def viewer(machine: QemuMachine, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A viewer of its own process that shows the VM."""
    command = [sys.executable, "-m", "tests.unit.app.dbus_display.programs.viewer", f"pid:{machine.pid}", *arguments]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None and process.stdout.readline() == "shown\n"
            yield process
        finally:
            process.kill()


@contextmanager
def drawn_by_map(folder: Path) -> Iterator[tuple[QemuMachine, Drawing]]:
    """A VM that flushes some hundred times a second; its pixels are in a memfd."""
    with QemuMachine(folder, ["virtio-gpu-pci,addr=2"], qtest=True) as machine, VirtioGpu(machine) as gpu:
        resource = gpu.resource(1920, 1080)
        gpu.show(resource)
        with Drawing(lambda _: gpu.flush(resource)) as drawing:
            yield machine, drawing


@contextmanager
def drawn_by_value(folder: Path) -> Iterator[tuple[QemuMachine, Drawing]]:
    """A VM that changes all its pixels all the time; each message of QEMU holds all of them."""
    with QemuMachine(folder, ["bochs-display,addr=2"], qtest=True) as machine:
        qtest = QtestClient(machine.qtest)
        try:
            display = BochsDisplay(qtest)
            display.set_mode(1920, 1080)
            with Drawing(lambda number: display.fill(number % 255)) as drawing:
                yield machine, drawing
        finally:
            qtest.close()


Drawn = Callable[[Path], AbstractContextManager[tuple[QemuMachine, Drawing]]]
DRAWN = pytest.mark.parametrize("drawn", [drawn_by_map, drawn_by_value])


@DRAWN
def test_viewer_that_is_stopped(tmp_path: Path, drawn: Drawn) -> None:
    with drawn(tmp_path) as (machine, drawing), viewer(machine) as process:
        before, count = machine.memory, drawing.count
        with machine.answer_times() as times:
            process.send_signal(signal.SIGSTOP)
            time.sleep(_STOPPED_S)
            assert machine.memory - before < GROWTH
            process.send_signal(signal.SIGCONT)
            # It shows the VM again.
            time.sleep(0.5)
        assert times.worst_s < STANDSTILL_S
        assert drawing.worst_s < STANDSTILL_S
        assert drawing.count > count
        assert process.poll() is None


@DRAWN
def test_viewer_that_is_killed(tmp_path: Path, drawn: Drawn) -> None:
    with drawn(tmp_path) as (machine, drawing):
        for _ in range(3):
            with viewer(machine) as process, machine.answer_times() as times:
                process.kill()
                process.wait()
                before = machine.memory
                time.sleep(0.3)
            assert times.worst_s < STANDSTILL_S
            assert machine.memory - before < GROWTH
        assert drawing.worst_s < STANDSTILL_S


@DRAWN
def test_viewer_that_hangs_but_does_not_stop(tmp_path: Path, drawn: Drawn) -> None:
    """Its window draws nothing for seconds; the thread that talks to QEMU goes on."""
    with drawn(tmp_path) as (machine, drawing), viewer(machine, "60") as process:
        before = machine.memory, own_memory(process.pid)
        with machine.answer_times() as times:
            time.sleep(2)
        assert times.worst_s < STANDSTILL_S
        assert drawing.worst_s < STANDSTILL_S
        assert machine.memory - before[0] < GROWTH
        assert own_memory(process.pid) - before[1] < GROWTH


def test_hundred_viewers_one_after_the_other(tmp_path: Path) -> None:
    with (
        QemuMachine(tmp_path, ["virtio-gpu-pci,addr=2"], qtest=True) as machine,
        VirtioGpu(machine) as gpu,
        machine.answer_times() as times,
    ):
        resource = gpu.resource(640, 480)
        for number in range(100):
            with viewing(f"pid:{machine.pid}") as viewed:
                if number % 10 == 0:
                    fill(resource, number)
                    gpu.show(resource)
                    viewed.wait_for_picture(colours(resource))
    assert times.worst_s < STANDSTILL_S
