"""The first guess is what a dump is: of the simulated guest's desktop, and of a picture like a photograph."""

from functools import cache

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.abi import drm_fourcc as drm
from app.formats.decode import Rgba, encode
from app.formats.fourcc import parse_fourcc, pixel_format
from app.formats.guess import guess, guess_document
from app.formats.reading import NOTHING, Parts, Reading, least_stride, parse_layout, parse_parts
from app.formats.tiling import tile
from app.sim.guest.desktop import draw_desktop


@cache
def photograph(width: int, height: int) -> Rgba:
    """Noise of which each octave is weaker than the one below, as in natural pictures, with a sensor's noise."""
    chance = np.random.default_rng(1)
    down, across = np.fft.fftfreq(2 * height)[:, np.newaxis], np.fft.rfftfreq(2 * width)
    frequency = np.maximum(np.hypot(down, across), 1e-3)
    planes = []
    for _ in range(3):
        noise = np.fft.rfft2(chance.normal(size=(2 * height, 2 * width))) / frequency**1.8
        plane = np.fft.irfft2(noise)[:height, :width]
        planes.append(plane / plane.std())
    rgba = np.full((height, width, 4), 255, np.uint8)
    for index, plane in enumerate(planes):
        levels = 128 + 40 * (0.7 * planes[0] + 0.5 * plane) + chance.normal(0, 1.5, plane.shape)
        rgba[..., index] = np.clip(levels, 0, 255)
    return rgba


@cache
def desktop(width: int, height: int) -> Rgba:
    return draw_desktop(width, height, (("driver", "i915"), ("format", "XR24"))).rgba


def dump(rgba: Rgba, fourcc: str, modifier: str, padding: int = 0) -> tuple[Reading, bytes]:
    format_ = pixel_format(parse_fourcc(fourcc))
    assert format_ is not None
    height, width, _ = rgba.shape
    layout = parse_layout(modifier)
    stride = least_stride(format_, layout, width) + padding
    data = tile(encode(rgba, format_), layout, format_.bytes_per_pixel, stride).tobytes()
    return Reading(format_.fourcc, layout, width, height, stride), data


@pytest.mark.parametrize(
    ("picture", "fourcc", "modifier", "padding"),
    [
        (photograph, "XR24", "linear", 0),
        (photograph, "RG16", "linear", 22),
        (photograph, "C8", "Y", 0),
        (photograph, "YUYV", "X", 0),
        (photograph, "XR30", "Yf", 128),
        (desktop, "XR24", "4", 0),
        (desktop, "XR24", "linear", 64),
        (desktop, "YUYV", "linear", 0),
    ],
)
def test_the_first_guess_is_right(picture, fourcc: str, modifier: str, padding: int) -> None:  # type: ignore[no-untyped-def]
    """Nothing is known but the bytes."""
    truth, data = dump(picture(457, 301), fourcc, modifier, padding)
    best = guess(memoryview(data), NOTHING).readings[0].reading
    assert (best.fourcc, best.modifier, best.stride) == (truth.fourcc, truth.modifier, truth.stride)
    assert best.height == 301


def test_with_the_size_known_the_rest_is_found() -> None:
    truth, data = dump(desktop(457, 301), "XR24", "Y", 256)
    result = guess(memoryview(data), Parts(size=(457, 301)))
    assert result.readings[0].reading == truth
    texts = [each["as"] for each in guess_document(result)["readings"]]
    assert len(texts) == len(set(texts)) == 10
    assert all(parse_parts(text).size == (457, 301) for text in texts)


def test_of_one_colour_nothing_can_be_told() -> None:
    result = guess(memoryview(b"\x10\x20\x30\xff" * 4096), NOTHING)
    assert not result.readings and "nothing can be told" in result.note


def test_noise_is_no_picture() -> None:
    result = guess(memoryview(np.random.default_rng(3).bytes(200_000)), NOTHING)
    assert "no reading is smooth" in result.note


def test_compressed_tilings_and_a_few_bytes_are_refused() -> None:
    with pytest.raises(ValueError, match="is compressed"):
        guess(memoryview(bytes(range(256)) * 64), Parts(modifier=drm.I915_FORMAT_MOD_Y_TILED_CCS))
    with pytest.raises(ValueError, match="too few"):
        guess(memoryview(bytes(100)), NOTHING)


_NUMBERS = st.none() | st.integers(1, 1 << 18)


@settings(max_examples=8)
@example(0, 1024, (1, 2), None, 0)
@given(
    st.integers(0, 1 << 32),
    st.integers(1024, 9000),
    st.tuples(st.integers(0, 1 << 32), st.integers(0, 1 << 32)) | st.none(),
    _NUMBERS,
    st.integers(0, 9000),
)
def test_no_bytes_and_no_claims_break_a_guess(
    seed: int, length: int, size: tuple[int, int] | None, stride: int | None, offset: int
) -> None:
    """A document beside the dump may claim anything."""
    data = np.random.default_rng(seed).bytes(length)
    try:
        result = guess(memoryview(data), Parts(size=size, stride=stride), offset)
    except ValueError as error:
        assert "too few" in str(error)
        return
    assert all(each.reading.offset == offset for each in result.readings)
