"""Records what a device answers: a device that passes every call on to another one."""

import errno
import mmap
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable

from app.abi import drm_fourcc, vfio
from app.device.seam import Device
from app.planes.dmabuf import dma_buf_info
from app.replay.schema import MOST_ANSWER, Fetch, Info, Map, Message, Query, Read

Record = Callable[[Message, int, int], object]
"""Gets a message, the start of its poll and the time of the answer, in nanoseconds of the recorder's clock."""

# A guest chooses the ids of its buffers. What was forgotten is recorded once more.
_MOST_KEYS = 4096


class RecordingDevice:
    """Implements :class:`app.device.seam.Device`. Owns ``device``. Writes to it are passed on and not recorded.

    An answer is recorded if it differs from the last one to the same question. A query of the primary plane begins a
    poll.
    """

    def __init__(self, device: Device, record: Record, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self._device = device
        self._record = record
        self._clock = clock
        self._last: OrderedDict[Hashable, Hashable] = OrderedDict()
        self.poll_ns = clock()
        """When the last poll began."""

    def ioctl(self, request: int, buffer: bytearray) -> int:
        if request == vfio.VFIO_DEVICE_QUERY_GFX_PLANE:
            return self._query(buffer)
        if request == vfio.VFIO_DEVICE_GET_GFX_DMABUF:
            return self._fetch(buffer)
        if request in (vfio.VFIO_DEVICE_GET_INFO, vfio.VFIO_DEVICE_GET_REGION_INFO):
            return self._info(request, buffer)
        return self._device.ioctl(request, buffer)

    def pread(self, length: int, offset: int) -> bytes:
        key = ("read", length, offset)
        try:
            answer = self._device.pread(length, offset)
        except OSError as error:
            number = _errno(error)
            self._note(key, number, lambda: Read(length, offset, None, number))
            raise
        if length <= MOST_ANSWER:
            self._note(key, answer, lambda: Read(length, offset, answer))
        return answer

    def pwrite(self, data: bytes, offset: int) -> int:
        return self._device.pwrite(data, offset)

    def mmap(self, length: int, offset: int) -> mmap.mmap:
        key = ("map", length, offset)
        try:
            mapping = self._device.mmap(length, offset)
        except OSError as error:
            number = _errno(error)
            self._note(key, number, lambda: Map(length, offset, number))
            raise
        self._note(key, 0, lambda: Map(length, offset))
        return mapping

    def duplicate(self) -> int:
        return self._device.duplicate()

    def close(self) -> None:
        self._device.close()

    def _query(self, buffer: bytearray) -> int:
        flags, plane_type = int.from_bytes(buffer[4:8], "little"), int.from_bytes(buffer[8:12], "little")
        if plane_type == drm_fourcc.DRM_PLANE_TYPE_PRIMARY and not flags & vfio.VFIO_GFX_PLANE_TYPE_PROBE:
            self.poll_ns = self._clock()
        key = ("query", plane_type, flags)
        try:
            result = self._device.ioctl(vfio.VFIO_DEVICE_QUERY_GFX_PLANE, buffer)
        except OSError as error:
            number = _errno(error)
            self._note(key, number, lambda: Query(plane_type, flags, None, number))
            raise
        answer = bytes(buffer)
        self._note(key, answer, lambda: Query(plane_type, flags, answer))
        return result

    def _fetch(self, buffer: bytearray) -> int:
        dmabuf_id = int.from_bytes(buffer[:4], "little")
        key = ("fetch", dmabuf_id)
        try:
            fd = self._device.ioctl(vfio.VFIO_DEVICE_GET_GFX_DMABUF, buffer)
        except OSError as error:
            number = _errno(error)
            self._note(key, number, lambda: Fetch(dmabuf_id, number))
            raise
        try:
            info = dma_buf_info(fd)
        except OSError as error:
            # The caller finds the same and closes the fd.
            number = _errno(error)
            self._note(key, number, lambda: Fetch(dmabuf_id, number))
            return fd
        fetch = Fetch(dmabuf_id, None, info.inode, info.size, info.exporter)
        self._note(key, fetch, lambda: fetch)
        return fd

    def _info(self, request: int, buffer: bytearray) -> int:
        argsz = int.from_bytes(buffer[:4], "little")
        region = int.from_bytes(buffer[8:12], "little") if request == vfio.VFIO_DEVICE_GET_REGION_INFO else None
        key = ("info", region, argsz)
        try:
            result = self._device.ioctl(request, buffer)
        except OSError as error:
            number = _errno(error)
            self._note(key, number, lambda: Info(argsz, region, None, number))
            raise
        answer = bytes(buffer)
        if len(answer) <= MOST_ANSWER:
            self._note(key, answer, lambda: Info(argsz, region, answer))
        return result

    def _note(self, key: Hashable, value: Hashable, message: Callable[[], Message]) -> None:
        if key in self._last and self._last[key] == value:
            return
        self._last[key] = value
        self._last.move_to_end(key)
        if len(self._last) > _MOST_KEYS:
            self._last.popitem(last=False)
        self._record(message(), self.poll_ns, self._clock())


def _errno(error: OSError) -> int:
    return error.errno if error.errno is not None and 0 < error.errno < 1 << 16 else errno.EIO
