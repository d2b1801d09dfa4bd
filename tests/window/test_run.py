"""The window of ``mdevview run``, with a fake QEMU and a simulated device in the VM's place."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.unit.fake_qemu import FakeQemu
from tests.window.displays import Display
from tests.window.viewer import Viewer


@contextmanager
def _running(display: Display, folder: Path, manner: str) -> Iterator[tuple[Viewer, FakeQemu]]:
    fake_qemu = FakeQemu(folder)
    vm = [str(fake_qemu.program), "-name", manner, "-device", "vfio-pci,host=65:00.4"]
    command = [sys.executable, "-m", "tests.window.run_simulated", "-v", "run", "--", *vm]
    with subprocess.Popen(command, env=display.env, stderr=subprocess.PIPE, text=True) as process:
        viewer = Viewer(process)
        try:
            yield viewer, fake_qemu
        finally:
            process.kill()
            viewer._reader.join()


def _pid(viewer: Viewer) -> int:
    """The VM's pid: it is the window's only child."""
    (child,) = Path(f"/proc/{viewer.process.pid}/task/{viewer.process.pid}/children").read_text().split()
    return int(child)


def test_window_closes_when_its_vm_ends(wayland: Display, tmp_path: Path) -> None:
    with _running(wayland, tmp_path, "") as (viewer, _):
        viewer.wait_for("path: egl-image")
        os.kill(_pid(viewer), signal.SIGTERM)
        assert viewer.process.wait(60) == 0
    assert viewer.warnings() == []


def test_vm_goes_with_its_window(wayland: Display, tmp_path: Path) -> None:
    """The window's own connection to the monitor is closed first, because QEMU serves one client at a time."""
    with _running(wayland, tmp_path, "obeys") as (viewer, fake_qemu):
        viewer.wait_for("path: egl-image")
        assert viewer.interrupt() == 0
        assert fake_qemu.commands[-1] == "system_powerdown"
        assert fake_qemu.commands.count("qmp_capabilities") == 2
    (line,) = viewer.warnings()
    assert re.search("asked the guest to power off", line)
    assert not list(wayland.directory.glob("mdevview-*/qmp"))
