"""Hostile plane values: nothing that cannot be true passes, nothing raises."""

from hypothesis import given
from hypothesis import strategies as st

from app.abi import drm_fourcc as drm
from app.formats.fourcc import known_formats, pixel_format
from app.planes.check import bytes_needed, fault_of
from app.planes.plane import Backing, Plane, PlaneKind
from app.planes.status import Reason

u32 = st.integers(0, 2**32 - 1) | st.sampled_from([0, 1, 64, 4096, 2**31, 2**32 - 1])
fourccs = u32 | st.sampled_from([each.fourcc for each in known_formats()])
modifiers = st.integers(0, 2**64 - 1) | st.sampled_from(
    [drm.DRM_FORMAT_MOD_LINEAR, drm.I915_FORMAT_MOD_X_TILED, drm.I915_FORMAT_MOD_Y_TILED, drm.DRM_FORMAT_MOD_INVALID]
)


def plane(fourcc: int, modifier: int, width: int, height: int, stride: int) -> Plane:
    return Plane(PlaneKind.PRIMARY, Backing.DMABUF, fourcc, modifier, width, height, stride, 1, 0, 0, None, None, 1)


@given(fourccs, modifiers, u32, u32, u32, st.integers(0, 2**40))
def test_what_passes_fits_its_buffer(
    fourcc: int, modifier: int, width: int, height: int, stride: int, size: int
) -> None:
    candidate = plane(fourcc, modifier, width, height, stride)
    if fault_of(candidate, size) is None:
        known = pixel_format(fourcc)
        assert known is not None
        assert stride * (height - 1) + known.row_bytes(width) <= bytes_needed(candidate) <= size
        assert stride >= known.row_bytes(width)


def test_the_padding_of_the_last_row_need_not_be_there() -> None:
    candidate = plane(drm.DRM_FORMAT_XRGB8888, 0, 10, 10, 64)
    assert fault_of(candidate, 64 * 9 + 40) is None
    short = fault_of(candidate, 64 * 9 + 39)
    assert short is not None and short.reason is Reason.BUFFER_TRUNCATED


def test_a_tiled_plane_covers_whole_tiles() -> None:
    candidate = plane(drm.DRM_FORMAT_XRGB8888, drm.I915_FORMAT_MOD_X_TILED, 128, 9, 512)
    assert bytes_needed(candidate) == 512 * 16
