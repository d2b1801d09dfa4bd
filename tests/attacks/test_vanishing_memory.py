"""Memory that its owner takes away while it is shown ends no program. The state says it, and the picture comes back."""

import errno
import fcntl
import json
import mmap
import os
import subprocess
import sys
from typing import Any

import pytest

from app.abi import drm_fourcc as drm
from app.abi import vfio
from app.host.vgpu import Vgpu
from app.planes.buffer import DmaBuffer, MemoryBuffer
from app.planes.dmabuf import dma_buf_info
from app.vfio.buffer_cache import FetchRule
from app.vfio.opened_device import OpenedDevice
from gl.import_check import import_obstacle
from tests.gl.surfaces import plane_of
from tests.unit.scripted import ScriptedRegionDevice, plane_answer

PAGE = mmap.PAGESIZE


def run(*arguments: str) -> dict[str, Any]:
    """Run the program of this attack; fails if a signal ends it."""
    command = [sys.executable, "-m", "tests.attacks.programs.vanish", *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, f"ended with {ended.returncode}: {ended.stderr}"
    report: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return report


@pytest.mark.parametrize(
    ("backing", "shown", "path"), [("region", "ok", "region"), ("dmabuf", "import-failed", "copy")]
)
def test_memory_shortened_under_a_window(backing: str, shown: str, path: str) -> None:
    report = run(backing, "draw")
    assert report["states"] == [shown, *["not-readable", shown] * 3]
    assert report["right"] == [True] * 4
    assert report["path"] == path
    for detail in report["details"][1::2]:
        assert "the memory has vanished" in detail and "tried again" in detail


@pytest.mark.parametrize("backing", ["region", "dmabuf"])
def test_memory_shortened_under_a_screenshot(backing: str) -> None:
    assert run(backing, "screenshot") == {"status": 0, "failed": [errno.EFAULT], "right": [True]}


@pytest.mark.parametrize("backing", ["region", "dmabuf"])
def test_memory_shortened_and_extended_while_it_is_read(backing: str) -> None:
    assert run(backing, "storm") == {"survived": True}


class ShortenedRegion(ScriptedRegionDevice):
    """Its memory is a memfd that its owner can shorten."""

    def mmap(self, length: int, offset: int) -> mmap.mmap:
        fd = memfd(0, 0, length)
        try:
            return mmap.mmap(fd, length, prot=mmap.PROT_READ)
        finally:
            os.close(fd)


@pytest.mark.parametrize("driver", ["mdpy", "vfio-pci", None])
def test_a_drivers_name_alone_makes_no_mapping_safe(driver: str | None) -> None:
    """The process of a VM can name a vGPU of mdpy and hand over another device."""
    device = ShortenedRegion(
        offers=vfio.VFIO_GFX_PLANE_TYPE_REGION, primary=plane_answer, region_size=4 * PAGE, region_offset=PAGE
    )
    vgpu = Vgpu("claimed", driver=driver, module=driver)
    source = OpenedDevice("a", "a", device, vgpu, FetchRule.FREELY, lambda: None).poller()
    try:
        frame = source.latest()
        assert frame.primary is not None and frame.primary.buffer.may_vanish
    finally:
        source.close()


def memfd(flags: int, seals: int, size: int = 4 * PAGE) -> int:
    fd = os.memfd_create("foreign", flags | os.MFD_CLOEXEC)
    os.ftruncate(fd, size)
    if seals:
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, seals)
    return fd


@pytest.mark.parametrize(
    ("seals", "vanishes"),
    [
        (0, True),
        (fcntl.F_SEAL_GROW, True),
        (fcntl.F_SEAL_SHRINK, False),
        (fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL, False),
    ],
)
def test_only_the_kernels_seal_makes_a_foreign_memfd_importable(seals: int, vanishes: bool) -> None:
    buffer = DmaBuffer(memfd(os.MFD_ALLOW_SEALING, seals))
    try:
        assert buffer.may_vanish is vanishes
        obstacle = import_obstacle(plane_of(drm.DRM_FORMAT_XRGB8888, 16, 16, 64), buffer, software=False)
        assert (obstacle is not None) is vanishes
    finally:
        buffer.release()


def test_a_seal_does_not_keep_huge_pages() -> None:
    """A hole in such a file has no page when the pool is empty, and an access ends in SIGBUS."""
    fd = os.memfd_create("huge", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING | os.MFD_HUGETLB)
    try:
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK)
        assert dma_buf_info(fd).may_vanish
    finally:
        os.close(fd)


def test_a_file_that_is_neither_dma_buf_nor_memfd_is_refused(tmp_path: os.PathLike[str]) -> None:
    """Its owner may let every access wait for ever (FUSE)."""
    for opened in (os.open(tmp_path, os.O_RDONLY), os.open("/dev/zero", os.O_RDWR), os.eventfd(0)):
        with pytest.raises(OSError) as caught:
            DmaBuffer(opened)
        assert caught.value.errno == errno.EINVAL
        with pytest.raises(OSError):
            os.fstat(opened)


def test_a_sparse_file_without_end_is_not_copied() -> None:
    buffer = DmaBuffer(memfd(0, 0, (1 << 30) + PAGE))
    try:
        with buffer.mapping(1 << 29, PAGE) as view:
            assert bytes(view) == bytes(PAGE)
        with pytest.raises(OSError) as caught, buffer.mapping():
            pass
        assert caught.value.errno == errno.EFBIG
    finally:
        buffer.release()


def test_a_copy_has_the_bytes_of_now_and_no_others() -> None:
    """The copy is used again for the next read, which may be shorter."""
    memory = mmap.mmap(-1, 2 * PAGE)
    buffer = MemoryBuffer(memory)
    memory[:] = b"a" * (2 * PAGE)
    with buffer.mapping() as view:
        assert bytes(view) == b"a" * (2 * PAGE)
        assert view.readonly
    memory[100:200] = b"b" * 100
    with buffer.mapping(100, 101) as view:
        assert bytes(view) == b"b" * 100 + b"a"
    buffer.release()
