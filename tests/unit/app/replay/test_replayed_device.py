"""A replay shows what the recorded device showed, poll by poll."""

import errno
import os
from pathlib import Path

import pytest

from app.abi import vfio
from app.device.seam import Device
from app.planes.frame import Frame
from app.planes.status import Reason
from app.replay.capture_file import CaptureFile
from app.replay.playback import RecordingClock
from app.replay.recording_file import RecordingFile
from app.replay.replayed_device import ReplayedDevice
from app.replay.schema import Fetch, Info, Message, Pixels, Query, Read
from app.vfio.poller import Poller
from tests.recordings import MS, START, context, record, replay, seen

# The fault begins after the picture was shown, and ends before the recording does.
_FAULTS = (
    "query-einval@0.1-0.3",
    "query-efault@0.1-0.3",
    "query-enomem@0.1-0.3",
    "query-enodev@0.1-0.3",
    "cursor-einval@0.1-0.3",
    "get-einval@0-0.3",
    "get-enoent@0-0.3",
    "stale@0.1-0.3",
    "truncated@0.1-0.3",
    "read-only@0.1-0.3",
    "off@0.1-0.3",
    "mode@0.1-0.3",
    "hostile@0.1",
    "gone@0.2",
)
_SPECS = (
    "gvt,size=96x64,fps=60",
    "gvt,size=160x64,modifier=X",
    "gvt,size=160x64,modifier=Yf,format=YUYV",
    "gvt,size=64x64,format=C8,cursor=off",
    "mbochs,size=64x64,fps=50",
    "mbochs,size=64x64,module=mbochs",
    "mdpy,size=64x64,fps=50",
    "mdpy,size=64x64,fault=truncated@0.1-0.3",
    "mdpy,size=64x64,fault=get-einval@0-0.2",
)


@pytest.mark.parametrize("spec", [*_SPECS, *(f"gvt,size=64x64,fault={each}" for each in _FAULTS)])
def test_each_poll_sees_what_the_recorded_one_saw(spec: str, tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"
    recorded, description = record(path, spec, 500)
    replayed, described = replay(path, len(recorded))
    assert described == description
    assert replayed == recorded


def test_the_pixels_change_while_the_guest_draws_into_one_buffer(tmp_path: Path) -> None:
    recorded, _ = record(tmp_path / "a.mcap", "mdpy,size=64x64,fps=50", 500)
    replayed, _ = replay(tmp_path / "a.mcap", len(recorded))
    assert len({each.buffers[0][3] for each in replayed if each.buffers}) > 10


def test_a_buffer_that_nobody_could_read_cannot_be_read(tmp_path: Path) -> None:
    recorded, _ = record(tmp_path / "a.mcap", "gvt,size=64x64,fault=read-only", 100)
    replayed, _ = replay(tmp_path / "a.mcap", len(recorded))
    assert replayed[-1].buffers[0][3] == "EACCES: Permission denied"


def _written(path: Path, *messages: Message, contents: bytes | None = None) -> None:
    file = CaptureFile(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600), context(), lambda: START)
    for each in messages:
        if isinstance(each, Pixels):
            file.pixels(each, contents, START, START)
        else:
            file.record(each, START, START)
    file.finish("duration")


def _device(path: Path) -> ReplayedDevice:
    file = RecordingFile(path)
    return ReplayedDevice(file, RecordingClock(file.recording, clock=lambda: START))


def _plane(inode: int = 7, width: int = 2) -> tuple[Message, ...]:
    """A device with one plane of ``width`` x 1 pixels of RG16 in a dma-buf."""
    answer = vfio.GFX_PLANE_INFO.pack(64, 2, 1, 0x36314752, 0, width, 1, 2 * width, 2 * width, 0, 0, 0, 0, 1, 0)
    probed = vfio.GFX_PLANE_INFO.pack(64, 3, 1, *(0,) * 12)
    return (Query(1, 3, probed), Query(1, 2, answer), Fetch(1, None, inode, 4096, "i915"))


def _frame(device: Device) -> Frame:
    assert isinstance(device, ReplayedDevice)
    poller = Poller(device, clock=lambda: START, buffer_info=device.buffer_info)
    frame = poller.latest()
    assert frame.status.reason is Reason.OK
    frame_seen = seen(frame)
    assert frame.primary is not None
    assert (frame.primary.buffer.inode, frame.primary.buffer.exporter) == (7, "i915")
    poller.close()
    assert frame_seen.buffers
    return frame


def test_what_a_gpu_read_back_is_in_the_planes_own_format(tmp_path: Path) -> None:
    red_and_green = bytes((255, 0, 0, 255, 0, 255, 0, 255))
    pixels = Pixels("gpu", 0x36314752, 0, 2, 1, 4, inode=7, why="ENODEV: No such device")
    _written(tmp_path / "a.mcap", *_plane(), pixels, contents=red_and_green)
    device = _device(tmp_path / "a.mcap")
    poller = Poller(device, clock=lambda: START, buffer_info=device.buffer_info)
    try:
        contents = seen(poller.latest()).buffers[0][3]
    finally:
        poller.close()
    assert isinstance(contents, bytes)
    assert contents[:4] == (0xF800).to_bytes(2, "little") + (0x07E0).to_bytes(2, "little")


def test_pixels_that_were_left_out_are_grey_and_the_buffer_keeps_its_facts(tmp_path: Path) -> None:
    _written(tmp_path / "a.mcap", *_plane(), Pixels("left-out", 0x36314752, 0, 2, 1, 4, inode=7))
    device = _device(tmp_path / "a.mcap")
    _frame(device)
    device = _device(tmp_path / "a.mcap")
    poller = Poller(device, clock=lambda: START, buffer_info=device.buffer_info)
    try:
        assert seen(poller.latest()).buffers[0][3] == b"\x80" * 4096
    finally:
        poller.close()


def test_what_was_never_asked_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    _written(tmp_path / "a.mcap", Read(4, 0, b"\1\2\3\4"), Info(32, 3, None, errno.ENOTTY))
    device = _device(tmp_path / "a.mcap")
    try:
        assert device.pread(4, 0) == b"\1\2\3\4"
        for call in (
            lambda: device.pread(4, 4),
            lambda: device.pwrite(b"\0", 0),
            lambda: device.mmap(4096, 0),
            device.duplicate,
            lambda: device.ioctl(vfio.VFIO_DEVICE_GET_INFO, bytearray(24)),
            lambda: device.ioctl(vfio.VFIO_DEVICE_GET_GFX_DMABUF, bytearray(4)),
        ):
            with pytest.raises(OSError):
                call()
        request = vfio.vfio_region_info(argsz=32, index=3)
        with pytest.raises(OSError) as caught:
            device.ioctl(vfio.VFIO_DEVICE_GET_REGION_INFO, bytearray(request))
        assert caught.value.errno == errno.ENOTTY
    finally:
        device.close()
    with pytest.raises(OSError) as caught:
        device.pread(4, 0)
    assert caught.value.errno == errno.EBADF


@pytest.mark.parametrize("size", [0, (256 << 20) + 1, 2**62])
def test_a_buffer_of_an_impossible_size_is_not_made(size: int, tmp_path: Path) -> None:
    _written(tmp_path / "a.mcap", Fetch(1, None, 7, size, "i915"))
    device = _device(tmp_path / "a.mcap")
    try:
        with pytest.raises(OSError) as caught:
            device.ioctl(vfio.VFIO_DEVICE_GET_GFX_DMABUF, bytearray((1).to_bytes(4, "little")))
        assert caught.value.errno == errno.ENOMEM
    finally:
        device.close()


def test_without_memory_for_the_pixels_a_fetch_fails_as_a_drivers_would(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise MemoryError

    record(tmp_path / "a.mcap", "gvt,size=64x64", 100)
    with monkeypatch.context() as patch:
        patch.setattr("app.replay.replayed_device.bytes_of", refuse)
        (*_, last), _ = replay(tmp_path / "a.mcap", 5)
    assert last.status.reason is Reason.FETCH_FAILED and last.status.detail == "ENOMEM"


@pytest.mark.parametrize(("held", "open_after"), [(False, [1, 1, 1]), (True, [1, 2, 3])])
def test_dma_bufs_are_closed_with_the_device_or_when_nobody_holds_them(
    held: bool, open_after: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the kernel has udmabuf, which this one may lack: files of another kind stand for its dma-bufs."""
    opened: list[int] = []

    class Watched:
        def __init__(self) -> None:
            self._fd = os.memfd_create("dma-buf")
            os.ftruncate(self._fd, 4096)
            opened.append(self._fd)

        def new_fd(self) -> int:
            return os.dup(self._fd)

        def held_outside(self) -> bool:
            return held

        def close(self) -> None:
            opened.remove(self._fd)
            os.close(self._fd)

    monkeypatch.setattr("app.device.guest_memory._DmaBuf.create", lambda _pages: Watched())
    _written(tmp_path / "a.mcap", Fetch(1, None, 7, 4096, "i915"))
    device = _device(tmp_path / "a.mcap")
    left = []
    try:
        for _ in open_after:
            number = bytearray((1).to_bytes(4, "little"))
            os.close(device.ioctl(vfio.VFIO_DEVICE_GET_GFX_DMABUF, number))
            left.append(len(opened))
    finally:
        device.close()
    assert (left, opened) == (open_after, [])


def test_the_time_of_a_poll_holds_for_all_its_answers(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"
    recorded, _ = record(path, "gvt,size=64x64,fps=100,buffers=2", 300)
    # Polls between those of the recording see the one before.
    halves, _ = replay(path, 2 * len(recorded), step_ms=5)
    assert halves[::2] == recorded
    assert halves[1::2] == recorded
    assert MS
