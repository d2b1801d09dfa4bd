"""Which driver can report which formats."""

import pytest

from app.abi import drm_fourcc as drm
from app.formats.driver_formats import GVT_G, MBOCHS, MDPY, NVIDIA, DriverFormats, driver_formats
from app.formats.fourcc import pixel_format


@pytest.mark.parametrize(
    ("type_id", "module", "formats"),
    [
        ("i915-GVTg_V5_4", "kvmgt", GVT_G),
        ("mbochs-large", "mbochs", MBOCHS),
        ("mdpy-xga", "mdpy", MDPY),
        ("nvidia-63", "nvidia_vgpu_vfio", NVIDIA),
        (None, "kvmgt", GVT_G),
        (None, "vfio_pci", None),
        (None, None, None),
    ],
)
def test_a_driver_is_known_by_its_type_or_module(
    type_id: str | None, module: str | None, formats: DriverFormats | None
) -> None:
    assert driver_formats(type_id, module, simulated=False) == formats


def test_gvt_g_reports_tilings_of_intel_only() -> None:
    """fb_decoder.c and dmabuf.c."""
    pairs = {(each.fourcc, each.modifier): each for each in GVT_G.formats}
    assert pairs[drm.DRM_FORMAT_XRGB8888, drm.I915_FORMAT_MOD_X_TILED].condition == ""
    assert pairs[drm.DRM_FORMAT_XRGB8888, drm.I915_FORMAT_MOD_Y_TILED].condition == "Gen 9 and later"
    assert (drm.DRM_FORMAT_XRGB8888, drm.I915_FORMAT_MOD_4_TILED) not in pairs
    assert [each.fourcc for each in GVT_G.formats if each.planes == ("cursor",)] == [drm.DRM_FORMAT_ARGB8888]


@pytest.mark.parametrize("driver", [GVT_G, MBOCHS, MDPY, NVIDIA])
def test_this_program_knows_every_format_that_a_driver_reports(driver: DriverFormats) -> None:
    assert all(pixel_format(each.fourcc) is not None for each in driver.formats)
    assert driver.source


def test_what_is_simulated_or_changed_can_be_read_by_the_cpu() -> None:
    simulated = driver_formats("i915-GVTg_V5_4", "kvmgt", simulated=True)
    assert simulated is not None and simulated.readable and "simulated" in simulated.driver
    changed = driver_formats("mbochs-large", "mbochs_rw", simulated=False)
    assert changed is not None and changed.readable and not MBOCHS.readable
