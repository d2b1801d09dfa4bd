"""The picture of a console whose pixels come inside the messages: memory of ours that the messages fill."""

import numpy as np
import numpy.typing as npt

from app.dbus_display.picture.listener_calls import Bytes, Scanout, Update
from app.formats.fourcc import PixelFormat
from app.planes.damage import DamagedRect


class ValueMemory:
    """The memory of one layout. One thread writes; others may read meanwhile, and are told of the change later."""

    def __init__(self, call: Scanout, format_: PixelFormat) -> None:
        self.size = (call.width, call.height)
        self.stride = call.stride
        self.pixman = call.pixman
        self.bytes = bytearray(memoryview(call.data)[: call.stride * call.height])
        self._pixel = format_.bytes_per_pixel

    def takes(self, call: Scanout) -> bool:
        """Whether a whole picture has this layout, so that it can be written into this memory."""
        same = (call.width, call.height, call.stride, call.pixman) == (*self.size, self.stride, self.pixman)
        return same and len(call.data) >= len(self.bytes)

    def fill(self, call: Scanout) -> None:
        """Write a whole picture of the same layout."""
        with memoryview(self.bytes) as target, memoryview(call.data) as source:
            target[:] = source[: len(target)]

    def patch(self, call: Update) -> DamagedRect | None:
        """Write the part of an update that lies in the picture; None if nothing does. The formats must be the same."""
        where = DamagedRect(call.x, call.y, call.width, call.height).within(*self.size)
        if where is None:
            return None
        row = where.width * self._pixel
        target = _rows(self.bytes, self.stride, where.x * self._pixel + where.y * self.stride, where.height, row)
        start = (where.x - call.x) * self._pixel + (where.y - call.y) * call.stride
        target[...] = _rows(call.data, call.stride, start, where.height, row)
        return where


def _rows(memory: Bytes | bytearray, stride: int, start: int, count: int, length: int) -> npt.NDArray[np.uint8]:
    return np.ndarray((count, length), np.uint8, memory, start, (stride, 1))
