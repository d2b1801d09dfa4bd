"""The reference conversion: GL's rounding, channel places, limited-range YCbCr, and what encoding loses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.abi import drm_fourcc as drm
from app.formats.decode import decode, encode
from app.formats.fourcc import Family, PixelFormat, known_formats, pixel_format
from app.formats.yuv import Matrix

FORMATS = known_formats()
NAMES = [each.name for each in FORMATS]
# The largest difference a format of so many bits a channel may make, and of 4:2:2 with equal pixels in a pair.
LOSS = {8: 0, 10: 0, 6: 2, 5: 4}


def of(fourcc: int) -> PixelFormat:
    known = pixel_format(fourcc)
    assert known is not None
    return known


def one(fourcc: int, data: str, matrix: Matrix = Matrix.BT601) -> list[list[int]]:
    """The pixels of one row given in hexadecimal."""
    known = of(fourcc)
    row = np.frombuffer(bytes.fromhex(data), np.uint8)[np.newaxis]
    pixels: list[list[int]] = decode(row, known, row.shape[1] // known.bytes_per_pixel, matrix)[0].tolist()
    return pixels


@pytest.mark.parametrize(
    ("fourcc", "data", "expected"),
    [
        (drm.DRM_FORMAT_XRGB8888, "33221100", [0x11, 0x22, 0x33, 255]),
        (drm.DRM_FORMAT_ARGB8888, "33221144", [0x11, 0x22, 0x33, 0x44]),
        (drm.DRM_FORMAT_XBGR8888, "11223300", [0x11, 0x22, 0x33, 255]),
        (drm.DRM_FORMAT_ABGR8888, "11223344", [0x11, 0x22, 0x33, 0x44]),
        (drm.DRM_FORMAT_RGBX8888, "00332211", [0x11, 0x22, 0x33, 255]),
        (drm.DRM_FORMAT_RGB888, "332211", [0x11, 0x22, 0x33, 255]),
        (drm.DRM_FORMAT_RGB565, "00f8", [255, 0, 0, 255]),
        (drm.DRM_FORMAT_RGB565, "e007", [0, 255, 0, 255]),
        (drm.DRM_FORMAT_XRGB2101010, "0000f03f", [255, 0, 0, 255]),
        (drm.DRM_FORMAT_XBGR2101010, "ff030000", [255, 0, 0, 255]),
        (drm.DRM_FORMAT_ARGB2101010, "00000080", [0, 0, 0, 170]),
        (drm.DRM_FORMAT_ARGB1555, "0080", [0, 0, 0, 255]),
        (drm.DRM_FORMAT_C8, "7b", [0x7B, 0x7B, 0x7B, 255]),
    ],
)
def test_channels_come_from_where_the_fourcc_puts_them(fourcc: int, data: str, expected: list[int]) -> None:
    assert one(fourcc, data) == [expected]


def test_narrow_channels_widen_as_gl_does() -> None:
    words = np.arange(32, dtype="<u2")
    row = words.view(np.uint8)[np.newaxis]
    blue = decode(row, of(drm.DRM_FORMAT_RGB565), 32)[0, :, 2]
    assert blue.tolist() == [round(value * 255 / 31) for value in range(32)]


@pytest.mark.parametrize("matrix", list(Matrix))
def test_limited_range_ends_at_black_and_white(matrix: Matrix) -> None:
    assert one(drm.DRM_FORMAT_YUYV, "1080eb80", matrix) == [[0, 0, 0, 255], [255, 255, 255, 255]]
    assert one(drm.DRM_FORMAT_YUYV, "0080ff80", matrix) == [[0, 0, 0, 255], [255, 255, 255, 255]]


@pytest.mark.parametrize(
    ("matrix", "data", "expected"),
    [
        # Full colour bars of ITU-R BT.601 and BT.709: red, green, blue in limited range.
        (Matrix.BT601, "515a51f0", [255, 0, 0]),
        (Matrix.BT601, "91369122", [0, 255, 0]),
        (Matrix.BT601, "29f0296e", [0, 0, 255]),
        (Matrix.BT709, "3f663ff0", [255, 0, 0]),
        (Matrix.BT709, "ad2aad1a", [0, 255, 0]),
        (Matrix.BT709, "20f02076", [0, 0, 255]),
    ],
)
def test_colour_bars_of_the_recommendations(matrix: Matrix, data: str, expected: list[int]) -> None:
    for pixel in one(drm.DRM_FORMAT_YUYV, data, matrix):
        assert np.abs(np.subtract(pixel[:3], expected)).max() <= 2


@pytest.mark.parametrize(
    ("fourcc", "data"),
    [
        (drm.DRM_FORMAT_YUYV, "515a91f0"),
        (drm.DRM_FORMAT_YVYU, "51f0915a"),
        (drm.DRM_FORMAT_UYVY, "5a51f091"),
        (drm.DRM_FORMAT_VYUY, "f0515a91"),
    ],
)
def test_the_four_orders_of_422_say_the_same(fourcc: int, data: str) -> None:
    assert one(fourcc, data) == one(drm.DRM_FORMAT_YUYV, "515a91f0")


@pytest.mark.parametrize("known", FORMATS, ids=NAMES)
@given(seed=st.integers(0, 2**32 - 1), width=st.integers(1, 33), height=st.integers(1, 70))
def test_a_picture_survives_as_well_as_the_format_can(known: PixelFormat, seed: int, width: int, height: int) -> None:
    random = np.random.default_rng(seed)
    picture = random.integers(0, 256, (height, -(-width // 2), 4), np.uint8).repeat(2, axis=1)[:, :width]
    rows = encode(picture, known)
    assert rows.shape == (height, known.row_bytes(width))
    back = decode(rows, known, width)
    if known.alpha is None:
        assert (back[..., 3] == 255).all()
    difference = np.abs(back.astype(int) - picture)[..., :3]
    if known.family is Family.RGB:
        channels = (known.red, known.green, known.blue)
        for index, channel in enumerate(channels):
            assert channel is not None
            assert difference[..., index].max() <= LOSS[channel.bits]
    elif known.family is Family.YUV422:
        # Two roundings of 8-bit chroma at up to 2.02 a step, and of luma.
        assert difference.max() <= 4
    # Encoding what was decoded changes nothing more where nothing is rounded twice.
    if known.family is not Family.YUV422:
        assert np.array_equal(decode(encode(back, known), known, width), back)


def test_the_unused_byte_of_x_formats_is_zero() -> None:
    picture = np.full((1, 2, 4), 255, np.uint8)
    assert encode(picture, of(drm.DRM_FORMAT_XRGB8888)).tobytes() == bytes.fromhex("ffffff00ffffff00")


def test_an_odd_width_repeats_its_last_pixel() -> None:
    picture = np.zeros((1, 3, 4), np.uint8)
    picture[0, 2] = 255
    assert encode(picture, of(drm.DRM_FORMAT_YUYV)).tobytes() == bytes.fromhex("10801080eb80eb80")


def test_rows_too_short_are_refused() -> None:
    with pytest.raises(ValueError, match="take 8"):
        decode(np.zeros((1, 7), np.uint8), of(drm.DRM_FORMAT_XRGB8888), 2)
