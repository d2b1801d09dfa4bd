"""The EDID region of simulated devices: registers, blob and link, and the EDID of a simulated monitor."""

import ctypes
from collections.abc import Callable
from typing import ClassVar

from app.abi import vfio
from app.edid.make import make_edid
from app.edid.mode import BLOCK, MIN_EDGE, Limits, Mode
from app.edid.parse import blocks, parse_edid

_WORD = 4

# Called when the link goes down (None) or comes up with the EDID of a monitor.
LinkHandler = Callable[[bytes | None], None]


class EdidRegisters:
    """``vfio_region_gfx_edid`` and the blob behind it. A refused access raises ValueError."""

    _names: ClassVar = tuple(name for name, *_ in vfio.vfio_region_gfx_edid._fields_)

    def __init__(
        self, offset: int, max_size: int, limits: tuple[int, int], blob: bytes, strict: bool, link: LinkHandler
    ) -> None:
        """``strict`` means to refuse wrong accesses like GVT-g. mbochs accepts any value and ignores wrong accesses."""
        self._link = link
        self.registers = vfio.vfio_region_gfx_edid(offset, max_size, len(blob), *limits, 0)
        self.blob = bytearray(blob.ljust(max_size, b"\0"))
        self._strict = strict

    def read(self, count: int, offset: int) -> bytes:
        """One access of the driver: a register of four bytes, or a piece of the blob."""
        if offset < self.registers.edid_offset:
            if not self._is_register(count, offset):
                return self._refuse(bytes(count))
            return bytes(self.registers)[offset : offset + count]
        start = offset - self.registers.edid_offset
        if start + count > self._blob_limit():
            return self._refuse(bytes(count))
        return bytes(self.blob[start : start + count])

    def write(self, data: bytes, offset: int) -> None:
        """One access of the driver, of a register or a piece of the blob."""
        if offset >= self.registers.edid_offset:
            start = offset - self.registers.edid_offset
            if start + len(data) > self._blob_limit():
                self._refuse(b"")
            else:
                self.blob[start : start + len(data)] = data
            return
        if not self._is_register(len(data), offset):
            self._refuse(b"")
            return
        name = self._names[offset // _WORD]
        value = int.from_bytes(data, "little")
        if name not in ("edid_size", "link_state") or (self._strict and not self._is_valid(name, value)):
            self._refuse(b"")
            return
        setattr(self.registers, name, value)
        if name == "link_state":
            up = value == vfio.VFIO_DEVICE_GFX_LINK_STATE_UP
            self._link(bytes(self.blob[: self.registers.edid_size]) if up else None)

    def _blob_limit(self) -> int:
        return int(self.registers.edid_size if self._strict else self.registers.edid_max_size)

    def _is_register(self, count: int, offset: int) -> bool:
        inside = offset + count <= ctypes.sizeof(self.registers)
        return inside and count == _WORD and offset % _WORD == 0

    def _is_valid(self, name: str, value: int) -> bool:
        if name == "edid_size":
            return bool(value <= self.registers.edid_max_size)
        if value == vfio.VFIO_DEVICE_GFX_LINK_STATE_UP:
            # GVT-g calls drm_edid_block_valid() for exactly one block.
            try:
                return len(blocks(bytes(self.blob[:BLOCK]))) == BLOCK
            except ValueError:
                return False
        return value == vfio.VFIO_DEVICE_GFX_LINK_STATE_DOWN

    def _refuse(self, answer: bytes) -> bytes:
        """Raises ValueError if the driver is strict. Otherwise returns the answer to an ignored access."""
        if self._strict:
            raise ValueError("refused by the EDID region")
        return answer


def simulated_edid(width: int, height: int, limits: Limits) -> bytes:
    """The EDID of a monitor that prefers the given mode, halved until it is within the device's limits."""
    while True:
        try:
            return make_edid(Mode(width, height), limits, name="mdevview sim")
        except ValueError:
            width, height = max(MIN_EDGE, width // 2), max(MIN_EDGE, height // 2)


def preferred_size(blob: bytes) -> tuple[int, int] | None:
    """Width and height of the preferred mode; None for an invalid EDID or one without a preferred mode."""
    try:
        timing = parse_edid(blob).preferred
    except ValueError:
        return None
    return (timing.width, timing.height) if timing is not None else None
