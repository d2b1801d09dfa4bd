"""What a guest does when dom0 asks for it. Each job runs in a process of its own; what it returns is its answer."""

import fcntl
import mmap
import os
import select
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from tests.lab.xen.guest import kms, pattern


@dataclass(frozen=True)
class Dom0:
    """What a job can tell dom0 while it runs, and the pipe by which dom0 lets it go on."""

    say: Callable[[object], None]
    steps: int

    def wait_for_step(self) -> None:
        os.read(self.steps, 1)


_DRIVER = "xendrm-du"
_GONE = 60.0

_INPUT_EVENT = struct.Struct("=16xHHi")
"""struct input_event, without its time."""

_EV_SYN = 0

_LEAVES_AFTER_S = 0.3


def flips(dom0: Dom0, frames: int, seed: int = 0, card_s: float = 60.0) -> dict[str, object]:
    """Set a mode with the picture ``seed``, then flip through the next pictures, each when dom0 lets it. Then leave."""
    screen = kms.Screen(kms.find_card(_DRIVER, card_s))
    begun = time.monotonic()
    screen.set(pattern.picture(seed, screen.width, screen.height))
    dom0.say({"set_s": time.monotonic() - begun, "width": screen.width, "height": screen.height})
    times = []
    for number in range(seed + 1, seed + frames + 1):
        dom0.wait_for_step()
        times.append(screen.flip(pattern.picture(number, screen.width, screen.height)))
    whole = time.monotonic() - begun
    dom0.wait_for_step()
    screen.close()
    return {"longest_s": max(times, default=0.0), "whole_s": whole}


def endless(dom0: Dom0, seed: int = 0, pause_s: float = 0.05) -> dict[str, object]:
    """Flip for ever, as a desktop does. Where the display goes away, a new process opens the next one."""
    while True:
        pid = os.fork()
        if not pid:
            _flip_until_lost(dom0, seed, pause_s)
        _, status = os.waitpid(pid, 0)
        dom0.say({"ended": os.waitstatus_to_exitcode(status)})
        seed += 1000


def _flip_until_lost(dom0: Dom0, seed: int, pause_s: float) -> NoReturn:
    try:
        screen = kms.Screen(kms.find_card(_DRIVER, _GONE))
        screen.set(pattern.picture(seed, screen.width, screen.height))
        dom0.say({"shows": seed})
        parent = os.getppid()
        while os.getppid() == parent:  # until dom0 kills the job
            seed += 1
            seconds = screen.flip(pattern.picture(seed, screen.width, screen.height))
            if seconds > 1.0:
                dom0.say({"slow_s": seconds})
            time.sleep(pause_s)
    except BaseException as error:
        dom0.say({"lost": repr(error)})
        # Linux 6.12 crashes if a program lets go of a backend's buffer while the driver unmaps it: dbuf_free_all() in
        # drivers/gpu/drm/xen/xen_drm_front.c has no lock.
        time.sleep(_LEAVES_AFTER_S)
    finally:
        os._exit(1)


def grant(dom0: Dom0, seed: int, width: int, height: int) -> dict[str, object]:
    """Grant the pages of a picture to dom0 and keep them until killed (include/uapi/xen/gntalloc.h)."""
    size = width * height * 4
    pages = -(-size // mmap.PAGESIZE)
    fd = os.open("/dev/xen/gntalloc", os.O_RDWR)
    data = bytearray(struct.pack("=HHIQ", 0, 1, pages, 0) + bytes(4 * pages))
    fcntl.ioctl(fd, 0x184705, data)
    index = struct.unpack_from("=Q", data, 8)[0]
    memory = mmap.mmap(fd, pages * mmap.PAGESIZE, offset=index)
    memory[:size] = pattern.picture(seed, width, height)
    dom0.say({"refs": list(struct.unpack_from(f"={pages}I", data, 16))})
    while True:
        time.sleep(3600)


def inputs(dom0: Dom0, seconds: float, name: str, count: int) -> dict[str, object]:
    """Tell the first ``count`` events of the input devices whose names begin so: device, type, code, value."""
    fds: dict[int, str] = {}
    for device in sorted(Path("/sys/class/input").glob("event*")):
        said = (device / "device/name").read_text().strip()
        if said.startswith(name):
            fds[os.open(f"/dev/input/{device.name}", os.O_RDONLY | os.O_NONBLOCK)] = said
    dom0.say({"devices": sorted(fds.values())})
    seen: list[tuple[str, int, int, int]] = []
    until = time.monotonic() + seconds
    while len(seen) < count and (left := until - time.monotonic()) > 0:
        for fd in select.select(list(fds), [], [], left)[0]:
            data = os.read(fd, _INPUT_EVENT.size * 64)
            seen += [(fds[fd], *each) for each in _INPUT_EVENT.iter_unpack(data) if each[0] != _EV_SYN]
    return {"events": seen}


Job = Callable[..., dict[str, object]]
ALL: dict[str, Job] = {
    "flips": flips,
    "endless": endless,
    "grant": grant,
    "inputs": inputs,
}
