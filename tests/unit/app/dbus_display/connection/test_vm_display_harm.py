"""No viewer harms its VM, whatever becomes of the viewer: QEMU's main loop goes on, and its memory does not grow.

A VM that is harmed stands still as long as its viewer is stopped, or grows by the size of each frame. The limits are
far from that, because the machine may be busy. The figures are printed by ``python -m tests.bench.display_harm``.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.qemu.machine import QemuMachine, own_memory
from tests.qemu.viewing import viewing
from tests.qemu.virtio_gpu import VirtioGpu, colours, fill
from tests.qemu.watched import Drawn, drawn_by_map, drawn_by_value, viewer
from tests.unit.command import REPOSITORY, run

_STOPPED_S = 6.0
# A harmed VM stands still all this time.
STANDSTILL_S = 5.0
# Some frames of 4 MB are on their way. A harmed VM has grown by 300 MB.
GROWTH = 150 << 20
_STOPPING = "tests.unit.app.dbus_display.connection.programs.stopping_viewer"

DRAWN = pytest.mark.parametrize("drawn", [drawn_by_map, drawn_by_value])


@DRAWN
def test_viewer_that_is_stopped(tmp_path: Path, drawn: Drawn) -> None:
    with drawn(tmp_path) as (machine, drawing), viewer(machine) as process:
        before, count = machine.memory, drawing.count
        with machine.answer_times() as times:
            process.send_signal(signal.SIGSTOP)
            time.sleep(_STOPPED_S)
            grown = machine.memory - before
            process.send_signal(signal.SIGCONT)
            time.sleep(0.3)
        assert grown < GROWTH
        assert times.worst_s < STANDSTILL_S
        assert drawing.worst_s < STANDSTILL_S
        assert drawing.count > count
        assert process.poll() is None


@pytest.mark.parametrize("step", ["read", "_properties"])
def test_viewer_that_is_stopped_while_qemu_waits_for_its_first_answers(tmp_path: Path, step: str) -> None:
    """QEMU would wait without a limit for the authentication, and for 25 s for the interfaces."""
    with drawn_by_map(tmp_path) as (machine, drawing):
        command = [sys.executable, "-m", _STOPPING, f"pid:{machine.pid}", step]
        with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as process:
            try:
                with machine.answer_times() as times:
                    os.waitid(os.P_PID, process.pid, os.WSTOPPED)
                    time.sleep(_STOPPED_S)
                    process.send_signal(signal.SIGCONT)
                    # It registers again.
                    assert process.stdout is not None and process.stdout.readline() == "shown\n"
            finally:
                process.kill()
        assert times.worst_s < STANDSTILL_S
        assert drawing.worst_s < STANDSTILL_S


@DRAWN
def test_viewer_that_is_killed(tmp_path: Path, drawn: Drawn) -> None:
    with drawn(tmp_path) as (machine, drawing), viewer(machine) as process:
        before = machine.memory
        with machine.answer_times() as times:
            process.kill()
            process.wait()
            time.sleep(0.5)
        assert times.worst_s < STANDSTILL_S
        assert drawing.worst_s < STANDSTILL_S
        assert machine.memory - before < GROWTH


def test_viewer_that_hangs_but_does_not_stop(tmp_path: Path) -> None:
    """Its window draws nothing for seconds; the thread that talks to QEMU goes on, and keeps no old frames."""
    with drawn_by_value(tmp_path) as (machine, drawing), viewer(machine, "60") as process:
        before = machine.memory, own_memory(process.pid)
        with machine.answer_times() as times:
            time.sleep(_STOPPED_S)
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


def test_viewer_whose_disk_is_full(tmp_path: Path) -> None:
    with drawn_by_map(tmp_path) as (machine, drawing):
        with machine.answer_times() as times:
            ended = run("measure", f"pid:{machine.pid}", "--duration", "0.5", "--json", "/dev/full")
        assert "No space left on device" in ended.stderr
        assert times.worst_s < STANDSTILL_S
        assert drawing.worst_s < STANDSTILL_S
