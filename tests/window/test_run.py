"""The window of ``mdevview run``, with a fake QEMU and a simulated device in the VM's place."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.unit.fake_qemu import FakeQemu
from tests.window.displays import Display
from tests.window.test_view import press, xdotool
from tests.window.viewer import DrivenViewer, Viewer, driven

_PATIENCE_S = 60.0


def _kill(viewer: Viewer) -> None:
    """Before a look for its VM, so that it starts none after that."""
    viewer.process.kill()
    viewer.process.wait()


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
            _kill(viewer)
            # It has standard error too, which the reader reads to its end.
            fake_qemu.kill()
            viewer._reader.join()


@contextmanager
def _driven(display: Display, folder: Path, manner: str) -> Iterator[tuple[DrivenViewer, FakeQemu]]:
    """The same, with a window that the test operates, once it shows a picture."""
    fake_qemu = FakeQemu(folder)
    vm = [str(fake_qemu.program), "-name", manner, "-device", "vfio-pci,host=65:00.4"]
    with driven(display, "tests.window.run_driver", "run", "--", *vm) as viewer:
        try:
            viewer.wait_for("path: ")
            # The window's own connection to the monitor.
            viewer.wait_until("machine_menu", lambda rows: ["Power down", True] in [each[:2] for each in rows])
            yield viewer, fake_qemu
        finally:
            _kill(viewer)
            # It has standard error too, which the reader reads to its end.
            fake_qemu.kill()


def _until(there: Callable[[], object]) -> None:
    end = time.monotonic() + _PATIENCE_S
    while not there():
        assert time.monotonic() < end
        time.sleep(0.02)


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


def test_closed_window_asks_and_only_a_second_named_click_forces_a_deaf_guest(wayland: Display, tmp_path: Path) -> None:
    with _driven(wayland, tmp_path, "deaf") as (viewer, fake_qemu):
        viewer.do("close")
        text, explanation, default = viewer.do("question")
        assert "when this window closes" in text and "Leave running closes only this window" in explanation
        assert default == "Cancel"
        viewer.do("answer_by_keys", "Return")
        assert viewer.do("question") is None and viewer.do("bar") is None
        viewer.do("close")
        viewer.do("answer_by_mouse", "Shut down")
        _until(lambda: "system_powerdown" in fake_qemu.commands)
        assert re.search(r"— shutting down… \d+ s left — mdevview", viewer.do("state")["title"])
        assert re.fullmatch(r"Shutting down… \d+ s left. The guest was asked to power off.", viewer.do("bar")["text"])
        # The picture goes on, also while the window asks.
        viewer.do("close")
        assert viewer.do("question")[2] == "Keep waiting"
        shown = viewer.do("swaps")
        _until(lambda: viewer.do("swaps") > shown + 5)
        viewer.do("answer_by_keys", "Escape")
        assert viewer.do("bar")["buttons"] == ["Force off"] and "quit" not in fake_qemu.commands
        viewer.do("press_in_bar", "Force off")
        assert viewer.process.wait(60) == 0
        assert fake_qemu.commands[-1] == "quit"
    assert viewer.warnings() == []


def test_keys_alone_shut_a_guest_down_while_they_go_to_the_guest(x11: Display, tmp_path: Path) -> None:
    with _driven(x11, tmp_path, "obeys") as (viewer, fake_qemu):
        press(x11, "ctrl+alt+q")
        _until(lambda: viewer.do("question"))
        # Qt gives it the focus, as no window manager does.
        _until(lambda: viewer.do("question_has_focus"))
        xdotool(x11, "key", "alt+s")
        assert viewer.process.wait(60) == 0
        assert [each for each in fake_qemu.commands if each in ("system_powerdown", "quit")] == ["system_powerdown"]
    assert viewer.warnings() == []


def test_vm_that_is_left_running_goes_on_without_its_window(wayland: Display, tmp_path: Path) -> None:
    with _driven(wayland, tmp_path, "deaf") as (viewer, fake_qemu):
        pid = _pid(viewer)
        viewer.do("close")
        viewer.do("answer_by_keys", "Tab", "Tab", "Space")
        # Standard error stays open, because the VM has it too.
        assert viewer.process.wait(60) == 0
        os.kill(pid, 0)
        assert not {"system_powerdown", "quit"} & set(fake_qemu.commands)
        os.kill(pid, signal.SIGKILL)
    (line,) = viewer.warnings()
    assert re.search(rf"the VM goes on as process {pid}", line)
    for folder in wayland.directory.glob("mdevview-*"):
        shutil.rmtree(folder)


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
