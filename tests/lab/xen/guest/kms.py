"""A client of the kernel's mode setting: dumb buffers, a mode, flips with events (include/uapi/drm/drm_mode.h)."""

import array
import fcntl
import mmap
import os
import select
import struct
import time
from pathlib import Path

_XR24 = 0x34325258
_FLIP_EVENT = 1


def _ioctl_number(number: int, size: int) -> int:
    """_IOWR('d', number, size)."""
    return 3 << 30 | size << 16 | ord("d") << 8 | number


def _ioctl(fd: int, number: int, layout: str, *values: int | bytes) -> tuple[int, ...]:
    data = bytearray(struct.pack(layout, *values))
    fcntl.ioctl(fd, _ioctl_number(number, len(data)), data)
    return struct.unpack(layout, data)


class NoCardError(Exception):
    """No card of the driver appeared."""


def find_card(driver: str, seconds: float) -> str:
    """The device node of the card with this driver; waits for it."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for node in Path("/dev/dri").glob("card*"):
            if _driver(str(node)) == driver:
                return str(node)
        time.sleep(0.02)
    raise NoCardError(driver)


def _driver(node: str) -> str:
    """The name of the card's driver, by DRM_IOCTL_VERSION; empty if the card went away."""
    try:
        fd = os.open(node, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        name = array.array("B", bytes(32))
        version = _ioctl(fd, 0, "iii4xQQQQQQ", 0, 0, 0, 32, name.buffer_info()[0], 0, 0, 0, 0)
        return name.tobytes()[: version[3]].decode()
    except OSError:
        return ""
    finally:
        os.close(fd)


class Buffer:
    """A dumb buffer with a framebuffer, mapped."""

    def __init__(self, fd: int, width: int, height: int) -> None:
        # CREATE_DUMB, MAP_DUMB, ADDFB2
        *_, self.handle, self.pitch, self.size = _ioctl(fd, 0xB2, "IIIIIIQ", height, width, 32, 0, 0, 0, 0)
        offset = _ioctl(fd, 0xB3, "IIQ", self.handle, 0, 0)[2]
        self.memory = mmap.mmap(fd, self.size, offset=offset)
        values = (0, width, height, _XR24, 0, self.handle, 0, 0, 0, self.pitch, *([0] * 11))
        self.fb = _ioctl(fd, 0xB8, "IIIII4I4I4I4x4Q", *values)[0]
        assert self.pitch == width * 4
        self._picture = os.memfd_create("picture", os.MFD_CLOEXEC)

    def draw(self, picture: bytes) -> None:
        """Raises OSError(EFAULT) where the card was unplugged: the kernel copies, and so no SIGBUS ends the process."""
        os.pwrite(self._picture, picture, 0)
        with memoryview(self.memory) as memory:
            drawn = os.preadv(self._picture, [memory[: len(picture)]], 0)
        assert drawn == len(picture)

    def close(self) -> None:
        self.memory.close()
        os.close(self._picture)


class Screen:
    """A connector with its CRTC and two buffers."""

    def __init__(self, node: str, connector: int = 0) -> None:
        self.fd = os.open(node, os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
        ids = array.array("I", bytes(4 * 16))
        crtcs = array.array("I", bytes(4 * 16))
        pointers = (0, crtcs.buffer_info()[0], ids.buffer_info()[0], 0)
        found = _ioctl(self.fd, 0xA0, "4Q8I", *pointers, 0, 16, 16, 0, 0, 0, 0, 0)
        assert connector < found[6]
        self.connector = ids[connector]
        modes = array.array("B", bytes(68 * 4))
        self._connector(modes, 0)  # without room for modes the kernel asks the driver for them
        count, connection = self._connector(modes, 4)
        assert count and connection == 1, (count, connection)
        self.mode = modes.tobytes()[:68]
        self.width, self.height = struct.unpack_from("4xH8xH", self.mode)
        self.crtc = crtcs[connector]
        self.buffers = [Buffer(self.fd, self.width, self.height) for _ in range(2)]
        self._shown = 0

    def _connector(self, modes: "array.array[int]", room: int) -> tuple[int, int]:
        values = (0, modes.buffer_info()[0], 0, 0, room, 0, 0, 0, self.connector, 0, 0, 0, 0, 0, 0, 0)
        answer = _ioctl(self.fd, 0xA7, "4Q12I", *values)
        return answer[4], answer[11]

    def set(self, picture: bytes) -> None:
        """Set the mode with this picture."""
        self.buffers[0].draw(picture)
        self._shown = 0
        self._set_crtc(self.buffers[0].fb, [self.connector], self.mode)

    def off(self) -> None:
        self._set_crtc(0, [], b"")

    def _set_crtc(self, fb: int, connectors: list[int], mode: bytes) -> None:
        ids = array.array("I", connectors)
        values = (ids.buffer_info()[0] if ids else 0, len(ids), self.crtc, fb, 0, 0, 0, int(bool(mode)), mode)
        _ioctl(self.fd, 0xA2, "Q7I68s", *values)

    def flip(self, picture: bytes, seconds: float = 10.0) -> float:
        """Draw into the buffer that is not on the screen, flip, wait for the event. Returns the seconds of the flip."""
        self._shown ^= 1
        buffer = self.buffers[self._shown]
        buffer.draw(picture)
        begun = time.monotonic()
        _ioctl(self.fd, 0xB0, "IIIIQ", self.crtc, buffer.fb, _FLIP_EVENT, 0, 0)
        if not select.select([self.fd], [], [], seconds)[0]:
            raise TimeoutError(f"no event of the flip within {seconds} s")
        os.read(self.fd, 1024)
        return time.monotonic() - begun

    def close(self) -> None:
        for buffer in self.buffers:
            buffer.close()
        os.close(self.fd)
