"""Dma-bufs of our own, into which a guest with be-alloc=1 draws."""

import contextlib
import errno
import fcntl
import os
from pathlib import Path

from app.abi import drm, udmabuf

_UDMABUF = Path("/dev/udmabuf")
_DRI = Path("/dev/dri")
_ROW_PIXELS = 1024
_ROW_BYTES = 4 * _ROW_PIXELS


def new_own_dmabuf(size: int) -> int:
    """The fd of a new dma-buf of ``size`` bytes, a multiple of 4096; the caller closes it.

    Of udmabuf, whose pages every driver can read; where it has none, of the first GPU that exports one.
    Raises udmabuf's OSError where neither has one.
    """
    try:
        return new_udmabuf(size)
    except OSError:
        for node in sorted(_DRI.glob("card*")):
            with contextlib.suppress(OSError):
                return new_dumb_buffer(size, node)
        raise


def new_udmabuf(size: int) -> int:
    """As :func:`new_own_dmabuf`. Its pages are those of a sealed memfd, zeroed.

    Raises OSError: no /dev/udmabuf, no permission for it, or a size above its limit (the parameter ``size_limit_mb`` of
    udmabuf).
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


def new_dumb_buffer(size: int, node: Path) -> int:
    """As :func:`new_own_dmabuf`, of the GPU with the primary node ``node``: a dumb buffer, which is linear.

    Raises OSError: no permission for the node, a driver without dumb buffers or without PRIME, or EINVAL where the
    dma-buf would have another size, which gntdev refuses (``dmabuf_imp_to_refs()`` in ``drivers/xen/gntdev-dmabuf.c``).
    """
    card = os.open(node, os.O_RDWR | os.O_CLOEXEC)
    try:
        # Whoever opens the node of a GPU that no compositor uses becomes its master.
        with contextlib.suppress(OSError):
            fcntl.ioctl(card, drm.DRM_IOCTL_DROP_MASTER)
        dumb = drm.drm_mode_create_dumb(height=size // _ROW_BYTES, width=_ROW_PIXELS, bpp=32)
        fcntl.ioctl(card, drm.DRM_IOCTL_MODE_CREATE_DUMB, dumb)
        prime = drm.drm_prime_handle(dumb.handle, drm.DRM_CLOEXEC | drm.DRM_RDWR, -1)
        fcntl.ioctl(card, drm.DRM_IOCTL_PRIME_HANDLE_TO_FD, prime)
    finally:
        # The handle ends with it; the dma-buf keeps the memory.
        os.close(card)
    if dumb.pitch != _ROW_BYTES or os.lseek(prime.fd, 0, os.SEEK_END) != size:
        os.close(prime.fd)
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), str(node))
    return int(prime.fd)
