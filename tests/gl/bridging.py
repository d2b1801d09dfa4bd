"""A display that imports none of the guest's buffers, and a bridge to a second software display."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from unittest.mock import patch

from app.formats.fourcc import PixelFormat
from app.planes.buffer import Buffer, DmaBuffer
from app.planes.outcome import ImportFailure, ImportMethod
from app.planes.plane import Plane
from app.planes.status import Reason
from gl.bridge import Bridge
from gl.context import SurfacelessContext
from gl.egl_display import DisplayOrigin, Platform
from gl.exporting_side import ExportingSide
from gl.gbm import linear_plane
from gl.importer import Importer, ImportResult
from gl.trial_record import Record
from tests.gl.record import SurvivingRecord

OTHER = DisplayOrigin(Platform.SOFTWARE)
REFUSED = ImportFailure(ImportMethod.EXPLICIT, "EGL_BAD_MATCH", "another GPU exports the buffer")


class Rig:
    """What a test may set, and see.

    ``allocates`` is whether the exporting GPU makes linear buffers. ``wrong_copies``: the window's GPU reads other
    memory than the exporting GPU draws into. ``open_errors`` are raised by the next attempts to open the exporting
    side. ``opened`` are the contexts that were opened, ``attempts`` counts the attempts.
    """

    def __init__(self) -> None:
        self.allocates = False
        self.wrong_copies = False
        self.open_errors: list[Exception] = []
        self.opened: list[SurfacelessContext] = []
        self.attempts = 0
        self.handed: set[int] = set()
        self.allocated = 0
        self.record: Record = SurvivingRecord()

    def allocate(self, _side: ExportingSide, width: int, height: int, fourcc: int) -> tuple[Plane, DmaBuffer]:
        """Memory with padded rows in place of a buffer of libgbm, large enough for llvmpipe's blocks."""
        if not self.allocates:
            raise OSError(2, "No such file or directory")
        self.allocated += 1
        stride = -(-width // 64) * 256 + 64
        buffer = _memory(stride * (-(-height // 64) * 64))
        self.handed.add(buffer.serial)
        return linear_plane(width, height, stride, fourcc), buffer

    def open(self, origin: DisplayOrigin) -> SurfacelessContext:
        self.attempts += 1
        if self.open_errors:
            raise self.open_errors.pop(0)
        context = SurfacelessContext(origin=origin, record=self.record)
        self.opened.append(context)
        return context


def _memory(size: int) -> DmaBuffer:
    fd = os.memfd_create("linear", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(fd, size)
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK)
    return DmaBuffer(fd)


@contextmanager
def bridged(rig: Rig) -> Iterator[None]:
    """Renderers made in here import nothing but what the bridge hands over, until it ends."""

    class WindowImporter(Importer):
        def load(self, plane: Plane, pixel_format: PixelFormat, buffer: Buffer) -> ImportResult:
            if buffer.serial not in rig.handed:
                return ImportResult(None, None, (REFUSED,), Reason.IMPORT_FAILED)
            if not rig.wrong_copies:
                return super().load(plane, pixel_format, buffer)
            other = _memory(buffer.size)
            try:
                return super().load(plane, pixel_format, other)
            finally:
                other.release()

    made = partial(Bridge, allocate=rig.allocate, open_context=rig.open)
    with patch("gl.surface_cache.Importer", WindowImporter), patch("gl.shared_parts.Bridge", made):
        yield
