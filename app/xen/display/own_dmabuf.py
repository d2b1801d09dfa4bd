"""Dma-bufs of our own, into which a guest with be-alloc=1 draws."""

import fcntl
import os
from pathlib import Path

from app.abi import udmabuf

_UDMABUF = Path("/dev/udmabuf")


def new_udmabuf(size: int) -> int:
    """The fd of a new dma-buf of ``size`` bytes, a multiple of 4096; the caller closes it.

    Its pages are those of a sealed memfd, zeroed. Raises OSError: no /dev/udmabuf, no permission for it, or a size
    above its limit (the parameter ``size_limit_mb`` of udmabuf).
    """
    memory = os.memfd_create("mdevview-guest", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        os.ftruncate(memory, size)
        fcntl.fcntl(memory, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW)
        control = os.open(_UDMABUF, os.O_RDWR | os.O_CLOEXEC)
        try:
            request = udmabuf.udmabuf_create(memory, udmabuf.UDMABUF_FLAGS_CLOEXEC, 0, size)
            return int(fcntl.ioctl(control, udmabuf.UDMABUF_CREATE, bytearray(request)))
        finally:
            os.close(control)
    finally:
        os.close(memory)
