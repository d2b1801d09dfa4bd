"""A simulated device: it passes the calls of the device seam, by their real request numbers, to a simulated driver."""

import errno
import mmap as mapping
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from app.abi import drm_fourcc as drm
from app.abi import vfio
from app.formats.decode import Rgba
from app.host.vgpu import Vgpu
from app.planes.frame import Frame
from app.sim.config.fault import GET_ERRORS, HOST_FAULTS, QUERY_ERRORS
from app.sim.config.spec import Spec
from app.sim.driver.edid_registers import preferred_size
from app.sim.driver.sightings import Sightings
from app.sim.guest.guest import Flip, Guest, Scanout

_INFO_MINSZ = 16
_HOSTILE_STEP_NS = 200_000_000

# Answers of a broken or malicious driver, used in this order. Each replaces fields of a correct answer.
_HOSTILE: tuple[dict[str, int], ...] = (
    {"width": 0xFFFF_FFFF, "height": 0xFFFF_FFFF},
    {"stride": 0},
    {"stride": 1},
    {"stride": 0xFFFF_FFFF},
    {"width": 0},
    {"height": 0},
    {"size": 0xFFFF_FFFF},
    {"size": 1},
    {"drm_format": drm.fourcc_code("ZZZZ")},
    {"drm_format": 0x0102_0304},
    {"drm_format_mod": drm.DRM_FORMAT_MOD_INVALID},
    {"drm_format_mod": 0xFF00_0000_0000_1234},
    {"x_pos": 0x7FFF_FFFF, "y_pos": 0x8000_0000, "x_hot": 0xFFFF_FFFE, "y_hot": 0x8000_0000},
)


class SimulatedKernelCorruption(AssertionError):
    """The program did what corrupts the memory of a real kernel. This bug must end it: nothing may catch it."""


@dataclass(slots=True)
class PlaneInfo:
    """The fields of ``vfio_device_gfx_plane_info``, without argsz."""

    flags: int
    drm_plane_type: int
    drm_format: int
    drm_format_mod: int
    width: int
    height: int
    stride: int
    size: int
    x_pos: int
    y_pos: int
    x_hot: int
    y_hot: int
    handle: int


class SimulatedDevice(ABC):
    """Implements :class:`app.device.seam.Device`. Tests and measurements also get the true state of the guest.

    Not thread-safe. ``vgpu`` is the vGPU that discovery would return for the device. Owns ``guest``.
    """

    vgpu: Vgpu

    def __init__(self, spec: Spec, guest: Guest) -> None:
        self.spec = spec
        self.guest = guest
        self._closed = False
        self._sightings = Sightings()

    # Whether a buffer can be a dma-buf, and whether all modes of the guest use the same memory.
    exports_dma_bufs = True
    shares_memory = False

    # The calls of the device seam.

    def ioctl(self, request: int, buffer: bytearray) -> int:
        with _without_memory():
            return self._ioctl(request, buffer)

    def _ioctl(self, request: int, buffer: bytearray) -> int:
        self._check_present(errno.ENODEV)
        if request == vfio.VFIO_DEVICE_QUERY_GFX_PLANE:
            return self._query(buffer)
        if request == vfio.VFIO_DEVICE_GET_GFX_DMABUF:
            return self._get(buffer)
        if request == vfio.VFIO_DEVICE_GET_INFO:
            return self._get_info(buffer)
        if request == vfio.VFIO_DEVICE_GET_REGION_INFO:
            self.get_region_info(buffer)
            return 0
        raise OSError(errno.ENOTTY, os.strerror(errno.ENOTTY))

    def pread(self, length: int, offset: int) -> bytes:
        """Read in aligned accesses of 4, 2 and 1 bytes, like the drivers. A refused access raises EFAULT."""
        self._check_present(errno.EIO)
        data = b""
        while len(data) < length:
            size = _access_size(length - len(data), offset + len(data))
            try:
                data += self.read(size, offset + len(data))
            except ValueError as refusal:
                raise OSError(errno.EFAULT, str(refusal)) from refusal
        return data

    def pwrite(self, data: bytes, offset: int) -> int:
        """Write in the accesses of :meth:`pread`."""
        self._check_present(errno.EIO)
        done = 0
        while done < len(data):
            size = _access_size(len(data) - done, offset + done)
            try:
                self.write(data[done : done + size], offset + done)
            except ValueError as refusal:
                raise OSError(errno.EFAULT, str(refusal)) from refusal
            done += size
        return done

    def mmap(self, length: int, offset: int) -> mapping.mmap:
        self._check_present(errno.ENODEV)
        with _without_memory():
            return self.map(length, offset)

    def duplicate(self) -> int:
        self._check_present(errno.ENODEV)
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    def close(self) -> None:
        """Free everything except the exported fds. More calls do nothing."""
        if not self._closed:
            self._closed = True
            self.release()
            self.guest.close()

    # The true state, for tests and measurements.

    def present(self) -> bool:
        """Whether the device still exists in sysfs."""
        return self.guest.present()

    def host_faults(self) -> frozenset[str]:
        """The faults that are active now and that only the host tells of. Any thread may call it, also after close."""
        return frozenset(each for each in HOST_FAULTS if self.guest.active(each))

    @property
    def objects(self) -> int:
        """The number of buffer objects that the driver has now."""
        return 0

    def picture(self) -> Rgba | None:
        """See :meth:`app.sim.guest.guest.Guest.picture`."""
        return self.guest.picture()

    def flips(self, since_ns: int | None = None, until_ns: int | None = None) -> list[Flip]:
        """See :meth:`app.sim.guest.guest.Guest.flips`."""
        return self.guest.flips(since_ns, until_ns)

    def flips_made(self) -> int:
        """How many flips the guest has made, seen by a query or not."""
        return self.guest.flips_made()

    def flips_seen(self) -> int:
        """How many of the guest's flips a query of the primary plane saw."""
        return self._sightings.count

    def flips_lost(self) -> int:
        """How many flips no query of the primary plane saw: the guest made others before the next query."""
        return self._sightings.lost

    def true_flip_ns(self, handle: int) -> int | None:
        """When the guest flipped to the framebuffer of the last query that returned this dmabuf_id or region index.

        In nanoseconds of the injected clock. None for a handle that no query of the primary plane returned, or only
        long ago.
        """
        return self._sightings.of_handle(handle)

    def frame_flip_ns(self, frame: Frame) -> int | None:
        """When the guest flipped to what the frame shows, in nanoseconds of the injected clock.

        The frame must be that of a poller with the same clock. None for a frame without a picture, and for one that was
        found long ago. A guest with one framebuffer draws into it again and again: there it is the last time that a
        query saw.
        """
        if frame.primary is None or frame.timing is None:
            return None
        if self.spec.buffers == 1:
            handle = frame.primary.plane.handle
            return self.true_flip_ns(handle) if handle is not None else None
        timing = frame.timing
        end_ns = timing.seen_ns + timing.query_ns + timing.fetch_ns
        return self._sightings.of_poll(frame.primary.plane.handle, timing.seen_ns, end_ns)

    # Each driver implements these.

    @staticmethod
    @abstractmethod
    def memory_size(size: int) -> int:
        """The size of the memory for a framebuffer of ``size`` bytes."""

    @abstractmethod
    def query_plane(self, plane: PlaneInfo) -> None:
        """Change ``plane`` to the answer, or leave it unchanged. Raises the driver's OSError."""

    @abstractmethod
    def get_dmabuf(self, dmabuf_id: int) -> int:
        """A new fd, which the caller closes. Raises the driver's OSError."""

    @abstractmethod
    def get_region_info(self, buffer: bytearray) -> None:
        """Change ``buffer`` to the answer. Raises the driver's OSError."""

    @property
    @abstractmethod
    def device_info(self) -> tuple[int, int]:
        """Flags and the number of regions."""

    def read(self, count: int, offset: int) -> bytes:
        """One access of 1, 2 or 4 bytes. Raises ValueError if the driver refuses it."""
        raise ValueError("nothing to read there")

    def write(self, data: bytes, offset: int) -> None:
        """One access, like :meth:`read`."""
        raise ValueError("nothing to write there")

    def map(self, length: int, offset: int) -> mapping.mmap:
        """Map a region. Raises OSError."""
        raise OSError(errno.EINVAL, "no region to map there")

    @abstractmethod
    def release(self) -> None:
        """Free the driver's objects."""

    def export_size(self, size: int) -> int | None:
        """The number of bytes to export of a buffer, None for all."""
        return max(4096, size // 2 // 4096 * 4096) if self.guest.active("truncated") else None

    def plug(self, edid: bytes | None) -> None:
        """The link went down (None) or came up with that EDID. The guest reacts."""
        if self.guest.active("edid-ignored"):
            return
        if edid is None:
            self.guest.unplug()
        else:
            self.guest.plug(preferred_size(edid))

    def record_flip(self, handle: int, scanout: Scanout) -> None:
        """A query of the primary plane returned ``handle`` for that scanout."""
        self._sightings.add(handle, scanout.flip_ns, self.guest.clock(), scanout.flips)

    # All drivers handle these requests in the same way.

    def _check_present(self, removed_errno: int) -> None:
        """Raises OSError: EBADF after close, ``removed_errno`` if the device was removed."""
        if self._closed:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        if not self.guest.present():
            raise OSError(removed_errno, os.strerror(removed_errno))

    def _get_info(self, buffer: bytearray) -> int:
        if len(buffer) < _INFO_MINSZ:
            raise OSError(errno.EFAULT, "buffer too short")
        argsz = int.from_bytes(buffer[:4], "little")
        if argsz < _INFO_MINSZ:
            raise OSError(errno.EINVAL, "argsz too small")
        flags, regions = self.device_info
        info = vfio.vfio_device_info(argsz, flags, regions, _PCI_NUM_IRQS)
        buffer[:_INFO_MINSZ] = bytes(info)[:_INFO_MINSZ]
        return 0

    def _query(self, buffer: bytearray) -> int:
        minsz, whole = vfio.GFX_PLANE_INFO_MINSZ, vfio.GFX_PLANE_INFO.size
        if len(buffer) < minsz:
            raise OSError(errno.EFAULT, "buffer too short")
        argsz, *fields, _ = vfio.GFX_PLANE_INFO.unpack(bytes(buffer[:whole]).ljust(whole, b"\0"))
        if argsz < minsz:
            raise OSError(errno.EINVAL, "argsz too small")
        plane = PlaneInfo(*fields)
        probing = plane.flags & vfio.VFIO_GFX_PLANE_TYPE_PROBE
        if not probing:
            for fault, number in QUERY_ERRORS.items():
                if self.guest.active(fault):
                    raise OSError(number, f"{os.strerror(number)} (simulated)")
            if plane.drm_plane_type == drm.DRM_PLANE_TYPE_CURSOR and self.guest.active("cursor-einval"):
                raise OSError(errno.EINVAL, f"{os.strerror(errno.EINVAL)} (simulated)")
        elif self.guest.active("no-display"):
            raise OSError(errno.EINVAL, f"{os.strerror(errno.EINVAL)} (simulated)")
        self.query_plane(plane)
        if plane.drm_format and not probing and self.guest.active("hostile"):
            step = self.guest.now() // _HOSTILE_STEP_NS % len(_HOSTILE)
            plane = replace(plane, **_HOSTILE[step])
        buffer[:minsz] = vfio.GFX_PLANE_INFO.pack(
            argsz,
            plane.flags,
            plane.drm_plane_type,
            plane.drm_format,
            plane.drm_format_mod,
            plane.width,
            plane.height,
            plane.stride,
            plane.size,
            plane.x_pos,
            plane.y_pos,
            plane.x_hot,
            plane.y_hot,
            plane.handle,
            0,
        )[:minsz]
        return 0

    def _get(self, buffer: bytearray) -> int:
        if len(buffer) < 4:
            raise OSError(errno.EFAULT, "buffer too short")
        for fault, number in GET_ERRORS.items():
            if self.guest.active(fault):
                raise OSError(number, f"{os.strerror(number)} (simulated)")
        return self.get_dmabuf(int.from_bytes(buffer[:4], "little"))


@contextmanager
def _without_memory() -> Iterator[None]:
    """The guest may draw in a call, which takes memory. A driver that gets none answers ENOMEM."""
    try:
        yield
    except MemoryError:
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM)) from None


# INTX, MSI, MSIX, ERR and REQ, as VFIO PCI devices have.
_PCI_NUM_IRQS = 5


def _access_size(left: int, offset: int) -> int:
    """The size of the next access: drivers split a read or write into the largest aligned accesses."""
    for size in (4, 2):
        if left >= size and offset % size == 0:
            return size
    return 1
