"""A VM that changes its screen all the time, and a viewer of it in a process of its own."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from tests.qemu.bochs_display import BochsDisplay
from tests.qemu.drawing import Drawing
from tests.qemu.machine import QemuMachine
from tests.qemu.qtest import QtestClient
from tests.qemu.virtio_gpu import VirtioGpu
from tests.unit.command import REPOSITORY

Drawn = Callable[[Path], AbstractContextManager[tuple[QemuMachine, Drawing]]]
_SIZE = (1280, 720)


@contextmanager
def drawn_by_map(folder: Path) -> Iterator[tuple[QemuMachine, Drawing]]:
    """A VM that flushes some hundred times a second; its pixels are in a memfd."""
    with QemuMachine(folder, ["virtio-gpu-pci,addr=2"], qtest=True) as machine, VirtioGpu(machine) as gpu:
        resource = gpu.resource(*_SIZE)
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
            display.set_mode(*_SIZE)
            # A little more often than QEMU looks (30 ms).
            with Drawing(lambda number: display.fill(number % 255), 0.02) as drawing:
                yield machine, drawing
        finally:
            qtest.close()


@contextmanager
def viewer(machine: QemuMachine, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A viewer that shows the VM (:mod:`tests.qemu.viewer`); it has a picture."""
    command = [sys.executable, "-m", "tests.qemu.viewer", f"pid:{machine.pid}", *arguments]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None and process.stdout.readline() == "shown\n"
            yield process
        finally:
            process.kill()
