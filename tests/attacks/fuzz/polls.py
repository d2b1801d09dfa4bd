"""A device that answers anything to every request, through the real poller.

No exception may escape from a poll, no fd may stay, and no frame may have a plane that its buffer cannot hold.
"""

import errno
import mmap
import os
import random
import time
from collections import Counter

from app.abi import vfio
from app.abi.drm_fourcc import DRM_FORMAT_MOD_LINEAR, I915_FORMAT_MOD_X_TILED
from app.formats.fourcc import known_formats
from app.planes.check import check_plane
from app.planes.frame import Frame
from app.planes.status import State
from app.vfio.buffer_cache import FetchRule
from app.vfio.poller import Poller
from tests.conftest import open_files

# So many polls of one device, then another one is opened.
_POLLS = 500
_ERRNOS = tuple(sorted(errno.errorcode))
_EDGES = (0, 1, 2, 3, 255, 256, 4096, 16384, 16385, 2**31 - 1, 2**31, 2**32 - 1)
_LARGE = (0, 1, 4096, 1 << 20, 2**40, 2**62, 2**63 - 4096, 2**63, 2**64 - 1)
_FORMATS = tuple(each.fourcc for each in known_formats())


class HostileDevice:
    """A :class:`app.device.seam.Device` that obeys only this: errors are OSError, a fd it returns is the caller's."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._closed = False
        self._errors = rng.choice((0.0, 0.02, 0.3))
        self._hostility = rng.choice((0.0, 0.2, 1.0))
        self._offers = rng.choice((vfio.VFIO_GFX_PLANE_TYPE_DMABUF, vfio.VFIO_GFX_PLANE_TYPE_REGION))
        # What it repeats: a device that never answers twice alike would never be cached.
        self._last: dict[int, bytes] = {}

    def ioctl(self, request: int, buffer: bytearray) -> int:
        self._check()
        rng = self._rng
        if request == vfio.VFIO_DEVICE_QUERY_GFX_PLANE:
            return self._query(buffer)
        if request == vfio.VFIO_DEVICE_GET_GFX_DMABUF:
            return self._fd()
        # GET_INFO and GET_REGION_INFO: any bytes, or plausible ones.
        if rng.random() < 0.5:
            buffer[:] = rng.randbytes(len(buffer))
        elif request == vfio.VFIO_DEVICE_GET_REGION_INFO and len(buffer) >= 32:
            info = vfio.vfio_region_info.from_buffer(buffer)
            info.size, info.offset = rng.choice(_LARGE), rng.choice(_LARGE)
            info.flags, info.argsz = rng.getrandbits(4), rng.choice((32, 48, 64, 65536, 2**32 - 1))
            info.cap_offset = rng.choice((0, 31, 32, 40, 2**32 - 1))
        return 0

    def duplicate(self) -> int:
        raise OSError(errno.EOPNOTSUPP, "it has no file")

    def _query(self, buffer: bytearray) -> int:
        rng = self._rng
        info = vfio.vfio_device_gfx_plane_info.from_buffer(buffer)
        if info.flags & vfio.VFIO_GFX_PLANE_TYPE_PROBE:
            if info.flags & self._offers:
                return 0
            raise OSError(errno.EINVAL, "not offered")
        if rng.random() < 0.6 and info.drm_plane_type in self._last:
            buffer[:] = self._last[info.drm_plane_type]
            return 0
        kind = info.drm_plane_type
        if rng.random() < self._hostility / 4:
            buffer[:] = rng.randbytes(len(buffer))
        else:
            fields = [rng.randint(0, 200) for _ in range(8)]
            info.width, info.height = fields[0] + 1, fields[1] + 1
            info.drm_format = rng.choice(_FORMATS)
            info.drm_format_mod = rng.choice((DRM_FORMAT_MOD_LINEAR, DRM_FORMAT_MOD_LINEAR, I915_FORMAT_MOD_X_TILED))
            info.stride = info.width * rng.choice((1, 2, 4, 4, 4, 8)) + rng.choice((0, 0, 1, 64))
            info.size = info.stride * info.height
            info.x_pos, info.y_pos = fields[2], fields[3]
            info.x_hot, info.y_hot = rng.choice(((0xFFFF_FFFF, 0xFFFF_FFFF), (fields[4], fields[5])))
            info.handle = rng.randint(0, 20)
            if rng.random() < self._hostility:
                name = rng.choice([each[0] for each in vfio.vfio_device_gfx_plane_info._fields_])
                setattr(info, name, rng.choice(_EDGES))
        del info
        self._last[kind] = bytes(buffer)
        return 0

    def _fd(self) -> int:
        rng = self._rng
        what = rng.random()
        if what < 0.1 * self._hostility:
            # Not a fd, or one that nobody has open. The numbers below 3 are left out: the caller would close them.
            return rng.choice((-1, -22, 1 << 20, 2**31 - 1))
        if what < 0.2 * self._hostility:
            return rng.choice(
                (
                    lambda: os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC),
                    lambda: os.open("/", os.O_RDONLY | os.O_CLOEXEC),
                    lambda: os.open("/proc/self/maps", os.O_RDONLY | os.O_CLOEXEC),
                    lambda: os.eventfd(0),
                )
            )()
        flags = rng.choice((0, os.MFD_CLOEXEC, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING))
        fd = os.memfd_create("hostile", flags)
        os.ftruncate(fd, rng.choice((0, 1, 4096, 1 << 18, 1 << 18, 1 << 18, 1 << 40)))
        return fd

    def pread(self, length: int, offset: int) -> bytes:
        self._check()
        return self._rng.randbytes(self._rng.randint(0, length))

    def pwrite(self, data: bytes, offset: int) -> int:
        raise AssertionError("nothing may write to a device")

    def mmap(self, length: int, offset: int) -> mmap.mmap:
        self._check()
        if not 0 < length <= 1 << 30 or offset > 2**63 - 1:
            raise OSError(self._rng.choice((errno.EINVAL, errno.ENOMEM, errno.EOVERFLOW)), "no such range")
        return mmap.mmap(-1, length)

    def close(self) -> None:
        self._closed = True

    def _check(self) -> None:
        if self._closed:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        if self._rng.random() < self._errors:
            raise OSError(self._rng.choice(_ERRNOS), "hostile")


def run(seed: int, deadline: float, limit: int | None = None) -> list[str]:
    """Poll until ``deadline`` of time.monotonic(), ``limit`` devices at most.

    Prints counts and returns the faults found.
    """
    counts: Counter[str] = Counter()
    faults: list[str] = []
    number = 0
    while time.monotonic() < deadline and (limit is None or number < limit):
        files = open_files()
        fault = _poll_device(random.Random(f"{seed} {number}"), counts)
        left = open_files() - files
        if fault or left:
            faults.append(f"seed {seed} device {number}: {fault or f'left open: {dict(left)}'}")
        number += 1
    polls = sum(counts.values())
    print(f"polls: {polls} polls of {number} devices: {dict(sorted(counts.items()))}", flush=True)
    return faults


def _poll_device(rng: random.Random, counts: Counter[str]) -> str:
    """Poll one device until it is gone. Returns the fault found, empty for none."""
    now = 0
    rule = rng.choice((FetchRule.FREELY, FetchRule.FREELY, FetchRule.FREELY, FetchRule.ONCE, FetchRule.NEVER))
    poller = Poller(HostileDevice(rng), rule, clock=lambda: now)
    try:
        for _ in range(_POLLS):
            now += rng.choice((1_000_000, 16_000_000, 300_000_000))
            frame = poller.latest()
            counts[frame.status.reason.key] += 1
            fault = _fault_of(frame)
            if fault:
                return fault
            if frame.status.state is State.GONE:
                break
            if rng.random() < 0.005:
                poller.release_buffers()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    finally:
        poller.close()
    return ""


def _fault_of(frame: Frame) -> str:
    for surface in (frame.primary, frame.cursor):
        if surface is None:
            continue
        if surface.buffer.released:
            return f"a frame with a released buffer: {surface.plane}"
        fault = check_plane(surface.plane, surface.buffer.size)
        if fault is not None:
            return f"a frame with an impossible plane: {surface.plane} {fault}"
    return ""
