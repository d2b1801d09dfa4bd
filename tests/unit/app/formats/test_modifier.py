"""The names of modifiers: as libdrm has them, whether it is installed or not."""

import pytest
from hypothesis import given, settings

from app.formats import libdrm
from app.formats.modifier import modifier_name
from app.formats.modifiers.vendors import describe, vendor_name
from tests.unit.app.formats.modifiers.samples import AMD, NAMED_BY_LIBDRM

# libdrm named AMD's tiles in another way before 2.4.125; its names since then are in libdrm_names.txt.
HAS_NEW_AMD_NAMES = "64KB_S" in (libdrm.modifier_name(2 << 56 | 9 << 8 | 1) or "")


@settings(deadline=None, max_examples=400)
@given(NAMED_BY_LIBDRM | AMD if HAS_NEW_AMD_NAMES else NAMED_BY_LIBDRM)
def test_every_name_of_the_installed_libdrm_is_ours(modifier: int) -> None:
    assert libdrm.modifier_vendor(1 << 56) == "INTEL", "libdrm, which the tests need, is not there"
    assert libdrm.modifier_vendor(modifier) in (vendor_name(modifier), None)
    if modifier >> 56 == 2 and not HAS_NEW_AMD_NAMES:
        return
    assert libdrm.modifier_name(modifier) in (describe(modifier).name, None)


def test_names_need_no_libdrm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libdrm, "modifier_name", lambda _modifier: None)
    monkeypatch.setattr(libdrm, "modifier_vendor", lambda _modifier: None)
    assert modifier_name(0) == "LINEAR"
    assert modifier_name(0x00FF_FFFF_FFFF_FFFF) == "INVALID"
    assert modifier_name(0x0100_0000_0000_0011) == "INTEL_4_TILED_BMG_CCS"
    assert modifier_name(0x0200_0000_1040_1B04) == "AMD_GFX11,64KB_R_X,PIPE_XOR_BITS=2,PACKERS=2"
    assert modifier_name(0x0100_0000_0000_0063) == "INTEL_0x00000000000063"
    assert modifier_name(0x0F00_0000_0000_0001) == "0x0f00000000000001"


def test_a_newer_libdrm_names_what_the_own_table_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libdrm, "modifier_name", lambda _modifier: "NEW_TILED")
    monkeypatch.setattr(libdrm, "modifier_vendor", lambda _modifier: "NEWCOMER")
    assert modifier_name(0x0100_0000_0000_0063) == "INTEL_NEW_TILED"
    assert modifier_name(0x0F00_0000_0000_0001) == "NEWCOMER_NEW_TILED"
    assert modifier_name(0x0100_0000_0000_0001) == "INTEL_X_TILED"
