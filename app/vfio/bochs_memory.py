"""Where the framebuffer of mbochs lies in the memory of its device, so that the CPU can read all of it.

mbochs (samples/vfio-mdev/mbochs.c) exports ``stride * height`` bytes. If that is no multiple of a page, nobody can map
the last bytes of the dma-buf (dma_buf_mmap() in drivers/dma-buf/dma-buf.c). But its pages are pages of BAR 0
(mbochs_dmabuf_alloc()). They begin at the offset that the registers of the Bochs display in BAR 2 tell
(mbochs_check_framebuffer()). BAR 0 can be mapped from its start alone (mbochs_mmap()), and a read of it by pread(2) is
wrong by two pages (mdev_access()).

The guest writes the registers, so each value is checked. They belong to a plane only if a query between two reads of
them returns this plane. Nothing is written to the device.
"""

import logging
import mmap
from dataclasses import dataclass

from app.abi import vfio
from app.device.gfx_plane import PlaneQuery
from app.device.info import RegionInfo, region_info
from app.device.seam import Device
from app.errors import error_text
from app.planes.buffer import MemoryBuffer, OtherMapping
from app.planes.check import bytes_needed
from app.planes.plane import Backing, Plane, PlaneKind

_log = logging.getLogger(__name__)

_PCI_ID = (0x1234, 0x1111)
# The registers in BAR 2 (docs/specs/standard-vga.rst of QEMU): 16 bits each, VBE_DISPI_INDEX_*.
_REGISTERS = 0x500
_XRES, _YRES, _BPP, _ENABLE, _VIRT_WIDTH, _X_OFFSET, _Y_OFFSET = 1, 2, 3, 4, 6, 8, 9
_MOST_REGISTER = _Y_OFFSET
_ENABLED = 1
_BYTES_PER_PIXEL = 4


@dataclass(frozen=True, slots=True)
class _Bars:
    memory: RegionInfo
    registers: RegionInfo


class BochsMemory:
    """Finds framebuffers in the memory of a device that is an mbochs. Not thread-safe."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._bars: _Bars | None = None
        self._is_other = False

    def mapping_of(self, plane: Plane) -> OtherMapping | None:
        """A mapping of the memory in which a plane lies, the caller's to release.

        None if the device is no mbochs, or if it does not show the plane just now.
        """
        if self._is_other or plane.backing is not Backing.DMABUF or plane.kind is not PlaneKind.PRIMARY:
            return None
        try:
            bars = self._bars = self._bars or self._find_bars()
            if bars is None:
                self._is_other = True
                return None
            return self._mapping(plane, bars)
        except OSError as error:
            _log.info("the plane is not read from BAR 0: %s", error_text(error))
            return None

    def _find_bars(self) -> _Bars | None:
        config = region_info(self._device, vfio.VFIO_PCI_CONFIG_REGION_INDEX)
        identity = self._device.pread(4, config.offset)
        if (int.from_bytes(identity[:2], "little"), int.from_bytes(identity[2:], "little")) != _PCI_ID:
            return None
        memory = region_info(self._device, vfio.VFIO_PCI_BAR0_REGION_INDEX)
        registers = region_info(self._device, vfio.VFIO_PCI_BAR2_REGION_INDEX)
        has_registers = registers.size >= _REGISTERS + 2 * (_MOST_REGISTER + 1)
        return _Bars(memory, registers) if memory.mappable and has_registers else None

    def _mapping(self, plane: Plane, bars: _Bars) -> OtherMapping | None:
        before = self._read_registers(bars)
        seen = PlaneQuery(self._device, plane.kind, plane.backing).execute()
        if seen is None or (seen.handle, seen.import_key) != (plane.handle, plane.import_key):
            return None
        offset = _offset(before, plane)
        if offset is None or self._read_registers(bars) != before:
            return None
        end = offset + bytes_needed(plane)
        length = -(-end // mmap.PAGESIZE) * mmap.PAGESIZE
        if length > bars.memory.size:
            return None
        return OtherMapping(MemoryBuffer(self._device.mmap(length, bars.memory.offset)), offset)

    def _read_registers(self, bars: _Bars) -> tuple[int, ...]:
        """The registers up to the last one that matters. The driver reads two bytes at a time (handle_mmio_read())."""
        start = bars.registers.offset + _REGISTERS
        return tuple(
            int.from_bytes(self._device.pread(2, start + 2 * each), "little") for each in range(_MOST_REGISTER + 1)
        )


def _offset(registers: tuple[int, ...], plane: Plane) -> int | None:
    """Where the framebuffer begins in BAR 0; None if the registers do not describe this plane."""
    width, height = registers[_XRES], registers[_YRES]
    stride = max(registers[_VIRT_WIDTH], width) * _BYTES_PER_PIXEL
    if not registers[_ENABLE] & _ENABLED or registers[_BPP] != 8 * _BYTES_PER_PIXEL:
        return None
    if (width, height, stride) != (plane.width, plane.height, plane.stride):
        return None
    offset = registers[_X_OFFSET] * _BYTES_PER_PIXEL + registers[_Y_OFFSET] * stride
    # The driver exports no other framebuffer (mbochs_dmabuf_export()).
    return None if offset % mmap.PAGESIZE else offset
