"""Reads a dma-buf of mbochs through BAR 0, which its owner takes away. Prints what each read came to.

A read in place would end this process with SIGBUS.
"""

import errno
import fcntl
import mmap
import os
from copy import copy
from functools import partial
from unittest.mock import patch

from app.planes import buffer as buffer_module
from app.vfio.poller import Poller
from tests.unit.app.vfio.test_bochs_memory import MEMORY, SIZE, X_OFFSET, Y_OFFSET, BochsDevice


class VanishingDevice(BochsDevice):
    """Its memory is a file, which can be shortened under every mapping."""

    fd = -1

    def mmap(self, length: int, offset: int) -> mmap.mmap:
        super().mmap(length, offset).close()
        return mmap.mmap(self.fd, length, flags=mmap.MAP_SHARED, prot=mmap.PROT_READ)


def whole_pages(fd: int, size: int) -> mmap.mmap:
    return mmap.mmap(fd, size - size % mmap.PAGESIZE, flags=mmap.MAP_SHARED, prot=mmap.PROT_READ)


def read(buffer: buffer_module.Buffer, device: BochsDevice) -> str:
    try:
        with buffer.mapping() as memory:
            data = bytes(memory)
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    whole = SIZE - SIZE % mmap.PAGESIZE
    if data == device.shown(0):
        return "whole"
    return "without the end" if data == device.shown(0)[:whole] else "other bytes"


def main() -> None:
    device = VanishingDevice()
    device.fd = os.memfd_create("bar", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.pwrite(device.fd, device.memory[:], 0)
    poller = Poller(device)
    surface = poller.latest().primary
    assert surface is not None
    print(read(surface.buffer, device))
    os.ftruncate(device.fd, 0)
    print(read(surface.buffer, device))
    os.ftruncate(device.fd, MEMORY)
    os.pwrite(device.fd, device.memory[:], 0)
    print(read(surface.buffer, device))
    poller.release_buffers()
    # The guest points at the end of its memory, and at what lies behind it.
    fcntl.fcntl(device.fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK)
    for row, column in ((1280, 0), (0x8000, 0), (0xFF80, 0), (0xFFFF, 0xFFFF)):
        surface = poller.latest().primary
        assert surface is not None
        # A driver that tells of the same plane whatever the registers say.
        shown = device.primary
        device.primary = partial(copy, shown())
        device.registers |= {Y_OFFSET: row, X_OFFSET: column}
        print(read(surface.buffer, device))
        device.primary = shown
        device.registers |= {Y_OFFSET: 0, X_OFFSET: 0}
        poller.release_buffers()
    poller.close()


if __name__ == "__main__":
    with patch.object(buffer_module, "_map", whole_pages):
        main()
