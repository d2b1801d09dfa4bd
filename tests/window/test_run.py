"""The window of ``mdevview run``, with a stand-in for QEMU and a simulated device."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.unit.standin import StandIn
from tests.window.displays import Display
from tests.window.viewer import Viewer

_PROGRAM = """
import sys
import app.open.source
from app.open.target import Simulated
from ui.cli.main import main

real = app.open.source.open_source
app.open.source.open_source = lambda target, access: real(Simulated("gvt"))
sys.exit(main(sys.argv[1:]))
"""


@contextmanager
def _running(display: Display, folder: Path, manner: str) -> Iterator[tuple[Viewer, StandIn]]:
    standin = StandIn(folder)
    vm = [str(standin.program), "-name", manner, "-device", "vfio-pci,host=65:00.4"]
    command = [sys.executable, "-c", _PROGRAM, "-v", "run", "--", *vm]
    with subprocess.Popen(command, env=display.env, stderr=subprocess.PIPE, text=True) as process:
        viewer = Viewer(process)
        try:
            yield viewer, standin
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


def test_vm_ends_with_its_window(wayland: Display, tmp_path: Path) -> None:
    """The window's own connection to the monitor ends first, because QEMU serves one client at a time."""
    with _running(wayland, tmp_path, "obeys") as (viewer, standin):
        viewer.wait_for("path: egl-image")
        assert viewer.interrupt() == 0
        assert standin.commands[-1] == "system_powerdown"
        assert standin.commands.count("qmp_capabilities") == 2
    (line,) = viewer.warnings()
    assert re.search("asked the guest to power off", line)
    assert not list(wayland.directory.glob("mdevview-*/qmp"))
