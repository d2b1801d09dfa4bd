"""Which buffers are not imported, whatever EGL says: no driver here checks what it gets."""

import fcntl
import mmap
import os

from app.errors import error_text
from app.planes.buffer import Buffer
from app.planes.outcome import ImportFailure, ImportMethod
from app.planes.plane import Plane
from gl.retry import may_pass

_LARGEST_EGL_INT = 0x7FFF_FFFF


def import_obstacle(plane: Plane, buffer: Buffer, *, software: bool) -> ImportFailure | None:
    """Why the buffer must not be imported; None if it may be. ``software``: the CPU draws.

    llvmpipe maps a buffer for reading and writing (Mesa 25.0, ``lp_texture.c``, llvmpipe_import_memory_fd). If that
    fails, it continues with another way: that takes any fd, ignores the stride, maps in the first draw and crashes if
    it cannot (``dri_sw_winsys.c``, dri_sw_displaytarget_from_handle and dri_sw_displaytarget_map). So the same mapping
    is made here first.
    """
    if plane.offset > _LARGEST_EGL_INT:
        return _failure(f"EGL cannot express an offset of {plane.offset} bytes")
    if buffer.may_vanish:
        return _failure("the buffer's owner can shorten it while OpenGL reads it, which would end this program")
    return map_obstacle(buffer, software=software)


def map_obstacle(buffer: Buffer, *, software: bool) -> ImportFailure | None:
    """Why a driver that draws with the CPU could not map the buffer; None if it could, or if a GPU draws."""
    if not software:
        return None
    fd = buffer.dmabuf_fd
    assert fd is not None
    if fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
        return _failure("OpenGL runs on the CPU here and takes only buffers that it may write; this one is read-only")
    try:
        mmap.mmap(fd, buffer.size, flags=mmap.MAP_SHARED, prot=mmap.PROT_READ | mmap.PROT_WRITE).close()
    except (OSError, ValueError) as error:
        why = error_text(error) if isinstance(error, OSError) else str(error)
        return _failure(f"OpenGL runs on the CPU here and cannot map the buffer: {why}", may_pass(error))
    return None


def _failure(message: str, passing: bool = False) -> ImportFailure:
    return ImportFailure(ImportMethod.EXPLICIT, None, message, passing)
