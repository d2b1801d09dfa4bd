"""A dma-buf of mbochs that ends within a page: its last bytes are read from BAR 0, or are missing and not guessed."""

import errno
import mmap
import os
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.abi import vfio
from app.planes import buffer as buffer_module
from app.planes.buffer import Buffer
from app.vfio.bochs_memory import BochsMemory
from app.vfio.poller import Poller
from tests.unit.scripted import ScriptedDevice, memfd, plane_answer

WIDTH, HEIGHT = 200, 150
SIZE = WIDTH * HEIGHT * 4
MEMORY = 1 << 20
CONFIG, REGISTERS, BAR0 = 0, 0x1000, 0x3000
XRES, YRES, BPP, ENABLE, VIRT_WIDTH, X_OFFSET, Y_OFFSET = 1, 2, 3, 4, 6, 8, 9
PANNED = 512


@dataclass
class BochsDevice(ScriptedDevice):
    """mbochs of Linux 6.12: its memory, and the registers that say which part of it is shown, under which id."""

    identity: bytes = bytes.fromhex("34121111")
    memory: mmap.mmap = field(default_factory=lambda: mmap.mmap(-1, MEMORY))
    registers: dict[int, int] = field(
        default_factory=lambda: {XRES: WIDTH, YRES: HEIGHT, BPP: 32, ENABLE: 1, VIRT_WIDTH: 0, X_OFFSET: 0, Y_OFFSET: 0}
    )
    ids: dict[int, int] = field(default_factory=dict)
    flips_to: int | None = None
    """The guest flips to this row as soon as the registers were read."""

    def __post_init__(self) -> None:
        self.primary = lambda: plane_answer(
            width=WIDTH, height=HEIGHT, stride=WIDTH * 4, size=SIZE, handle=self._id(self.registers[Y_OFFSET])
        )
        self.get = self._export

    def _id(self, row: int) -> int:
        return self.ids.setdefault(row, len(self.ids) + 1)

    def _export(self, dmabuf_id: int) -> int:
        row = next(row for row, each in self.ids.items() if each == dmabuf_id)
        fd = memfd(SIZE)
        os.pwrite(fd, self.shown(row), 0)
        return fd

    def shown(self, row: int) -> bytes:
        return self.memory[row * WIDTH * 4 :][:SIZE]

    def ioctl(self, request: int, buffer: bytearray) -> int:
        if request != vfio.VFIO_DEVICE_GET_REGION_INFO:
            return super().ioctl(request, buffer)
        self.check_open()
        info = vfio.vfio_region_info.from_buffer(buffer)
        info.size, info.offset = {
            vfio.VFIO_PCI_BAR0_REGION_INDEX: (MEMORY, BAR0),
            vfio.VFIO_PCI_BAR2_REGION_INDEX: (0x1000, REGISTERS),
        }.get(info.index, (0xFF, CONFIG))
        info.flags = vfio.VFIO_REGION_INFO_FLAG_MMAP if info.index == 0 else 0
        return 0

    def pread(self, length: int, offset: int) -> bytes:
        self.check_open()
        if offset == CONFIG:
            return self.identity[:length]
        index = (offset - REGISTERS - 0x500) // 2
        assert length == 2, "the driver answers zeros to other lengths"
        value = self.registers.get(index, 0)
        if index == Y_OFFSET and self.flips_to is not None:
            self.registers[Y_OFFSET], self.flips_to = self.flips_to, None
        return value.to_bytes(2, "little")

    def mmap(self, length: int, offset: int) -> mmap.mmap:
        self.check_open()
        assert offset == BAR0, "the driver maps its memory from the start alone"
        self.asked.append(f"map {length}")
        copy = mmap.mmap(-1, length)
        copy[:] = self.memory[:length]
        return copy


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Iterator[BochsDevice]:
    """A dma-buf in place of a memfd: whole pages of it can be mapped."""

    def whole_pages(fd: int, size: int) -> mmap.mmap:
        return mmap.mmap(fd, size - size % mmap.PAGESIZE, flags=mmap.MAP_SHARED, prot=mmap.PROT_READ)

    monkeypatch.setattr(buffer_module, "_map", whole_pages)
    device = BochsDevice()
    device.memory[:] = np.random.default_rng(1).integers(0, 256, MEMORY, dtype=np.uint8).tobytes()
    yield device
    device.memory.close()


@pytest.fixture
def poller(device: BochsDevice) -> Iterator[Poller]:
    poller = Poller(device)
    yield poller
    poller.close()


def _buffer(poller: Poller) -> Buffer:
    surface = poller.latest().primary
    assert surface is not None
    return surface.buffer


def _bytes(buffer: Buffer, start: int = 0, length: int | None = None) -> bytes:
    with buffer.mapping(start, length) as memory:
        return bytes(memory)


WHOLE = SIZE - SIZE % mmap.PAGESIZE


@pytest.mark.parametrize("row", [0, PANNED])
def test_all_bytes_are_read_at_the_place_that_the_registers_tell(device: BochsDevice, poller: Poller, row: int) -> None:
    device.registers[Y_OFFSET] = row
    buffer = _buffer(poller)
    assert _bytes(buffer, 0, WHOLE) == device.shown(row)[:WHOLE]
    assert not any(each.startswith("map") for each in device.asked), "these bytes are in the dma-buf's own mapping"
    assert _bytes(buffer) == device.shown(row)
    assert _bytes(buffer, SIZE - 4, 4) == device.shown(row)[-4:]
    assert _bytes(buffer, SIZE - 4, 100) == device.shown(row)[-4:], "what follows in memory is not of the buffer"
    assert sum(each.startswith("get") for each in device.asked) == 1
    assert sum(each.startswith("map") for each in device.asked) == 1


def test_what_is_not_shown_now_is_not_guessed(device: BochsDevice, poller: Poller) -> None:
    """The registers are those of another buffer; as soon as the first is shown again, it is read whole."""
    buffer = _buffer(poller)
    device.registers[Y_OFFSET] = PANNED
    assert _bytes(buffer) == device.shown(0)[:WHOLE]
    device.registers[Y_OFFSET] = 0
    assert _bytes(buffer) == device.shown(0)


@pytest.mark.parametrize("flips_to", [PANNED, 0])
def test_a_flip_while_the_registers_are_read_is_noticed(device: BochsDevice, poller: Poller, flips_to: int) -> None:
    """Also one to the buffer that is read: the query then tells its id, but the registers were those of the other."""
    buffer = _buffer(poller)
    device.registers[Y_OFFSET], device.flips_to = PANNED - flips_to, flips_to
    assert _bytes(buffer) == device.shown(0)[:WHOLE]
    assert not any(each.startswith("map") for each in device.asked)


@pytest.mark.parametrize(
    "change",
    [
        {ENABLE: 0},
        {BPP: 16},
        {XRES: WIDTH + 1},
        {VIRT_WIDTH: WIDTH * 2},
        # It does not begin with a page: the driver would not have exported it.
        {X_OFFSET: 1},
        # It is not in the memory.
        {Y_OFFSET: 0x8000},
    ],
)
def test_registers_that_do_not_describe_the_plane_are_not_used(
    device: BochsDevice, poller: Poller, change: dict[int, int]
) -> None:
    buffer = _buffer(poller)
    answer = device.primary()
    device.primary = lambda: answer
    device.registers |= change
    assert _bytes(buffer) == device.shown(0)[:WHOLE]


def test_another_device_is_asked_for_its_identity_once(device: BochsDevice, poller: Poller) -> None:
    device.identity = bytes.fromhex("86801259")
    buffer = _buffer(poller)
    assert _bytes(buffer) == device.shown(0)[:WHOLE]
    queries = device.asked.count("primary")
    device.identity = bytes.fromhex("34121111")
    assert _bytes(buffer) == device.shown(0)[:WHOLE]
    assert device.asked.count("primary") == queries


def test_closed_device_gives_nothing(device: BochsDevice, poller: Poller) -> None:
    buffer = _buffer(poller)
    device.closed = True
    assert _bytes(buffer) == device.shown(0)[:WHOLE]


def test_release_unmaps_the_memory_of_the_device(device: BochsDevice, poller: Poller) -> None:
    buffer = _buffer(poller)
    assert len(_bytes(buffer)) == SIZE
    other = buffer._other  # type: ignore[attr-defined]
    poller.release_buffers()
    assert other.memory.released, "a mapping keeps the device of a VM busy"
    with pytest.raises(ValueError, match="released"):
        _bytes(buffer)


@given(
    st.dictionaries(st.sampled_from([XRES, YRES, BPP, ENABLE, VIRT_WIDTH, X_OFFSET, Y_OFFSET]), st.integers(0, 0xFFFF)),
    st.sampled_from([0, errno.EIO, errno.ENOMEM]),
)
def test_whatever_a_guest_writes_to_the_registers_no_other_memory_is_read(change: dict[int, int], error: int) -> None:
    device = BochsDevice()
    device.registers[Y_OFFSET] = 0
    plane = Poller(device).latest().primary
    assert plane is not None
    plane.buffer.release()  # type: ignore[attr-defined]
    device.registers |= change
    answer = plane_answer(width=WIDTH, height=HEIGHT, stride=WIDTH * 4, size=SIZE, handle=1)
    device.primary = lambda: error or answer
    found = BochsMemory(device).mapping_of(plane.plane)
    if found is not None:
        assert not error
        assert found.offset + SIZE <= found.memory.size <= MEMORY
        assert found.offset % mmap.PAGESIZE == 0
        found.memory.release()
    device.memory.close()
