"""``mdevview run`` with a real QEMU: the vGPU is created, the VM is shown, and both end with the window."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pytest

from app.errors import DeviceBusy, MdevviewError, UsageError
from app.host.mdev import choose_type, mdev_types
from app.host.mdev import create as create_mdev
from app.host.mdev import remove as remove_mdev
from tests.lab.inside import mdev
from tests.lab.inside.conftest import Create, Fact
from tests.lab.inside.machine import memory, still_running
from tests.lab.inside.pictures import Colours, colours
from tests.lab.inside.program import command
from tests.lab.inside.program.look import holder_device
from tests.lab.inside.program.screen import save_screen
from tests.lab.inside.rawvfio import Mbochs
from tests.window.displays import HEIGHT, WIDTH, Display

# A user's command line. Of the vGPU it has only the option ROM, with which SeaBIOS draws.
_VM = (
    *("qemu-system-x86_64", "-accel", "tcg", "-machine", "pc", "-nodefaults", "-m", "64", "-name", "made"),
    *("-display", "none", "-vga", "none", "-boot", "menu=on,splash-time=60000"),
    *("-global", "vfio-pci.romfile=/usr/share/seabios/vgabios-bochs-display.bin"),
)
_LOOKS = ("--fullscreen", "--scaling", "actual", "--filter", "nearest")
_GUEST = (1024, 768)
# The text cursor may blink between two screenshots.
_BLINK = 16


class _Run:
    """A running ``mdevview run``."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path, session: Display) -> None:
        self.process = process
        self.log = log
        self._session = session

    def wait_for(self, words: str) -> None:
        command.wait_for_line(self.log, words, self.process)

    def vm(self) -> tuple[str, int]:
        """The name of the VM's vGPU and the VM's pid, from `list`."""
        (vgpu,) = command.run_here("list", "--json").json()["vgpus"]
        holders = [each for each in vgpu["holders"] if each["vm"] is not None]
        ((vm, way, pid),) = {(each["vm"], each["way"], each["pid"]) for each in holders}
        assert (vm, way, vgpu["state"]) == ("made", "group", "in-use")
        return vgpu["name"], pid

    def end(self, *numbers: signal.Signals) -> int:
        """Send these signals, each one after the effect of the one before. Returns the exit status."""
        for number, words in zip(numbers, ("asked the guest to power off", "told QEMU to quit"), strict=False):
            self.process.send_signal(number)
            if "power off" in words:
                self.wait_for(words)
        return self.process.wait(command.PATIENCE_S)

    def left(self) -> list[Path]:
        """The folders of the VM in the runtime folder of the session."""
        return list(self._session.directory.glob("mdevview-*"))


@contextmanager
def _run(session: Display, log: Path, *arguments: str, vm: tuple[str, ...] = _VM) -> Iterator[_Run]:
    process = command.start("-v", "run", *_LOOKS, *arguments, "--", *vm, errors=log, env=session.env)
    try:
        yield _Run(process, log, session)
    finally:
        process.kill()
        process.wait()


def _mdevs() -> list[str]:
    return os.listdir(mdev.BUS)


def _seen(session: Display, name: str, file: Path) -> bool:
    """Whether the screen shows the picture in the guest's memory, except the blinking cursor."""
    with closing(holder_device(name)) as device:
        picture: Colours = colours(memory(device))
    if picture.shape[:2] != _GUEST[::-1] or not np.ptp(picture):
        return False
    left, top = (WIDTH - _GUEST[0]) // 2, (HEIGHT - _GUEST[1]) // 2
    screen = save_screen(session, file)[top : top + _GUEST[1], left : left + _GUEST[0]]
    return int((screen != picture).any(axis=2).sum()) <= _BLINK


def test_vgpu_is_made_for_the_vm_and_gone_with_the_window(
    session: Display, pictures: Path, tmp_path: Path, fact: Fact
) -> None:
    log = tmp_path / "log"
    with _run(session, log, "--type", "mbochs_rw-small") as run:
        run.wait_for("path: egl-image")
        name, pid = run.vm()
        assert f"created vGPU {name}, a mbochs_rw-small of mbochs_rw" in log.read_text()
        command.wait_until(lambda: _seen(session, name, pictures / "run.png"), run.process)
        (folder,) = run.left()
        assert (folder / "qmp").is_socket()
        started = time.monotonic()
        assert run.end(signal.SIGTERM, signal.SIGTERM) == 0, log.read_text()
        fact("run: from the second signal to its end, at most", f"{time.monotonic() - started:.1f} s")
        assert (_mdevs(), run.left(), still_running(pid)) == ([], [], False)
    fact("run: the log", log.read_text().replace(name, "UUID").splitlines())


def test_vm_that_is_killed_leaves_nothing(session: Display, tmp_path: Path, fact: Fact) -> None:
    log = tmp_path / "log"
    with _run(session, log, "--type", "small", "--parent", "mbochs_rw") as run:
        run.wait_for("path: egl-image")
        _, pid = run.vm()
        os.kill(pid, signal.SIGKILL)
        started = time.monotonic()
        assert run.process.wait(command.PATIENCE_S) == 1
        fact("run: from the VM's death to the end, its vGPU removed", f"{time.monotonic() - started:.1f} s")
        assert "the VM was killed by SIGKILL" in log.read_text()
        assert (_mdevs(), run.left(), still_running(pid)) == ([], [], False)


def test_vm_that_does_not_start_leaves_nothing(session: Display, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with _run(session, log, "--type", "mbochs_rw-small", vm=(*_VM, "-no-such-option")) as run:
        assert run.process.wait(command.PATIENCE_S) == 1
        said = log.read_text()
        assert "-no-such-option: invalid option" in said
        assert "the VM ended with status 1" in said
        assert (_mdevs(), run.left()) == ([], [])


def test_vm_goes_on_without_the_window_where_that_was_asked_for(
    create: Create, session: Display, tmp_path: Path
) -> None:
    """With a vGPU that existed before, named by the start of its UUID; it is not removed."""
    uuid, log = create("mbochs_rw", "small"), tmp_path / "log"
    with _run(session, log, "--uuid", uuid[:8], "--keep-running") as run:
        run.wait_for("path: egl-image")
        name, pid = run.vm()
        assert name == uuid
        run.process.send_signal(signal.SIGINT)
        assert run.process.wait(command.PATIENCE_S) == 0
        try:
            assert f"the VM goes on as process {pid}; 'mdevview view {uuid}' shows it again" in log.read_text()
            assert still_running(pid)
            (folder,) = run.left()
            # Only the VM has the device open.
            (vgpu,) = command.run_here("list", "--json").json()["vgpus"]
            assert {each["pid"] for each in vgpu["holders"]} == {pid}
        finally:
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(folder)
    # A process that seems dead may still have threads, which keep its files open.
    until = time.monotonic() + command.PATIENCE_S
    while not _opens(uuid):
        assert time.monotonic() < until
        time.sleep(0.1)


def _opens(name: str) -> bool:
    try:
        Mbochs.open(name).close()
    except OSError:
        return False
    return True


@pytest.mark.parametrize("parent", ["mbochs", "mbochs_rw"])
def test_kernel_refuses_in_words_that_are_understood(create: Create, parent: str, fact: Fact) -> None:
    known = mdev_types()
    large, small = (choose_type(f"{parent}-{each}", None, known) for each in ("large", "small"))
    there = create(parent, "small")
    with pytest.raises(UsageError, match=f"{there} exists"):
        create_mdev(small, there)
    made = []
    try:
        with pytest.raises(MdevviewError, match="none left") as caught:
            for number in range(99):
                name = f"00000000-0000-0000-0000-{number:012}"
                create_mdev(large, name)
                made.append(name)
        assert made
    finally:
        for name in made:
            remove_mdev(name)
    fact(f"{parent}: none left", caught.value)


def test_removal_waits_for_who_has_the_device_and_not_for_ever(create: Create) -> None:
    uuid = create("mbochs_rw", "small")
    with Mbochs.open(uuid):
        with pytest.raises(DeviceBusy, match=f"{uuid} was not removed: it is in use by .* {os.getpid()}"):
            remove_mdev(uuid, patience_s=0.5)
        # The removal was not requested: the device is still there.
        assert uuid in _mdevs()
    remove_mdev(uuid)
    assert _mdevs() == []
