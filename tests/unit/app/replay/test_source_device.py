"""A device that answers what a pushed source shows."""

import errno
import mmap
import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest

from app.abi import drm_fourcc
from app.device.gfx_plane import PlaneQuery, get_gfx_dmabuf, probe
from app.device.info import device_info, region_info
from app.planes.buffer import MemoryBuffer
from app.planes.damage import DamagedRect
from app.planes.frame import Frame, Surface
from app.planes.plane import Backing, Plane, PlaneKind
from app.planes.status import Reason, Status
from app.replay.source_device import SourceDevice

# Two rows of one pixel, each with 4 bytes behind it.
PLANE = Plane(
    PlaneKind.PRIMARY, Backing.MEMORY, drm_fourcc.DRM_FORMAT_XRGB8888, 0, 1, 2, 8, 16, 0, 0, None, None, offset=4
)
CURSOR = replace(PLANE, kind=PlaneKind.CURSOR, fourcc=drm_fourcc.DRM_FORMAT_ARGB8888, x=-3, y=5)


@dataclass
class Pushed:
    """A source whose next frame the test chooses."""

    frame: Frame
    tells_damage: bool = True
    closed: int = 0
    shown_frames: list[int] = field(default_factory=list)

    def latest(self) -> Frame:
        return self.frame

    def fileno(self) -> int:
        return -1

    def shown(self, frame: Frame, ns: int) -> None:
        self.shown_frames.append(frame.serial)

    def release_buffers(self) -> None:
        pass

    def close(self) -> None:
        self.closed += 1


def shown(serial: int, memory: bytearray, plane: Plane = PLANE, **changes: object) -> Frame:
    return replace(Frame(Status(Reason.OK), Surface(plane, MemoryBuffer(memory)), serial=serial), **changes)  # type: ignore[arg-type]


@pytest.fixture
def memory() -> bytearray:
    return bytearray(b"....aaaaAAAAbbbbBBBB")


@pytest.fixture
def source(memory: bytearray) -> Pushed:
    return Pushed(shown(1, memory))


@pytest.fixture
def device(source: Pushed) -> Iterator[SourceDevice]:
    device = SourceDevice(source)
    yield device
    device.close()


def query(device: SourceDevice, kind: PlaneKind = PlaneKind.PRIMARY) -> Plane | None:
    return PlaneQuery(device, kind, Backing.DMABUF).execute()


def pixels(device: SourceDevice, kind: PlaneKind = PlaneKind.PRIMARY) -> bytes:
    plane = query(device, kind)
    assert plane is not None and plane.handle is not None
    fd = get_gfx_dmabuf(device, plane.handle)
    try:
        return os.pread(fd, plane.size, 0)
    finally:
        os.close(fd)


def test_its_planes_are_dma_bufs_and_it_has_nothing_else(device: SourceDevice, source: Pushed) -> None:
    assert (probe(device).dmabuf, probe(device).region) == (True, False)
    plane = query(device)
    assert plane is not None
    assert (plane.width, plane.height, plane.stride, plane.size, plane.offset) == (1, 2, 8, 16, 0)
    assert query(device, PlaneKind.CURSOR) is None
    assert device_info(device).num_regions == 0
    for call in (
        lambda: region_info(device, 7),
        lambda: device.pread(4, 0),
        lambda: device.mmap(mmap.PAGESIZE, 0),
        lambda: get_gfx_dmabuf(device, 99),
    ):
        with pytest.raises(OSError) as caught:
            call()
        assert caught.value.errno == errno.EINVAL
    assert source.shown_frames, "a guest that waits for its viewer goes on"


def test_rows_begin_at_the_start_and_the_top_one_is_first(device: SourceDevice, source: Pushed) -> None:
    assert pixels(device) == b"aaaaAAAAbbbbBBBB"
    source.frame = shown(2, bytearray(b"....aaaaAAAAbbbbBBBB"), replace(PLANE, y_inverted=True))
    assert pixels(device) == b"bbbbBBBBaaaaAAAA"
    # The last row may end with its last pixel.
    source.frame = shown(3, bytearray(b"....aaaaAAAAbbbb"))
    assert pixels(device) == b"aaaaAAAAbbbb\0\0\0\0"


def test_changes_are_in_the_memory_that_was_fetched_before(
    device: SourceDevice, source: Pushed, memory: bytearray
) -> None:
    plane = query(device)
    assert plane is not None and plane.handle is not None
    fd = get_gfx_dmabuf(device, plane.handle)
    try:
        memory[4:8] = b"cccc"
        source.frame = replace(source.frame, serial=2, damage=(DamagedRect(0, 0, 1, 1),))
        again = query(device)
        assert again == plane, "the same buffer"
        assert os.pread(fd, 16, 0) == b"ccccAAAAbbbbBBBB"
        # A frame was left out: what changed in it is not told.
        memory[4:8] = b"dddd"
        source.frame = replace(source.frame, serial=4, damage=())
        query(device)
        assert os.pread(fd, 4, 0) == b"dddd"
    finally:
        os.close(fd)


def test_a_buffer_that_comes_back_after_its_copy_was_dropped_has_another_number(
    device: SourceDevice, source: Pushed
) -> None:
    first, frames = query(device), [shown(number, bytearray(20)) for number in range(2, 12)]
    before = source.frame
    numbers = set()
    for source.frame in frames:
        plane = query(device)
        assert plane is not None
        numbers.add(plane.handle)
    assert len(numbers) == len(frames)
    source.frame = replace(before, serial=20)
    again = query(device)
    assert first is not None and again is not None
    assert again.handle not in {first.handle, *numbers}


def test_a_cursor_has_its_place_and_premultiplied_alpha(device: SourceDevice, source: Pushed) -> None:
    image = bytearray(b"....\x40\x80\xff\x80xxxx\x10\x20\x30\x00xxxx")
    plane = replace(CURSOR, straight_alpha=True, hot_x=0, hot_y=1)
    source.frame = replace(source.frame, cursor=Surface(plane, MemoryBuffer(image)), serial=2)
    query(device)
    cursor = query(device, PlaneKind.CURSOR)
    assert cursor is not None
    assert (cursor.x, cursor.y, cursor.hot_x, cursor.hot_y) == (-3, 5, 0, 1)
    found = pixels(device, PlaneKind.CURSOR)
    assert (found[:4], found[8:12]) == (b"\x20\x40\x80\x80", b"\0\0\0\0")


def test_memory_that_cannot_be_read_is_a_query_that_fails(device: SourceDevice, source: Pushed) -> None:
    source.frame = shown(2, bytearray(20))
    assert source.frame.primary is not None
    source.frame.primary.buffer.release()  # type: ignore[attr-defined]
    assert query(device) is None, "the source took it back"


def test_its_end_is_that_of_the_source(device: SourceDevice, source: Pushed) -> None:
    source.frame = Frame(Status(Reason.VM_ENDED), serial=2)
    with pytest.raises(OSError) as caught:
        query(device)
    assert caught.value.errno == errno.ENODEV
    device.close()
    device.close()
    assert source.closed == 1
    for call in (lambda: query(device), lambda: device.pread(4, 0), lambda: device.pwrite(b"", 0), device.duplicate):
        with pytest.raises(OSError) as caught:
            call()
        assert caught.value.errno == errno.EBADF
