"""The EDID region of simulated devices: registers, the blob, and an EDID that names the simulated monitor."""

import ctypes
from typing import ClassVar

from app.abi import vfio

_WORD = 4
_BLOCK = 128
_HEADER = bytes.fromhex("00ffffffffffff00")


class EdidRegisters:
    """``vfio_region_gfx_edid`` and the blob behind it. A refused access raises ValueError."""

    _names: ClassVar = tuple(name for name, *_ in vfio.vfio_region_gfx_edid._fields_)

    def __init__(self, offset: int, max_size: int, limits: tuple[int, int], blob: bytes, strict: bool) -> None:
        """``strict`` is GVT-g, which checks what is written; mbochs takes anything and ignores the rest."""
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
        """One access of the driver, as :meth:`read`."""
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
        if name not in ("edid_size", "link_state") or (self._strict and not self._sensible(name, value)):
            self._refuse(b"")
            return
        setattr(self.registers, name, value)

    def _blob_limit(self) -> int:
        return int(self.registers.edid_size if self._strict else self.registers.edid_max_size)

    def _is_register(self, count: int, offset: int) -> bool:
        inside = offset + count <= ctypes.sizeof(self.registers)
        return inside and count == _WORD and offset % _WORD == 0

    def _sensible(self, name: str, value: int) -> bool:
        if name == "edid_size":
            return bool(value <= self.registers.edid_max_size)
        if value == vfio.VFIO_DEVICE_GFX_LINK_STATE_UP:
            block = self.blob[:_BLOCK]
            return block.startswith(_HEADER) and sum(block) % 256 == 0
        return value == vfio.VFIO_DEVICE_GFX_LINK_STATE_DOWN

    def _refuse(self, ignored: bytes) -> bytes:
        if self._strict:
            raise ValueError("refused by the EDID region")
        return ignored


def make_edid(width: int, height: int, refresh: int = 60) -> bytes:
    """An EDID 1.4 block whose preferred mode is the given one, with reduced blanking (VESA E-EDID A2, CVT RB)."""
    width, height = min(width, 4095), min(height, 4095)
    blank_x, blank_y = 160, max(11, height // 40)
    clock = min(0xFFFF, (width + blank_x) * (height + blank_y) * refresh // 10_000)
    block = bytearray(_BLOCK)
    block[0:8] = _HEADER
    # Manufacturer "SIM" in five-bit letters, product 1; week 1 of 2024; version 1.4; digital input of 8 bits.
    letters = [ord(each) - ord("A") + 1 for each in "SIM"]
    block[8:10] = (letters[0] << 10 | letters[1] << 5 | letters[2]).to_bytes(2, "big")
    block[10:12] = (1).to_bytes(2, "little")
    block[16:20] = bytes((1, 34, 1, 4))
    block[20:25] = bytes((0xA5, 53, 30, 120, 0x06))
    block[25:35] = bytes.fromhex("ee91a3544c99260f5054")
    block[38:54] = b"\x01\x01" * 8
    block[54:56] = clock.to_bytes(2, "little")
    block[56:59] = bytes((width & 255, blank_x & 255, width >> 8 << 4 | blank_x >> 8))
    block[59:62] = bytes((height & 255, blank_y & 255, height >> 8 << 4 | blank_y >> 8))
    block[62:66] = bytes((48, 32, 3 << 4 | 6, 0))
    block[71] = 0x1E
    block[72:90] = b"\0\0\0\xfc\0" + b"mdevview sim\n"
    for start in (90, 108):
        block[start : start + 4] = b"\0\0\0\x10"
    block[127] = -sum(block) % 256
    return bytes(block)
