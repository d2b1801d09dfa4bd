"""Giving a device another EDID: the one thing this program ever writes to a device.

The order is that of the header (include/uapi/linux/vfio.h, vfio_region_gfx_edid): link down, size, blob, link up.
Before the last one the guest needs time to see that its screen has gone; QEMU gives it 100 ms (hw/vfio/display.c).
Nobody waits here: a step says when the next one is due.
"""

import errno
import logging
import time
from collections.abc import Callable
from contextlib import suppress

from app.abi import vfio
from app.device.edid_region import EdidRegion, read_edid
from app.device.info import RegionInfo
from app.device.seam import Device
from app.errors import error_text

_log = logging.getLogger(__name__)

_LINK_DOWN_NS = 100_000_000

_REGISTER = 4
_EDID_SIZE = vfio.vfio_region_gfx_edid.edid_size.offset
_LINK_STATE = vfio.vfio_region_gfx_edid.link_state.offset


class EdidWriter:
    """Writes ``blob`` into the region of ``device``, which it borrows, in two steps.

    Whatever happens in between, the link is not left down while the device can be reached: an error brings the old EDID
    back, and :meth:`close` finishes at once what has begun. ``clock`` counts nanoseconds.
    """

    def __init__(
        self, device: Device, region: RegionInfo, blob: bytes, clock: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self._device = device
        self._region = region
        self._blob = blob
        self._clock = clock
        self._before: EdidRegion | None = None
        self._due: int | None = None
        self._done = False

    def step(self) -> int | None:
        """Do what is due. In how many nanoseconds the next step is, None when the EDID is in force.

        Raises OSError as the driver does, EIO where it did not take what it said it took; the old EDID is in force
        again then, where that was possible, and there are no more steps.
        """
        if self._done:
            return None
        if self._due is None:
            return self._begin()
        left = self._due - self._clock()
        if left > 0:
            return left
        self._end()
        return None

    def close(self) -> None:
        """Bring the link up at once if it is down, errors to the log. More calls do nothing."""
        pending, self._due = self._due is not None, None
        self._done = True
        if pending:
            try:
                self._link_up()
            except OSError:
                self._restore()

    def _begin(self) -> int:
        self._done = True
        self._before = read_edid(self._device, self._region)
        if len(self._blob) > self._before.max_size:
            raise OSError(errno.EFBIG, f"an EDID of {len(self._blob)} bytes, of which {self._before.max_size} fit")
        try:
            self._put(_LINK_STATE, vfio.VFIO_DEVICE_GFX_LINK_STATE_DOWN)
            self._put_edid(self._blob)
            if read_edid(self._device, self._region).blob != self._blob:
                raise OSError(errno.EIO, "the device has another EDID than the one written")
        except OSError:
            self._restore()
            raise
        self._due, self._done = self._clock() + _LINK_DOWN_NS, False
        return _LINK_DOWN_NS

    def _end(self) -> None:
        self._due, self._done = None, True
        try:
            self._link_up()
            if read_edid(self._device, self._region).link_up is not True:
                raise OSError(errno.EIO, "the device leaves its link down")
        except OSError:
            self._restore()
            raise

    def _link_up(self) -> None:
        self._put(_LINK_STATE, vfio.VFIO_DEVICE_GFX_LINK_STATE_UP)

    def _restore(self) -> None:
        """The old EDID, and the link up even where that one cannot be written: a bad EDID is better than no screen."""
        assert self._before is not None
        with suppress(OSError):
            self._put_edid(self._before.blob)
        try:
            self._link_up()
        except OSError as error:
            _log.info("the link of the EDID region stays down: %s", error_text(error))

    def _put_edid(self, blob: bytes) -> None:
        """The size first: GVT-g takes nothing beyond it (kvmgt.c, handle_edid_blob)."""
        assert self._before is not None
        self._put(_EDID_SIZE, len(blob))
        done = 0
        # The drivers split it themselves, into the largest aligned accesses.
        while done < len(blob):
            count = self._device.pwrite(blob[done:], self._before.blob_offset + done)
            if count < 1:
                raise OSError(errno.EIO, f"{done} of {len(blob)} bytes of the EDID were written")
            done += count

    def _put(self, register: int, value: int) -> None:
        """A register takes exactly four bytes."""
        count = self._device.pwrite(value.to_bytes(_REGISTER, "little"), self._region.offset + register)
        if count != _REGISTER:
            raise OSError(errno.EIO, "short write of an EDID register")
