"""Hostile plane values: nothing that cannot be true passes, nothing raises."""

from hypothesis import given
from hypothesis import strategies as st

from app.abi import drm_fourcc as drm
from app.formats.fourcc import PixelFormat, known_formats
from app.planes.check import bytes_needed, check_plane
from app.planes.plane import Backing, Plane, PlaneKind
from app.planes.status import Reason

u32 = st.integers(0, 2**32 - 1) | st.sampled_from([0, 1, 64, 4096, 2**31, 2**32 - 1])
fourccs = u32 | st.sampled_from([each.fourcc for each in known_formats()])
modifiers = st.integers(0, 2**64 - 1) | st.sampled_from(
    [drm.DRM_FORMAT_MOD_LINEAR, drm.I915_FORMAT_MOD_X_TILED, drm.I915_FORMAT_MOD_Y_TILED, drm.DRM_FORMAT_MOD_INVALID]
)
# In bytes; Yf's depend on the format.
TILE_WIDTHS = {drm.I915_FORMAT_MOD_X_TILED: 512, drm.I915_FORMAT_MOD_Y_TILED: 128}


def plane(fourcc: int, modifier: int, width: int, height: int, stride: int) -> Plane:
    return Plane(PlaneKind.PRIMARY, Backing.DMABUF, fourcc, modifier, width, height, stride, 1, 0, 0, None, None, 1)


@given(fourccs, modifiers, u32, u32, u32, st.integers(0, 2**40))
def test_any_values_pass_or_have_a_fault(
    fourcc: int, modifier: int, width: int, height: int, stride: int, size: int
) -> None:
    check_plane(plane(fourcc, modifier, width, height, stride), size)


@given(
    st.sampled_from(known_formats()),
    modifiers,
    st.integers(0, 200),
    st.integers(0, 200),
    st.sampled_from([-1, 0, 1]) | st.integers(-8, 1024),
    st.sampled_from([-1, 0]) | st.integers(-70, 70),
)
def test_what_passes_fits_its_buffer(
    known: PixelFormat, modifier: int, width: int, height: int, padding: int, spare: int
) -> None:
    """Values near those that are right: about half of them pass."""
    least = known.row_bytes(width)
    tile_width = TILE_WIDTHS.get(modifier, 1)
    # Whole tiles, but for what is wrong with it.
    stride = max(0, -(-least // tile_width) * tile_width + (padding if tile_width == 1 else min(padding, 0)))
    candidate = plane(known.fourcc, modifier, width, height, stride)
    size = bytes_needed(candidate) + spare
    passes = check_plane(candidate, size) is None
    if width and height and stride >= least and spare >= 0 and stride % tile_width == 0:
        assert passes
    if passes:
        assert spare >= 0
        assert stride >= least > 0
        assert stride * (height - 1) + least <= size


def test_the_padding_of_the_last_row_need_not_be_there() -> None:
    candidate = plane(drm.DRM_FORMAT_XRGB8888, 0, 10, 10, 64)
    assert check_plane(candidate, 64 * 9 + 40) is None
    short = check_plane(candidate, 64 * 9 + 39)
    assert short is not None and short.reason is Reason.BUFFER_TRUNCATED


def test_a_tiled_plane_covers_whole_tiles() -> None:
    candidate = plane(drm.DRM_FORMAT_XRGB8888, drm.I915_FORMAT_MOD_X_TILED, 128, 9, 512)
    assert bytes_needed(candidate) == 512 * 16
