"""A driver of virtio-gpu without a guest: the test draws, sets modes and moves the pointer, over qtest.

The device is one of a :class:`~tests.qemu.machine.QemuMachine` that was started with ``qtest``. The commands are those
of "GPU Device" in the VIRTIO specification, with the names of include/uapi/linux/virtio_gpu.h.
"""

import mmap
import os
import struct
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from tests.qemu.machine import Colours, QemuMachine
from tests.qemu.qtest import QtestClient

B8G8R8A8, B8G8R8X8, R8G8B8A8, R8G8B8X8 = 1, 2, 67, 134
"""Formats; the first byte in memory is named first."""
F_RESOURCE_BLOB, F_VERSION_1 = 3, 32
"""Features: bits."""

_BARS = 0xE000_0000
_PATIENCE_S = 120.0
_FLAG_FENCE = 1
_OK_NODATA, _OK_DISPLAY_INFO = 0x1100, 0x1101
_CONTROL, _CURSOR = 0, 1
_QUEUE_SIZE = 16
_CAP_COMMON, _CAP_NOTIFY = 1, 2
_MOST_SCANOUTS = 16
# Of the VM's memory each device has a part: queues, then the buffers of commands, then pictures. Nothing else uses it,
# as no guest runs.
_AREA, _FIRST_SLOT = 32 << 20, 2
_QUEUES, _COMMANDS, _PICTURES = 0x10_0000, 0x11_0000, 0x20_0000
_PAGE = 4096


class CommandError(Exception):
    """The device refused a command: its answer (VIRTIO_GPU_RESP_ERR_...)."""


@dataclass(frozen=True)
class Resource:
    """A picture in the VM's memory. ``pixels`` are 32 bits each, of shape (height, width), and are live."""

    id: int
    width: int
    height: int
    format: int
    address: int
    blob: bool
    pixels: NDArray[np.uint32]


@dataclass(frozen=True)
class DisplayInfo:
    """The size that a screen should have, and whether it is on."""

    width: int
    height: int
    enabled: bool


class VirtioGpu:
    """The device, ready for commands. Each one returns when the device has answered. A context manager.

    ``slot`` is that of the device on the first PCI bus ("addr=2"): 2, 3 or 4. ``qtest`` is shared by several devices of
    a VM, as QEMU has one client.
    """

    def __init__(self, machine: QemuMachine, slot: int = _FIRST_SLOT, qtest: QtestClient | None = None) -> None:
        self.qtest = qtest or QtestClient(machine.qtest)
        self._owns_qtest = qtest is None
        self._slot, self._bar = slot, _BARS + slot * 0x10_0000
        area = _AREA * (slot - _FIRST_SLOT)
        self._queues, self._commands = area + _QUEUES, area + _COMMANDS
        self._next_picture, self._area_end = area + _PICTURES, area + _AREA
        try:
            self._memory = _guest_memory(machine.pid)
        except BaseException:
            self.close()
            raise
        self._view = np.frombuffer(self._memory, np.uint32)
        self._next_resource = 0
        self._used = [0, 0]
        self._fences = 0
        try:
            self._find_registers()
            self._start()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        if self._owns_qtest:
            self.qtest.close()

    def resource(self, width: int, height: int, format: int = B8G8R8X8) -> Resource:
        """A resource of the device, with memory in the VM attached."""
        made = self._allocate(width, height, format, blob=False)
        self.command(0x0101, struct.pack("<4I", made.id, format, width, height))
        self.command(0x0106, struct.pack("<2IQ2I", made.id, 1, made.address, made.pixels.nbytes, 0))
        return made

    def blob(self, width: int, height: int, format: int = B8G8R8X8) -> Resource:
        """A resource that is the VM's memory itself (the device has ``blob=on``)."""
        made = self._allocate(width, height, format, blob=True)
        size = _whole_pages(made.pixels.nbytes)
        memory_guest, shareable = 1, 2
        fields = struct.pack("<4I2Q", made.id, memory_guest, shareable, 1, 0, size)
        self.command(0x010C, fields + struct.pack("<Q2I", made.address, size, 0))
        return made

    def unref(self, resource: Resource) -> None:
        self.command(0x0102, struct.pack("<2I", resource.id, 0))

    def transfer(self, resource: Resource, rect: tuple[int, int, int, int] | None = None) -> None:
        """Copy the VM's memory of a rectangle (x, y, width, height) into the device's picture. Not for blobs."""
        x, y, width, height = rect or (0, 0, resource.width, resource.height)
        offset = (y * resource.width + x) * 4
        self.command(0x0105, struct.pack("<4IQ2I", x, y, width, height, offset, resource.id, 0))

    def set_scanout(
        self, resource: Resource | None, scanout: int = 0, rect: tuple[int, int, int, int] | None = None
    ) -> None:
        """Show a resource, or a part of it, on a screen; None switches the screen off."""
        if resource is None:
            self.command(0x0103, struct.pack("<6I", 0, 0, 0, 0, scanout, 0))
            return
        part = rect or (0, 0, resource.width, resource.height)
        if not resource.blob:
            self.command(0x0103, struct.pack("<6I", *part, scanout, resource.id))
            return
        size = (resource.width, resource.height, resource.format, 0)
        strides = (resource.width * 4, 0, 0, 0, 0, 0, 0, 0)
        self.command(0x010D, struct.pack("<18I", *part, scanout, resource.id, *size, *strides))

    def flush(self, resource: Resource, rect: tuple[int, int, int, int] | None = None) -> None:
        """Tell that a rectangle of the picture has changed.

        With a fence, as Linux' driver does: QEMU runs a flush without one again and again while it waits for the
        viewer under OpenGL (virtio_gpu_process_cmdq in hw/display/virtio-gpu.c).
        """
        part = rect or (0, 0, resource.width, resource.height)
        self.command(0x0104, struct.pack("<6I", *part, resource.id, 0))

    def show(self, resource: Resource, scanout: int = 0) -> None:
        """Show the present pixels of a resource on a screen, all of them."""
        if not resource.blob:
            self.transfer(resource)
        self.set_scanout(resource, scanout)
        self.flush(resource)

    def define_cursor(
        self, resource: Resource, x: int, y: int, hot: tuple[int, int] = (0, 0), scanout: int = 0
    ) -> None:
        """Show a resource of 64x64 pixels with straight alpha as the pointer."""
        self.transfer(resource)
        self._cursor(0x0300, x, y, resource.id, hot, scanout)

    def move_cursor(self, x: int, y: int, resource: Resource | None, scanout: int = 0) -> None:
        """Move the pointer; without a resource hide it."""
        self._cursor(0x0301 if resource else 0x0300, x, y, resource.id if resource else 0, (0, 0), scanout)

    def display_info(self) -> list[DisplayInfo]:
        """What the device wants of its screens: what SetUIInfo asked for."""
        answer = self.command(0x0100, b"", 24 * _MOST_SCANOUTS, _OK_DISPLAY_INFO)
        modes = struct.iter_unpack("<6I", answer)
        return [DisplayInfo(width, height, bool(enabled)) for _x, _y, width, height, enabled, _flags in modes]

    def command(self, kind: int, fields: bytes, answer_size: int = 0, expected: int = _OK_NODATA) -> bytes:
        """Any command, with a fence. Returns the answer after its header. Raises CommandError."""
        self._fences += 1
        header = struct.pack("<2IQ2I", kind, _FLAG_FENCE, self._fences, 0, 0)
        answer = self._send(_CONTROL, header + fields, 24 + answer_size)
        (code,) = struct.unpack_from("<I", answer)
        if code != expected:
            raise CommandError(hex(code))
        return answer[24:]

    def _cursor(self, kind: int, x: int, y: int, resource: int, hot: tuple[int, int], scanout: int) -> None:
        header = struct.pack("<2IQ2I", kind, 0, 0, 0, 0)
        self._send(_CURSOR, header + struct.pack("<8I", scanout, x, y, 0, resource, *hot, 0), 0)

    def _allocate(self, width: int, height: int, format: int, blob: bool) -> Resource:
        address = self._next_picture
        self._next_picture += _whole_pages(width * height * 4)
        assert self._next_picture <= self._area_end, "the VM has no memory left for pictures"
        self._next_resource += 1
        pixels = self._view[address // 4 : address // 4 + width * height].reshape(height, width)
        return Resource(self._next_resource, width, height, format, address, blob, pixels)

    def _find_registers(self) -> None:
        """Give the device addresses, and follow its list of capabilities ("PCI Device Layout" in the specification)."""
        read, write = self.qtest.config_read, self.qtest.config_write
        offset = read(self._slot, 0x34, 1)
        found: dict[int, tuple[int, int]] = {}
        while offset:
            if read(self._slot, offset, 1) == 0x09:
                kind, bar = read(self._slot, offset + 3, 1), read(self._slot, offset + 4, 1)
                found.setdefault(kind, (bar, read(self._slot, offset + 8, 4)))
                if kind == _CAP_NOTIFY:
                    self._notify_factor = read(self._slot, offset + 16, 4)
            offset = read(self._slot, offset + 1, 1)
        bar, common = found[_CAP_COMMON]
        write(self._slot, 0x10 + 4 * bar, 4, self._bar)
        write(self._slot, 0x14 + 4 * bar, 4, 0)
        memory, bus_master = 2, 4
        write(self._slot, 0x04, 2, memory | bus_master)
        self._common = self._bar + common
        self._notify = self._bar + found[_CAP_NOTIFY][1]

    def _start(self) -> None:
        """Negotiate features and give the device its queues ("Device Initialization" in the specification)."""
        write, read = self.qtest.write, self.qtest.read
        acknowledge, driver, driver_ok, features_ok = 1, 2, 4, 8
        status = self._common + 20
        write(status, 1, 0)
        write(status, 1, acknowledge | driver)
        offered = 0
        for half in range(2):
            write(self._common, 4, half)
            offered |= read(self._common + 4, 4) << 32 * half
        wanted = offered & (1 << F_VERSION_1 | 1 << F_RESOURCE_BLOB)
        for half in range(2):
            write(self._common + 8, 4, half)
            write(self._common + 12, 4, wanted >> 32 * half & 0xFFFF_FFFF)
        write(status, 1, acknowledge | driver | features_ok)
        assert read(status, 1) & features_ok
        self._notify_at = [0, 0]
        for queue in (_CONTROL, _CURSOR):
            write(self._common + 22, 2, queue)
            write(self._common + 24, 2, _QUEUE_SIZE)
            for register, part in ((32, 0), (40, 0x400), (48, 0x800)):
                write(self._common + register, 4, self._queue(queue) + part)
                write(self._common + register + 4, 4, 0)
            self._notify_at[queue] = self._notify + read(self._common + 30, 2) * self._notify_factor
            write(self._common + 28, 2, 1)
        write(status, 1, acknowledge | driver | features_ok | driver_ok)

    def _queue(self, number: int) -> int:
        """Where a queue is: descriptors, then at 0x400 what is available, at 0x800 what was used."""
        return self._queues + 0x1000 * number

    def _send(self, queue: int, request: bytes, answer_size: int) -> bytes:
        """Put a command into a queue, and wait until the device has used it. Returns the answer."""
        at, memory = self._queue(queue), self._memory
        ask = self._commands + 0x8000 * queue
        answer = ask + 0x4000
        memory[ask : ask + len(request)] = request
        memory[answer : answer + answer_size] = bytes(answer_size)
        follows, device_writes = 1, 2
        struct.pack_into("<QI2H", memory, at, ask, len(request), follows if answer_size else 0, 1)
        struct.pack_into("<QI2H", memory, at + 16, answer, answer_size, device_writes, 0)
        sent = self._used[queue]
        struct.pack_into("<H", memory, at + 0x400 + 4 + 2 * (sent % _QUEUE_SIZE), 0)
        self._used[queue] = sent = (sent + 1) & 0xFFFF
        struct.pack_into("<H", memory, at + 0x400 + 2, sent)
        self.qtest.write(self._notify_at[queue], 2, queue)
        until = time.monotonic() + _PATIENCE_S
        while struct.unpack_from("<H", memory, at + 0x800 + 2)[0] != sent:
            assert time.monotonic() < until, "the device does not answer"
            time.sleep(0.0005)
            # virtio-gpu-gl looks at its fences when it is notified, and else by the VM's clock, which stands still
            # (virtio_gpu_virgl_fence_poll in hw/display/virtio-gpu-virgl.c).
            self.qtest.write(self._notify_at[queue], 2, queue)
        return bytes(memory[answer : answer + answer_size])


def _whole_pages(size: int) -> int:
    return (size + _PAGE - 1) // _PAGE * _PAGE


def _guest_memory(pid: int) -> Any:
    """The VM's memory, mapped; it is unmapped with the last view of it."""
    for link in Path(f"/proc/{pid}/fd").iterdir():
        if "memory-backend-memfd" in str(link.readlink()):
            fd = os.open(link, os.O_RDWR | os.O_CLOEXEC)
            try:
                return mmap.mmap(fd, os.lseek(fd, 0, os.SEEK_END))
            finally:
                os.close(fd)
    raise AssertionError("the VM has no memory of a memfd")


def colours(resource: Resource) -> Colours:
    """The colours of a resource's pixels in the VM's memory."""
    pixels = np.ascontiguousarray(resource.pixels, "<u4").view(np.uint8).reshape(*resource.pixels.shape, 4)
    return (pixels[..., 2::-1] if resource.format in (B8G8R8A8, B8G8R8X8) else pixels[..., :3]).copy()


def fill(resource: Resource, seed: int) -> None:
    """Noise, another one for each seed."""
    noise = np.random.default_rng(seed).integers(0, 1 << 24, resource.pixels.shape, dtype=np.uint32)
    resource.pixels[:] = noise
