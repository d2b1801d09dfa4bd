"""Which mappings are read in place: what smaps says about them."""

import mmap
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.host.vgpu import Vgpu
from app.vfio.region_mapping import flags_in, has_own_pages, never_stays, stays_of

# As Linux 6.12 writes it, shortened.
SMAPS = """\
7f0000000000-7f0000400000 r--s 00001000 00:0e 1063      anon_inode:[vfio-device]
Size:               4096 kB
VmFlags: rd sh mr mw me ms de dd mm
7f0000400000-7f0000800000 r--s 00000000 00:0e 1064      anon_inode:[vfio-device]
Size:               4096 kB
VmFlags: rd sh mr mw me ms pf io de dd
"""


@pytest.mark.parametrize(
    ("start", "end", "found"),
    [
        (0x7F0000000000, 0x7F0000400000, "mm"),
        (0x7F0000001000, 0x7F0000002000, "mm"),
        (0x7F0000400000, 0x7F0000800000, "pf"),
        (0x7F0000000000, 0x7F0000800000, None),
        (0x7F0000900000, 0x7F0000901000, None),
    ],
)
def test_the_flags_are_those_of_the_one_mapping_that_covers_the_addresses(
    start: int, end: int, found: str | None
) -> None:
    flags = flags_in(SMAPS, start, end)
    assert (flags is None) if found is None else (flags is not None and found in flags)


@settings(deadline=None)
@given(st.text(st.sampled_from("0123456789abcdef- \nVmFlags:mpio"), max_size=200), st.integers(0, 1 << 48))
def test_other_text_is_no_evidence_and_no_error(text: str, start: int) -> None:
    flags = flags_in(text, start, start + 4096)
    assert flags is None or "VmFlags:" in text


@pytest.mark.parametrize(
    ("flags", "stays"), [("rd sh mm", True), ("rd sh pf io", False), ("rd mm io", False), ("rd mm pf", False)]
)
def test_only_pages_that_were_put_in_one_by_one_stay(tmp_path: Path, flags: str, stays: bool) -> None:
    smaps = tmp_path / "smaps"
    with mmap.mmap(-1, 4096) as mapping:
        smaps.write_text(f"0-{1 << 63:x} r--s 0 00:0e 1 vfio\nVmFlags: {flags}\n")
        assert has_own_pages(mapping, smaps) is stays
        assert not has_own_pages(mapping, tmp_path / "missing")


def test_the_kernel_says_of_ordinary_memory_that_it_has_no_such_pages() -> None:
    """This also shows that this process's own mapping is found: its flags would be None otherwise."""
    fd = os.memfd_create("region")
    os.ftruncate(fd, 8192)
    with mmap.mmap(fd, 8192, prot=mmap.PROT_READ) as mapping:
        os.close(fd)
        assert not has_own_pages(mapping)


@pytest.mark.parametrize(
    ("vgpu", "function"),
    [
        (None, never_stays),
        (Vgpu("a", driver="vfio-pci", module="vfio_pci"), never_stays),
        (Vgpu("a", driver="mdpy", module="another_mdpy"), never_stays),
        (Vgpu("a", driver="mdpy", module="mdpy"), has_own_pages),
        (Vgpu("a", driver="mdpy"), has_own_pages),
    ],
)
def test_only_a_driver_that_is_known_is_asked_about(vgpu: Vgpu | None, function: object) -> None:
    assert stays_of(vgpu) is function
