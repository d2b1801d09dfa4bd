"""A real QEMU in the lab: SeaBIOS draws into an mdev, and a small guest shows the typed characters.

The VM is like that of a user: no display option, a QMP socket, the vGPU as vfio-pci. The lab has a second QMP socket,
as one serves only one client at a time.
"""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tests.lab.inside import boot_sector, mdev
from tests.lab.inside.rawvfio import BAR0, ENABLE, XRES, YRES, Mbochs, Picture, fd_of

# SeaBIOS' option ROM for the Bochs display, which mbochs emulates.
_ROM = "/usr/share/seabios/vgabios-bochs-display.bin"
# How long the BIOS waits for a key for its menu, if the menu is on.
_MENU_MS = 60_000
# With the end of line: the BIOS writes a character to its debug port before it draws it.
_PROMPT = "Press ESC for boot menu.\n"
# The cursor has two rows of eight pixels.
CURSOR_PIXELS = 16
PATIENCE_S = 120.0


class Machine:
    """A running QEMU. :meth:`kill` and :meth:`quit` reap it; further calls do nothing.

    ``qmp`` is the socket for the program under test; the methods here use another one. With a ``display`` (the value of
    QEMU's option) QEMU shows the vGPU in a window of its own, in the session whose environment is ``env``.
    """

    def __init__(
        self,
        folder: Path,
        *uuids: str,
        name: str | None = None,
        menu: bool = True,
        extra: tuple[str, ...] = (),
        display: str = "none",
        env: dict[str, str] | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._again = partial(Machine, folder, *uuids, name=name, menu=menu, extra=extra, display=display, env=env)
        self.folder = folder
        self.uuids = uuids
        self.name = name
        self.qmp = folder / "qmp.sock"
        self.log = folder / "qemu.log"
        self._control = folder / "control.sock"
        self._bios = folder / "bios.log"
        self._keys = folder / "keys"
        disk = folder / "disk.img"
        boot_sector.write_disk(disk)
        self.arguments = (
            *("qemu-system-x86_64", "-accel", "tcg", "-machine", "pc", "-nodefaults", "-m", "64"),
            *(("-name", name) if name else ()),
            *("-display", display, "-vga", "none"),
            *("-boot", f"menu=on,splash-time={_MENU_MS}" if menu else "menu=off"),
            *(each for number, uuid in enumerate(uuids) for each in _device(uuid, number, display)),
            *("-drive", f"file={disk},format=raw,if=ide"),
            *("-qmp", f"unix:{self.qmp},server=on,wait=off"),
            *("-chardev", f"socket,id=control,path={self._control},server=on,wait=off"),
            *("-mon", "chardev=control,mode=control"),
            *("-chardev", f"file,id=bios,path={self._bios}", "-device", "isa-debugcon,iobase=0x402,chardev=bios"),
            *("-chardev", f"file,id=keys,path={self._keys}", "-device", "isa-debugcon,iobase=0xe9,chardev=keys"),
            *extra,
        )
        self.started = time.monotonic()
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                self.arguments, stdin=subprocess.DEVNULL, stdout=output, stderr=output, close_fds=True, env=env
            )

    def again(self) -> "Machine":
        """Start the same VM again. This one must have ended."""
        assert self.process.returncode is not None
        return self._again()

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def device_fds(self) -> tuple[int, ...]:
        """The VFIO device fds of QEMU, in the order of its command line; empty until it has opened them."""
        return device_fds(self.pid)

    def device(self, which: int = 0) -> Mbochs:
        """A duplicate of its device, to read it, or to do what a guest's driver does. Close it after use."""
        return Mbochs(fd_of(self.pid, self.device_fds[which]))

    def wait_until(self, ready: Callable[[], object], what: str = "it was ready") -> None:
        until = time.monotonic() + PATIENCE_S
        while not ready():
            assert self.process.poll() is None, f"QEMU ended with {self.process.returncode}: {self.log.read_text()}"
            assert time.monotonic() < until, f"not within {PATIENCE_S:.0f} s: {what}; {self.bios()[-500:]}"
            time.sleep(0.02)

    def wait_for_device(self) -> None:
        """Wait until QEMU has opened all its devices."""
        self.wait_until(lambda: len(self.device_fds) == len(self.uuids), "the devices are open")

    def wait_for_text(self) -> None:
        """Wait until the display is on and not all black, and the BIOS waits for a key or boots the guest."""
        self.wait_for_device()
        self.wait_until(lambda: _PROMPT in self.bios() or "Booting from" in self.bios(), "the BIOS' text")
        with closing(self.device()) as device:
            self.wait_until(lambda: np.ptp(memory(device)), "a picture that is not uniform")

    def set_mode(self, width: int, height: int, which: int = 0) -> None:
        """Set a mode as a guest's driver does, while the guest does not run ("-S")."""
        self.wait_for_device()
        # QEMU answers after the reset of its devices, which turns displays off.
        self.command("query-status")
        with self.device(which) as device:
            device.set_mode(width, height)

    def memory(self, which: int = 0) -> Picture:
        """The picture on the screen, from the device's memory: no plane is queried, no buffer fetched.

        One black pixel while the display is off.
        """
        with closing(self.device(which)) as device:
            return memory(device)

    def picture(self, which: int = 0) -> Picture:
        """The picture that another program reads from the dma-buf. Never with mbochs as shipped, which must be fetched
        from only once."""
        assert (mdev.BUS / self.uuids[which] / "driver").resolve().name == "mbochs_rw"
        file = self.folder / "picture.npy"
        arguments = [str(self.pid), str(self.device_fds[which]), str(file)]
        subprocess.run([sys.executable, "-m", "tests.lab.inside.reader", *arguments], check=True, timeout=PATIENCE_S)
        picture: Picture = np.load(file)
        file.unlink()
        return picture

    def bios(self) -> str:
        """The output of the BIOS on its debug port, which contains the text on the screen."""
        return self._bios.read_text(errors="replace") if self._bios.exists() else ""

    def keys(self) -> list[tuple[str, int]]:
        """Character and scancode of each key that the guest read. The guest must run."""
        return boot_sector.keys(self._keys.read_bytes()) if self._keys.exists() else []

    def typed(self) -> str:
        """The characters that the guest read."""
        return "".join(character for character, _ in self.keys())

    def reset(self) -> None:
        """Reset the VM; returns when the BIOS waits for a key for its menu again."""
        said = len(self.bios())
        self.command("system_reset")
        self.wait_until(lambda: _PROMPT in self.bios()[said:], "the BIOS after a reset")

    def wait_for_menu(self) -> None:
        """Wait until the BIOS lists the boot devices."""
        said = self.bios().rfind(_PROMPT)
        self.wait_until(
            lambda: "MiBytes)\n" in self.bios()[said + 1 :].partition("Select boot device")[2], "the boot menu"
        )

    def wait_for_guest(self) -> None:
        """Wait until the small guest reads keys. Call it once after each start or reset."""
        self.wait_for_text()
        said = self.bios().rfind(_PROMPT)
        self.wait_until(lambda: "Booting from 0000:7c00" in self.bios()[said + 1 :], "the disk was booted")

    def boot_guest(self) -> None:
        """Reset the VM and boot the small guest over the BIOS' menu; returns when it reads keys."""
        self.reset()
        self.press("esc")
        self.wait_for_menu()
        self.press("1")
        self.wait_for_guest()

    def command(self, execute: str, **arguments: Any) -> Any:
        """The result of a QMP command, over the lab's own socket."""
        with socket.socket(socket.AF_UNIX) as peer:
            peer.settimeout(PATIENCE_S)
            peer.connect(str(self._control))
            with peer.makefile("rw") as stream:
                json.loads(stream.readline())
                for each in ({"execute": "qmp_capabilities"}, {"execute": execute, "arguments": arguments}):
                    stream.write(json.dumps(each) + "\n")
                    stream.flush()
                    while "event" in (reply := json.loads(stream.readline())):
                        pass
                assert "return" in reply, reply
                return reply["return"]

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        """Stop the VM's CPUs for a while. The BIOS' text cursor blinks, so only then two pictures are equal."""
        self.command("stop")
        yield
        self.command("cont")

    def press(self, *qcodes: str) -> None:
        """Press keys by QMP, without the viewer."""
        self.command("send-key", keys=[{"type": "qcode", "data": each} for each in qcodes])

    def kill(self) -> None:
        """Kill QEMU with SIGKILL, like a crash. Its fds are closed when this returns."""
        self.process.kill()
        self.process.wait()

    def quit(self) -> int:
        """End QEMU with the QMP command "quit". Returns its exit status."""
        if self.process.poll() is None:
            with contextlib.suppress(OSError, ValueError):  # it may hang up before it answers
                self.command("quit")
        return self.process.wait(PATIENCE_S)


def device_fds(pid: int) -> tuple[int, ...]:
    """The VFIO device fds of a process, sorted; none if it has ended."""
    found = []
    with contextlib.suppress(FileNotFoundError):
        for fd in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                if str(fd.readlink()) == "anon_inode:[vfio-device]":
                    found.append(int(fd.name))
    return tuple(sorted(found))


def _device(uuid: str, number: int, display: str) -> tuple[str, str]:
    shown = "off" if display == "none" else "on"
    rom = f"romfile={_ROM}" if number == 0 else "rombar=0"
    return "-device", f"vfio-pci,sysfsdev={mdev.BUS / uuid},display={shown},{rom}"


def memory(device: Mbochs) -> Picture:
    """The picture of a Bochs display, from its memory; one black pixel while the display is off."""
    if not device.register(ENABLE) & 1:
        return np.zeros((1, 1), np.uint32)
    width, height = device.register(XRES), device.register(YRES)
    rows = np.frombuffer(device.read_memory(BAR0, width * height * 4), np.uint32)
    return rows.reshape(height, width)


def differ(one: Picture, other: Picture) -> bool:
    """Whether two pictures differ in more than the blinking text cursor."""
    return one.shape != other.shape or int(np.count_nonzero(one != other)) > CURSOR_PIXELS


def still_running(pid: int) -> bool:
    """Whether the process exists and is no zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def children() -> list[int]:
    """The child processes of this process, including zombies."""
    found: list[int] = []
    for task in Path(f"/proc/{os.getpid()}/task").glob("*/children"):
        # If a thread ends now, its children become those of another thread.
        with contextlib.suppress(FileNotFoundError):
            found += map(int, task.read_text().split())
    return found
