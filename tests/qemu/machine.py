"""Starts a real QEMU with a D-Bus display, under emulation. It cannot outlive the test, and has limits.

SeaBIOS is the guest: it writes its text into the first display, and waits for a key for its boot menu.
"""

import contextlib
import os
import re
import resource
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from tests.gate import need_programs, unavailable
from tests.qemu.qmp import PATIENCE_S, AnswerTimes, QmpClient

Colours = NDArray[np.uint8]
"""The colours of a picture, of shape (height, width, 3), red first, as in tests/lab/inside/pictures.py."""

_PROGRAM = "qemu-system-x86_64"
_MENU_MS = 60_000
# With the interface Listener.Unix.Map.
_OLDEST = (9, 1)
# Of the text on the screen, once the BIOS waits for a key.
_PROMPT = "Press ESC for boot menu."
# A QEMU that is left behind ends by itself, and one that eats memory does not take the machine with it.
_PROCESSOR_S = 300
_ADDRESS_SPACE = 6 << 30
_RAM_MIB = 128


class QemuMachine:
    """A running QEMU: a context manager, which kills and reaps it.

    ``display`` is the value of QEMU's option, ``devices`` are those of ``-device``; the first ones get the ids "gpu0",
    "gpu1" and so on. A VM that is ``stopped`` runs no instruction; with ``qtest`` the test does what a guest's driver
    does (:mod:`tests.qemu.virtio_gpu`). ``qmp`` is the monitor for the program under test: it serves one client at a
    time, so the methods here use another one.
    """

    def __init__(
        self,
        folder: Path,
        devices: Sequence[str],
        display: str = "dbus,p2p=yes",
        name: str | None = None,
        stopped: bool = False,
        qtest: bool = False,
        extra: Sequence[str] = (),
        env: dict[str, str] | None = None,
    ) -> None:
        need_programs(_PROGRAM, "setpriv")
        folder.mkdir(parents=True, exist_ok=True)
        self.name = name
        self.qmp = folder / "qmp"
        self.qtest = folder / "qtest"
        self.log = folder / "qemu.log"
        self._folder = folder
        self._bios = folder / "bios.log"
        monitors = ("control", "clock")
        self.arguments = (
            *(_PROGRAM, "-accel", "tcg,tb-size=32", "-nodefaults", "-m", f"{_RAM_MIB}"),
            # Memory that the test may map, and that QEMU makes dma-bufs of (virtio-gpu's blobs).
            *("-object", f"memory-backend-memfd,id=ram,size={_RAM_MIB}M,share=on"),
            *("-machine", "pc,memory-backend=ram", "-boot", f"menu=on,splash-time={_MENU_MS}"),
            *(("-name", name) if name else ()),
            *("-display", display, "-vga", "none"),
            *(word for number, each in enumerate(devices) for word in ("-device", f"{each},id=gpu{number}")),
            *("-qmp", f"unix:{self.qmp},server=on,wait=off"),
            *(word for each in monitors for word in _monitor(each, folder / each)),
            *("-chardev", f"file,id=bios,path={self._bios}", "-device", "isa-debugcon,iobase=0x402,chardev=bios"),
            *(("-S",) if stopped or qtest else ()),
            *(("-qtest", f"unix:{self.qtest},server=on,wait=off", "-qtest-log", "/dev/null") if qtest else ()),
            *extra,
        )
        with self.log.open("wb") as output:
            # QEMU ends with the thread that started it, however that ends.
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", *self.arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=os.environ | (env or {}),
            )
        try:
            resource.prlimit(self.process.pid, resource.RLIMIT_CPU, (_PROCESSOR_S, _PROCESSOR_S))
            resource.prlimit(self.process.pid, resource.RLIMIT_AS, (_ADDRESS_SPACE, _ADDRESS_SPACE))
            # QEMU makes its sockets one after the other; the last one is answered when it is ready.
            self._wait_for_sockets()
            self.control = QmpClient(folder / "control")
            if self.control.version < _OLDEST:
                unavailable(f"QEMU is older than {'.'.join(map(str, _OLDEST))}")
        except BaseException:
            self.kill()
            raise

    def _wait_for_sockets(self) -> None:
        sockets = [self._folder / "control", self._folder / "clock", self.qmp]
        self.wait_until(lambda: all(each.exists() for each in sockets), "its sockets")
        self.wait_until(lambda: _accepts(self._folder / "clock"), "its monitor")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        if error is not None:
            error.add_note(f"QEMU: exit status {self.process.poll()}, output {self.said()!r}")
        self.control.close()
        self.kill()

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def memory(self) -> int:
        """The bytes of its own memory that are in use: neither files nor shared memory."""
        return own_memory(self.pid)

    def command(self, execute: str, **arguments: Any) -> Any:
        """The result of a QMP command."""
        return self.control.command(execute, **arguments)

    def answer_times(self) -> AnswerTimes:
        """How long QEMU's main loop takes to answer, while the context lasts."""
        return AnswerTimes(self._folder / "clock")

    def display_socket(self) -> socket.socket:
        """Our end of a new connection to the display of a p2p VM, not authenticated. Whoever had it before loses it."""
        ours, theirs = socket.socketpair()
        with theirs:
            self.command("getfd", fd=theirs.fileno(), fdname="display")
            self.command("add_client", protocol="@dbus-display", fdname="display")
        return ours

    def wait_until(self, ready: Callable[[], object], what: str) -> None:
        until = time.monotonic() + PATIENCE_S
        while not ready():
            assert self.process.poll() is None, f"QEMU ended with {self.process.returncode}: {self.said()}"
            assert time.monotonic() < until, f"not within {PATIENCE_S:.0f} s: {what}"
            time.sleep(0.01)

    def said(self) -> str:
        """What QEMU wrote to its output so far."""
        return self.log.read_text(errors="replace")

    def wait_for_text(self) -> None:
        """Wait until the BIOS has written its text and waits for a key."""
        self.wait_until(lambda: self._bios.exists() and _PROMPT in self._bios.read_text(), "the BIOS' text")

    def press(self, *qcodes: str) -> None:
        """Press keys by QMP, without the viewer."""
        self.command("send-key", keys=[{"type": "qcode", "data": each} for each in qcodes])

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Stop the VM's CPU and clock for a while: the BIOS' cursor blinks, so only then two pictures are equal."""
        self.command("stop")
        try:
            yield
        finally:
            self.command("cont")

    def screendump(self, device: int = 0, head: int = 0) -> Colours:
        """The picture that QEMU itself writes of a console, without its pointer."""
        file = self._folder / "screendump.ppm"
        self.command("screendump", filename=str(file), device=f"gpu{device}", head=head)
        return read_ppm(file.read_bytes())

    def settled(self, device: int = 0, head: int = 0) -> Colours:
        """The picture once two in a row are equal."""
        pictures = [self.screendump(device, head)]

        def equal() -> bool:
            time.sleep(0.04)
            pictures.append(self.screendump(device, head))
            return np.array_equal(pictures[-2], pictures[-1])

        self.wait_until(equal, "two equal pictures")
        return pictures[-1]

    def quit(self) -> None:
        """End it as a user does."""
        with contextlib.suppress(ConnectionError):
            self.command("quit")
        self.process.wait(PATIENCE_S)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def _monitor(name: str, path: Path) -> tuple[str, ...]:
    return ("-chardev", f"socket,id={name},path={path},server=on,wait=off", "-mon", f"chardev={name},mode=control")


def _accepts(path: Path) -> bool:
    """Whether QEMU greets: it does once its main loop runs."""
    try:
        QmpClient(path).close()
    except ConnectionError:
        return False
    return True


def own_memory(pid: int) -> int:
    """The bytes of memory in use that are a process' own: neither files nor shared memory."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("RssAnon:")[1].split()[0]) << 10


def read_ppm(data: bytes) -> Colours:
    """The picture of a binary PPM file (P6) of QEMU, which pads the rows to 4 bytes (ppm_save in ui/ui-qmp-cmds.c)."""
    header = re.match(rb"P6\s(\d+)\s(\d+)\s255\s", data)
    assert header is not None
    width, height = int(header[1]), int(header[2])
    rows = np.frombuffer(data, np.uint8, offset=header.end()).reshape(height, -1)
    return rows[:, : width * 3].reshape(height, width, 3)
