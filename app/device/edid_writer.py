"""Writes an EDID to a device. The program writes nothing else to a device.

The order is that of the header (include/uapi/linux/vfio.h, vfio_region_gfx_edid): link down, size, blob, link up.
The guest needs time to see that the link is down before it goes up; QEMU waits 100 ms (hw/vfio/display.c). This module
does not wait: each step returns when the next one is due. For the time in between there is app/device/link_guard.py.
"""

import errno
import logging
import time
from collections.abc import Callable
from contextlib import suppress

from app.abi import vfio
from app.device.edid_region import EdidRegion, read_edid
from app.device.info import RegionInfo
from app.device.link_guard import LinkGuard
from app.device.seam import Device
from app.errors import error_text

_log = logging.getLogger(__name__)

_LINK_DOWN_NS = 100_000_000
_GUARD_POLL_NS = 5_000_000

_REGISTER = 4
_EDID_SIZE = vfio.vfio_region_gfx_edid.edid_size.offset
_LINK_STATE = vfio.vfio_region_gfx_edid.link_state.offset


class EdidWriter:
    """Writes ``blob`` into the region of ``device`` in two steps. The device stays the caller's.

    The writer never leaves the link down while the device answers: after an error it restores the old EDID, and
    :meth:`close` completes an unfinished write at once. ``start_guard`` gets the old EDID and starts a process that
    does the same if this program is killed; without one, or if it returns None, there is no such process. ``clock``
    counts nanoseconds.
    """

    def __init__(
        self,
        device: Device,
        region: RegionInfo,
        blob: bytes,
        clock: Callable[[], int] = time.monotonic_ns,
        start_guard: Callable[[EdidRegion], LinkGuard | None] = lambda _before: None,
    ) -> None:
        self._device = device
        self._region = region
        self._blob = blob
        self._clock = clock
        self._start_guard = start_guard
        self._guard: LinkGuard | None = None
        self._before: EdidRegion | None = None
        self._due: int | None = None
        self._done = False

    def step(self) -> int | None:
        """Do the step that is due. Returns the nanoseconds until the next one, None if the new EDID is in use.

        Raises the driver's OSError, and EIO if the device does not have what was written. After an error there are no
        more steps, and the old EDID is in use again if the device accepted it.
        """
        if self._done:
            return None
        try:
            if self._due is None:
                return self._begin() if self._is_guarded() else _GUARD_POLL_NS
            left = self._due - self._clock()
            if left > 0:
                return left
            self._end()
        except OSError:
            self._finish()
            raise
        self._finish()
        return None

    def close(self) -> None:
        """Set the link up at once if it is down. Errors are only logged. More calls do nothing."""
        if self._due is not None:
            try:
                self._set_link_up()
            except OSError:
                self._restore()
        self._finish()

    def _finish(self) -> None:
        """There are no more steps, and there is nothing left to guard."""
        self._due, self._done = None, True
        guard, self._guard = self._guard, None
        if guard is not None:
            guard.close()

    def _is_guarded(self) -> bool:
        """Whether the link may go down. The first call reads the old EDID and starts the guard."""
        if self._before is None:
            self._before = read_edid(self._device, self._region)
            if len(self._blob) > self._before.max_size:
                raise OSError(errno.EFBIG, f"an EDID of {len(self._blob)} bytes, the limit is {self._before.max_size}")
            self._guard = self._start_guard(self._before)
        return self._guard is None or self._guard.ready()

    def _begin(self) -> int:
        try:
            self._write_register(_LINK_STATE, vfio.VFIO_DEVICE_GFX_LINK_STATE_DOWN)
            self._write_edid(self._blob)
            if read_edid(self._device, self._region).blob != self._blob:
                raise OSError(errno.EIO, "the device has another EDID than the one written")
        except OSError:
            self._restore()
            raise
        self._due = self._clock() + _LINK_DOWN_NS
        return _LINK_DOWN_NS

    def _end(self) -> None:
        try:
            self._set_link_up()
            now = read_edid(self._device, self._region)
            if now.link_up is not True:
                raise OSError(errno.EIO, "the device keeps its link down")
            if now.blob != self._blob:
                # This program was stopped for seconds, and the guard has restored the old EDID.
                raise OSError(errno.EIO, "the device has another EDID than the one written")
        except OSError:
            self._restore()
            raise

    def _set_link_up(self) -> None:
        self._write_register(_LINK_STATE, vfio.VFIO_DEVICE_GFX_LINK_STATE_UP)

    def _restore(self) -> None:
        """Write the old EDID and set the link up, even if that write failed: a bad EDID is better than no screen."""
        assert self._before is not None
        with suppress(OSError):
            self._write_edid(self._before.blob)
        try:
            self._set_link_up()
        except OSError as error:
            _log.info("the link of the EDID region stays down: %s", error_text(error))

    def _write_edid(self, blob: bytes) -> None:
        """Write the size first, because GVT-g refuses a blob that exceeds it (kvmgt.c, handle_edid_blob)."""
        assert self._before is not None
        self._write_register(_EDID_SIZE, len(blob))
        done = 0
        # The drivers split a write into the largest aligned accesses.
        while done < len(blob):
            count = self._device.pwrite(blob[done:], self._before.blob_offset + done)
            if count < 1:
                raise OSError(errno.EIO, f"{done} of {len(blob)} bytes of the EDID were written")
            done += count

    def _write_register(self, register: int, value: int) -> None:
        """Write a register in one access of four bytes."""
        count = self._device.pwrite(value.to_bytes(_REGISTER, "little"), self._region.offset + register)
        if count != _REGISTER:
            raise OSError(errno.EIO, "short write of an EDID register")
