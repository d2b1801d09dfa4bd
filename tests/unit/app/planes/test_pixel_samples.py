"""What is guaranteed of looks at the pixels of a buffer: how soon which change is found."""

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.abi import drm_fourcc as drm
from app.planes.buffer import DmaBuffer, MemoryBuffer
from app.planes.pixel_samples import LOOKS, PixelSamples
from app.planes.plane import Backing, Plane, PlaneKind

_XR24, _RG24, _RG16 = drm.DRM_FORMAT_XRGB8888, drm.DRM_FORMAT_RGB888, drm.DRM_FORMAT_RGB565
_BYTES = {_XR24: 4, _RG24: 3, _RG16: 2}


def _plane(width: int, height: int, stride: int, *, fourcc: int = _XR24, offset: int = 0, modifier: int = 0) -> Plane:
    return Plane(
        PlaneKind.PRIMARY,
        Backing.MEMORY,
        fourcc,
        modifier,
        width,
        height,
        stride,
        stride * height,
        0,
        0,
        None,
        None,
        offset=offset,
    )


def _looks_until_found(samples: PixelSamples, buffer: MemoryBuffer | DmaBuffer) -> int:
    """How many looks it takes to find what changed; LOOKS + 1 if none of them does."""
    return next((n for n in range(1, LOOKS + 1) if samples.look(buffer, n).previous_ns is not None), LOOKS + 1)


def _all_seen(samples: PixelSamples, buffer: MemoryBuffer | DmaBuffer) -> None:
    for _ in range(LOOKS):
        assert samples.look(buffer, 0).draw, "what was never looked at may be missing in the picture"
    assert not any(samples.look(buffer, 0).draw for _ in range(LOOKS))


@settings(deadline=None, max_examples=150)
@given(
    st.data(),
    st.sampled_from(list(_BYTES)),
    st.tuples(st.integers(1, 70), st.integers(1, 70)),
    st.integers(0, 3),
    st.integers(0, 9),
    st.integers(0, LOOKS - 1),
)
def test_any_single_pixel_is_found_by_the_eighth_look(
    data: st.DataObject, fourcc: int, size: tuple[int, int], padding: int, offset: int, before: int
) -> None:
    (width, height), pixel = size, _BYTES[fourcc]
    stride = (width + padding) * pixel
    memory = bytearray(os.urandom(offset + stride * height))
    buffer, samples = MemoryBuffer(memory), PixelSamples(_plane(width, height, stride, fourcc=fourcc, offset=offset))
    _all_seen(samples, buffer)
    for _ in range(before):
        samples.look(buffer, 0)
    x, y = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    memory[offset + y * stride + x * pixel + data.draw(st.integers(0, pixel - 1))] ^= 1 << data.draw(st.integers(0, 7))
    assert _looks_until_found(samples, buffer) <= LOOKS


@settings(deadline=None)
@given(st.data(), st.sampled_from([1, 2, 4, 8, 16]), st.integers(0, LOOKS - 1))
def test_the_higher_a_change_the_sooner_it_is_found(data: st.DataObject, rows: int, before: int) -> None:
    """A text cursor of 2x16 pixels is found by the very next look."""
    width, height, stride = 64, 96, 256
    memory = bytearray(stride * height)
    buffer, samples = MemoryBuffer(memory), PixelSamples(_plane(width, height, stride))
    _all_seen(samples, buffer)
    for _ in range(before):
        samples.look(buffer, 0)
    x, y = data.draw(st.integers(0, width - 2)), data.draw(st.integers(0, height - rows))
    for row in range(y, y + rows):
        memory[row * stride + 4 * x : row * stride + 4 * x + 8] = b"\xff" * 8
    # The looks after the last of a round begin with the first again, whose rows are then four apart as well.
    sooner = LOOKS // min(rows, LOOKS)
    assert _looks_until_found(samples, buffer) <= (1 if sooner == 1 else LOOKS if before else sooner)


def test_a_pattern_that_is_inverted_is_found() -> None:
    """A sum of words that are not weighed would be the same."""
    pattern = np.tile(np.array([[0, 0x80808080], [0x80808080, 0]], np.uint32), (32, 32))
    memory = bytearray(pattern.tobytes())
    buffer, samples = MemoryBuffer(memory), PixelSamples(_plane(64, 64, 256))
    _all_seen(samples, buffer)
    memory[:] = (pattern ^ np.uint32(0x80808080)).tobytes()
    assert _looks_until_found(samples, buffer) == 1


@pytest.mark.parametrize("modifier", [drm.I915_FORMAT_MOD_X_TILED, drm.I915_FORMAT_MOD_Y_TILED])
def test_of_a_tiled_buffer_any_byte_is_found_by_the_eighth_look(modifier: int) -> None:
    memory = bytearray(512 * 64)
    buffer, samples = MemoryBuffer(memory), PixelSamples(_plane(128, 64, 512, modifier=modifier))
    _all_seen(samples, buffer)
    for index in range(0, len(memory), 509):
        memory[index] ^= 0xFF
        assert _looks_until_found(samples, buffer) <= LOOKS, index
        assert not any(samples.look(buffer, 0).draw for _ in range(LOOKS))


def test_a_change_is_told_with_the_time_of_the_look_before_at_the_same_rows() -> None:
    memory = bytearray(16 * 16)
    buffer, samples = MemoryBuffer(memory), PixelSamples(_plane(4, 16, 16))
    for now in range(LOOKS):
        assert samples.look(buffer, now).previous_ns is None
    memory[:] = b"\xff" * len(memory)
    look = samples.look(buffer, 100)
    assert (look.draw, look.seen_ns, look.previous_ns) == (True, 100, 0)


def test_memory_that_may_vanish_is_looked_at_by_the_kernel() -> None:
    """Of a file that was shortened meanwhile, a look is an error and no signal that kills the program."""
    fd = os.memfd_create("plane")
    os.ftruncate(fd, 1 << 16)
    buffer, samples = DmaBuffer(os.dup(fd)), PixelSamples(_plane(128, 128, 512))
    try:
        assert buffer.may_vanish
        _all_seen(samples, buffer)
        os.pwrite(fd, b"\xff", 127 * 512)
        assert _looks_until_found(samples, buffer) <= LOOKS
        os.ftruncate(fd, 4096)
        with pytest.raises(OSError, match="vanished"):
            samples.look(buffer, 0)
    finally:
        buffer.release()
        os.close(fd)


def test_rows_that_are_not_mapped_are_left_out() -> None:
    """mbochs maps no partial last page."""
    samples = PixelSamples(_plane(64, 64, 256))
    _all_seen(samples, MemoryBuffer(bytes(256 * 50 + 100)))
