"""The names of what a device says of itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.abi import vfio
from app.device.names import device_flag_names, region_access, region_name, region_type_name

PCI = vfio.VFIO_DEVICE_FLAGS_PCI
WORDS = st.integers(0, 2**32 - 1)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ((1 << 31 | 0x8086, 1), "Intel OpRegion"),
        ((1 << 31 | 0x8086, 2), "Intel host bridge configuration"),
        ((1 << 31 | 0x8086, 9), "Intel type 9"),
        ((1 << 31 | 0x1234, 1), "PCI vendor 0x1234 type 1"),
        ((1, 1), "GFX/EDID"),
        ((1, 2), "GFX/2"),
        ((3, 1), "migration (deprecated)"),
        ((7, 5), "type 7/5"),
    ],
)
def test_a_type_has_the_name_of_the_header(kind: tuple[int, int], name: str) -> None:
    assert region_type_name(kind) == name


def test_pci_regions_are_named_by_their_index() -> None:
    assert [region_name(PCI, index, None) for index in (0, 5, 6, 7, 8, 9)] == [
        "BAR0",
        "BAR5",
        "ROM",
        "CONFIG",
        "VGA",
        None,
    ]
    assert region_name(0, 0, None) is None, "only a PCI device has BARs"
    assert region_name(PCI, 10, (1, 1)) == "GFX/EDID"


def test_flags_are_named_and_unknown_ones_are_not_hidden() -> None:
    assert device_flag_names(3) == ("reset", "pci")
    assert region_access(15) == ("read", "write", "mmap")
    assert region_access(0x21) == ("read", "0x20")


@given(WORDS, WORDS, WORDS)
def test_every_word_of_a_driver_has_a_printable_name(flags: int, type_: int, subtype: int) -> None:
    assert sum(int(each, 16) for each in device_flag_names(flags) if each.startswith("0x")) == flags & ~0x1FF
    assert region_type_name((type_, subtype)).isprintable()
    assert all(each.isprintable() for each in region_access(flags))
