"""A device that answers as a recorded one did, at the same times of a clock."""

import errno
import mmap as mapping
import os
from collections import OrderedDict

from app.abi import drm_fourcc, vfio
from app.device.guest_memory import Export, Memory
from app.planes.dmabuf import DmaBufInfo, dma_buf_info
from app.planes.status import Status
from app.replay.playback import RecordingClock
from app.replay.recording import Place
from app.replay.recording_file import RecordingFile
from app.replay.replayed_pixels import bytes_of
from app.replay.schema import MOST_CONTENT, Pixels

# The bytes of all buffers that are kept.
_MOST_BYTES = 1 << 30
_MOST_BUFFERS = 256
# Grey in every format, RGB or YUV.
_LEFT_OUT = 0x80


class _ReplayedMemory:
    """The memory of one buffer or region, and which of the recorded pixels are in it."""

    def __init__(self, size: int) -> None:
        self.memory = Memory(size)
        self.size = size
        self.holds: Pixels | None = None
        self._exports: list[Export] = []

    def export(self, *, read_only: bool) -> int:
        """A new fd of the memory, which the caller closes. Raises OSError."""
        for each in self._exports:
            if not each.alive:
                each.release()
        self._exports = [each for each in self._exports if not each.released]
        fd, export = self.memory.export(read_only=read_only)
        if export not in self._exports:
            self._exports.append(export)
        return fd

    def close(self) -> None:
        """Free the memory. Exported fds stay with their holders."""
        for each in self._exports:
            each.release()
        self.memory.close()

    def fill(self, pixels: Pixels, contents: bytes | None) -> None:
        self.holds = pixels
        if pixels.source == "left-out":
            self.memory.data[:] = _LEFT_OUT
        elif contents is not None:
            data = bytes_of(pixels, contents, self.size)
            self.memory.data[: len(data)] = data
        else:
            return
        self.memory.written()


class ReplayedDevice:
    """Implements :class:`app.device.seam.Device`. Owns ``file``. Not thread-safe.

    A query of the primary plane begins a poll: until the next one all answers are those of one time.
    """

    def __init__(self, file: RecordingFile, clock: RecordingClock) -> None:
        self._file = file
        self._recording = file.recording
        self._clock = clock
        self._now_ns = 0
        self._closed = False
        self._memories: OrderedDict[Place, _ReplayedMemory] = OrderedDict()
        # What the recording says of each dma-buf, by what identifies ours.
        self._infos: OrderedDict[tuple[int, int], DmaBufInfo] = OrderedDict()

    def ioctl(self, request: int, buffer: bytearray) -> int:
        try:
            return self._ioctl(request, buffer)
        except MemoryError:
            # The pixels are unpacked in this call.
            raise _error(errno.ENOMEM) from None

    def _ioctl(self, request: int, buffer: bytearray) -> int:
        self._check_open()
        if request == vfio.VFIO_DEVICE_QUERY_GFX_PLANE:
            return self._query(buffer)
        if request == vfio.VFIO_DEVICE_GET_GFX_DMABUF:
            return self._fetch(int.from_bytes(buffer[:4], "little"))
        if request in (vfio.VFIO_DEVICE_GET_INFO, vfio.VFIO_DEVICE_GET_REGION_INFO):
            return self._info(buffer, is_region=request == vfio.VFIO_DEVICE_GET_REGION_INFO)
        raise _error(errno.ENOTTY)

    def pread(self, length: int, offset: int) -> bytes:
        self._check_open()
        read = self._recording.read(length, offset, self._now_ns)
        if read is None or read.answer is None:
            raise _error(read.errno if read is not None else errno.EIO)
        return read.answer[:length]

    def pwrite(self, _data: bytes, _offset: int) -> int:
        self._check_open()
        raise _error(errno.EROFS)

    def mmap(self, length: int, offset: int) -> mapping.mmap:
        self._check_open()
        recorded = self._recording.map(length, offset, self._now_ns)
        if recorded is not None and recorded.errno is not None:
            raise _error(recorded.errno)
        region = self._recording.region_at(offset, self._now_ns)
        if region is None or not length:
            raise _error(errno.EINVAL)
        try:
            return self._memory(("region", region), length).memory.map(length)
        except MemoryError:
            raise _error(errno.ENOMEM) from None

    def duplicate(self) -> int:
        self._check_open()
        raise _error(errno.EOPNOTSUPP)

    def close(self) -> None:
        """Free everything except the exported fds; more calls do nothing."""
        if not self._closed:
            self._closed = True
            while self._memories:
                self._memories.popitem()[1].close()
            self._file.close()

    def ended(self) -> Status | None:
        """The end of the VM or device, once the clock has come to it. Nothing is shown before the clock starts."""
        if not self._clock.started:
            return None
        return self._recording.gone(self._clock.position_ns)

    def buffer_info(self, fd: int) -> DmaBufInfo:
        """What the recording says of a dma-buf that was fetched here. Raises OSError as ``dma_buf_info`` does."""
        info = dma_buf_info(fd)
        return self._infos.get((info.device, info.inode), info)

    def _check_open(self) -> None:
        if self._closed:
            raise _error(errno.EBADF)

    def _query(self, buffer: bytearray) -> int:
        if len(buffer) < vfio.GFX_PLANE_INFO.size:
            raise _error(errno.EINVAL)
        flags, plane_type = int.from_bytes(buffer[4:8], "little"), int.from_bytes(buffer[8:12], "little")
        if plane_type == drm_fourcc.DRM_PLANE_TYPE_PRIMARY and not flags & vfio.VFIO_GFX_PLANE_TYPE_PROBE:
            self._now_ns = self._clock.tick()
            self._refresh()
        query = self._recording.query(plane_type, flags, self._now_ns)
        if query is None or query.answer is None:
            raise _error(query.errno if query is not None else errno.EINVAL)
        _answer(buffer, query.answer)
        return 0

    def _info(self, buffer: bytearray, *, is_region: bool) -> int:
        argsz = int.from_bytes(buffer[:4], "little")
        region = int.from_bytes(buffer[8:12], "little") if is_region else None
        info = self._recording.info(region, argsz, self._now_ns)
        if info is None or info.answer is None:
            raise _error(info.errno if info is not None else errno.EINVAL)
        _answer(buffer, info.answer)
        return 0

    def _fetch(self, dmabuf_id: int) -> int:
        fetch = self._recording.fetch(dmabuf_id, self._now_ns)
        if fetch is None or fetch.inode is None or fetch.size is None:
            raise _error(fetch.errno if fetch is not None else errno.EINVAL)
        place = ("inode", fetch.inode)
        kept = self._memory(place, fetch.size)
        fd = kept.export(read_only=not self._recording.is_readable(place))
        try:
            ours = dma_buf_info(fd)
        except OSError:
            os.close(fd)
            raise
        info = DmaBufInfo(ours.size, 0, fetch.inode, fetch.exporter or "", ours.may_vanish)
        self._infos[ours.device, ours.inode] = info
        if len(self._infos) > _MOST_BUFFERS:
            self._infos.popitem(last=False)
        return fd

    def _memory(self, place: Place, size: int) -> _ReplayedMemory:
        """The memory of a place, with the pixels of now. Raises OSError."""
        kept = self._memories.get(place)
        if kept is not None and kept.size == size:
            self._memories.move_to_end(place)
            return kept
        if not 0 < size <= MOST_CONTENT:
            raise _error(errno.ENOMEM)
        if kept is not None:
            self._drop(place)
        while self._memories and not self._has_room(size):
            self._drop(next(iter(self._memories)))
        kept = self._memories[place] = _ReplayedMemory(size)
        self._fill(place, kept)
        return kept

    def _has_room(self, size: int) -> bool:
        used = sum(each.size for each in self._memories.values())
        return len(self._memories) < _MOST_BUFFERS and used + size <= _MOST_BYTES

    def _drop(self, place: Place) -> None:
        self._memories.pop(place).close()

    def _refresh(self) -> None:
        for place, kept in self._memories.items():
            self._fill(place, kept)

    def _fill(self, place: Place, kept: _ReplayedMemory) -> None:
        pixels = self._recording.pixels(place, self._now_ns)
        if pixels is not None and pixels is not kept.holds:
            kept.fill(pixels, self._file.contents(pixels.content) if pixels.content is not None else None)


def _answer(buffer: bytearray, answer: bytes) -> None:
    length = min(len(buffer), len(answer))
    buffer[:length] = answer[:length]


def _error(number: int | None) -> OSError:
    number = number or errno.EIO
    return OSError(number, os.strerror(number))
