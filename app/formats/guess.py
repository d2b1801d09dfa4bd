"""Guesses how the bytes of a dump are to be read: the readings whose pictures are smoothest come first.

Each combination of a tiling, a stride and a class of formats is rated by :mod:`app.formats.smoothness`, on samples.
Where two are equally smooth, the likelier one comes first: sizes with the proportions of a screen, strides of whole
cache lines, XR24 before XB24.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from app.abi import drm_fourcc as drm
from app.formats import tiling
from app.formats.fourcc import PixelFormat, format_name, fourcc_text, pixel_format
from app.formats.guess_strides import LEAST_STRIDE, TILE_BYTES, linear_strides, repeating_distances, tiled_strides
from app.formats.modifier import modifier_name, tile_of
from app.formats.reading import MAX_EDGE, MAX_STRIDE, SHORT_MODIFIERS, Parts, Reading
from app.formats.smoothness import (
    CLASSES,
    PhaseDifferences,
    PixelClass,
    Samples,
    phase_differences,
    roughness,
    samples_of,
)

Bytes = npt.NDArray[np.uint8]

LEAST_BYTES = 1024
"""Fewer bytes are no picture to guess at."""

# So many strides are tried for each tiling and size of a pixel.
_LINEAR_STRIDES = 16
_TILED_STRIDES = 8
_LEAST_ROWS = 16
# Above this the best picture is no better than noise: compressed or encrypted bytes, or no picture.
_NOISE = 0.75
# The proportions of most screens are within this factor of 16:10.
_PROPORTION, _PROPORTION_RANGE = 1.6, 1.6
_ALIGNMENT = 64
# A byte of each pixel that is nearly always 0 or 255, beside others that are not, is an unused one or opaque alpha.
_UNUSED_SHARE = 0.95
_UNUSED_BONUS = 0.75
_SAMPLED_ROWS = 64
# Factors for a stride that does not fit the size of the dump, and for bytes that no picture of a class has.
_MISFIT = 1.2
_ODD_BYTES = 0.6
# Alpha is 0 or 255 in at least so much of a picture.
_ALPHA_SHARE = 0.3
_WITH_ALPHA = (drm.DRM_FORMAT_ARGB1555, drm.DRM_FORMAT_ARGB2101010)
# So many bytes are looked at to rate a candidate, and to rate the best ones again.
_FIRST_SAMPLE, _SECOND_SAMPLE = 1 << 17, 1 << 20
_RATED_AGAIN = 24


@dataclass(frozen=True, slots=True)
class RankedReading:
    """``score`` is 0 for the smoothest and likeliest picture and about 1 for noise.

    ``also``: formats with swapped channels, which are as smooth.
    """

    reading: Reading
    score: float
    also: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Guess:
    """The best reading comes first. ``note`` says why there is none, or why none can be trusted; empty if one can."""

    readings: tuple[RankedReading, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class _Layout:
    """``tile_pixel`` is the number of bytes per pixel by which the tile is shaped."""

    modifier: int
    tile_pixel: int


@dataclass(frozen=True, slots=True)
class _Candidate:
    layout: _Layout
    pixel_class: PixelClass
    stride: int


@dataclass(frozen=True, slots=True)
class _Rated:
    """``score`` is the roughness and how unlikely the candidate is otherwise; ``formats`` has the likeliest first."""

    candidate: _Candidate
    roughness: float
    score: float
    formats: tuple[int, ...]


def guess(memory: memoryview, known: Parts, offset: int = 0, count: int = 10) -> Guess:
    """The ``count`` best readings of the bytes from ``offset``. What is ``known`` is kept.

    Raises ValueError, with the reason for a user, for too few bytes and for a known part that this program cannot read.
    """
    data = np.frombuffer(memory, np.uint8)[offset:]
    if data.size < LEAST_BYTES:
        raise ValueError(f"{data.size} bytes are too few to guess what they are")
    if _is_flat(data):
        return Guess((), "all pixels have the same value: every reading makes the same picture, so nothing can be told")
    if known.size is not None and not all(1 <= each <= MAX_EDGE for each in known.size):
        # The document beside the dump of an impossible plane.
        known = replace(known, size=None)
    candidates = [each for layout, classes in _layouts(known) for each in _candidates(data, known, layout, classes)]
    first = _rate(data, known, candidates, _FIRST_SAMPLE)[: max(_RATED_AGAIN, 2 * count)]
    rated = _rate(data, known, [each.candidate for each in first], _SECOND_SAMPLE)[:count]
    if not rated:
        return Guess((), "no reading fits what is known: leave some of it out")
    readings = tuple(RankedReading(_sized(data, known, each, offset), each.score, each.formats[1:]) for each in rated)
    if min(each.roughness for each in rated) > _NOISE:
        return Guess(readings, "no reading is smooth: the bytes are compressed, or no picture")
    return Guess(readings)


def _rate(data: Bytes, known: Parts, candidates: list[_Candidate], budget: int) -> list[_Rated]:
    """The candidates, the likeliest first; ``budget`` is how many bytes of each are looked at."""
    rated: list[_Rated] = []
    seen: dict[tuple[_Layout, int, int], tuple[Samples, PhaseDifferences, int | None] | None] = {}
    for each in candidates:
        width = each.stride if known.size is None else known.size[0] * each.pixel_class.bytes_per_pixel
        key = (each.layout, each.stride, width)
        if key not in seen:
            # Candidates of the same samples follow one another.
            samples = _samples(data, known, each.layout, each.stride, width, budget)
            facts = None if samples is None else (samples, phase_differences(samples), _unused_byte(samples))
            seen = {key: facts}
        if (found := seen[key]) is None:
            continue
        samples, phases, unused = found
        rough = roughness(samples, each.pixel_class)
        if rough is not None:
            formats = _likely_formats(each.pixel_class, samples, unused, known.fourcc)
            odd_alpha = _is_odd_alpha(each.pixel_class, formats[0], samples, unused)
            doubt = _doubt(each, known, data.size, unused) * _doubt_of_class(each.pixel_class, phases, odd_alpha)
            rated.append(_Rated(each, rough, rough * doubt, formats))
    return sorted(rated, key=lambda each: each.score)


def guess_document(result: Guess) -> dict[str, Any]:
    """The result as JSON. A published key keeps its meaning."""
    return {
        "version": 1,
        "kind": "guess",
        "note": result.note,
        "readings": [
            {
                "as": str(each.reading),
                "score": round(each.score, 4),
                "fourcc": fourcc_text(each.reading.fourcc),
                "format_name": format_name(each.reading.fourcc),
                "modifier": each.reading.modifier,
                "modifier_name": modifier_name(each.reading.modifier),
                "width": each.reading.width,
                "height": each.reading.height,
                "stride": each.reading.stride,
                "offset": each.reading.offset,
                "also": [fourcc_text(fourcc) for fourcc in each.also],
            }
            for each in result.readings
        ],
    }


def _pixels(pixel_class: PixelClass) -> PixelFormat:
    pixels = pixel_format(pixel_class.formats[0])
    assert pixels is not None
    return pixels


def _is_flat(data: Bytes) -> bool:
    words = data[: data.size // 4 * 4].reshape(-1, 4)
    return bool((words == words[0]).all())


def _layouts(known: Parts) -> Iterator[tuple[_Layout, tuple[PixelClass, ...]]]:
    """Each tiling, with the classes that it can have. Raises ValueError for what is known but cannot be read."""
    classes = tuple(each for each in CLASSES if known.fourcc is None or known.fourcc in each.formats)
    if not classes:
        raise ValueError(f"the format {fourcc_text(known.fourcc or 0)} is not known")
    modifiers = tuple(SHORT_MODIFIERS.values()) if known.modifier is None else (known.modifier,)
    for modifier in modifiers:
        if modifier not in SHORT_MODIFIERS.values():
            # Raises the reason.
            Reading(classes[0].formats[0], modifier, 1, 1, MAX_STRIDE)
        if modifier != drm.I915_FORMAT_MOD_Yf_TILED:
            yield _Layout(modifier, 4), classes
            continue
        for tile_pixel in (1, 2, 4):
            fitting = tuple(each for each in classes if each.bytes_per_pixel == tile_pixel)
            if fitting:
                yield _Layout(modifier, tile_pixel), fitting


def _candidates(data: Bytes, known: Parts, layout: _Layout, classes: tuple[PixelClass, ...]) -> Iterator[_Candidate]:
    """Those of the same stride follow one another."""
    by_stride: dict[int, list[PixelClass]] = {}
    searched: dict[int, list[int]] = {}
    is_linear = layout.modifier == drm.DRM_FORMAT_MOD_LINEAR
    most = data.size // _LEAST_ROWS if known.size is None else 8 * known.size[0] + TILE_BYTES
    if known.stride is not None:
        likely = [known.stride]
    elif is_linear:
        distances = repeating_distances(data, most)
    else:
        likely = tiled_strides(data, layout.modifier, layout.tile_pixel, most)
    for each in classes:
        least, longest = LEAST_STRIDE, most
        if known.size is not None:
            least = _pixels(each).row_bytes(known.size[0])
            # No driver has a stride twice as long as a row, and no dump is less than half.
            longest = TILE_BYTES + 2 * min(least, data.size // known.size[1])
        if known.stride is not None or not is_linear:
            strides = [stride for stride in likely if least <= stride <= max(longest, known.stride or 0)]
            strides = strides[:_TILED_STRIDES]
        else:
            if least not in searched:
                wanted = distances | _aligned(least, known)
                searched[least] = linear_strides(data, wanted, least, longest, _LINEAR_STRIDES)
            strides = searched[least]
        for stride in strides:
            by_stride.setdefault(stride, []).append(each)
    for stride, fitting in by_stride.items():
        yield from (_Candidate(layout, each, stride) for each in sorted(fitting, key=lambda each: each.bytes_per_pixel))


def _samples(data: Bytes, known: Parts, layout: _Layout, stride: int, width: int, budget: int) -> Samples | None:
    tile = tile_of(layout.modifier, layout.tile_pixel)
    if tile is None:
        height = (data.size - width) // stride + 1 if data.size >= width else 0
    elif stride % tile.width_bytes:
        return None
    else:
        height = data.size // TILE_BYTES * tile.width_bytes // stride * tile.height
    if known.size is not None:
        height = min(height, known.size[1])
    if height < 2:
        return None
    return samples_of(data, layout.modifier, layout.tile_pixel, stride, width, height, budget)


def _aligned(row: int, known: Parts) -> set[int]:
    """The strides that drivers choose for rows of so many bytes."""
    if known.size is None:
        return set()
    return {-(-row // unit) * unit for unit in (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096)}


def _likely_formats(
    pixel_class: PixelClass, samples: Samples, unused: int | None, known: int | None
) -> tuple[int, ...]:
    """The formats of a class, the likeliest first: those whose unused byte is where one is, or with alpha."""
    if known is not None:
        return (known,)
    formats = pixel_class.formats
    if pixel_class.name == "8888":
        # XR24 and XB24, RX24 and BX24, or AR24 and AB24.
        first = {3: (0, 2), 0: (4, 6), None: (1, 3)}[unused]
        return tuple(formats[index] for index in (*first, *(each for each in range(8) if each not in first)))
    if pixel_class.name in ("1555", "2101010"):
        pixel = pixel_class.bytes_per_pixel
        # The bits above the channels. Where they change they are alpha.
        top = samples.rows[..., pixel - 1 :: pixel] >> (7 if pixel == 2 else 6)
        if top.max() != top.min():
            return (formats[1], formats[0], *formats[:1:-1])
    return formats


def _is_odd_alpha(pixel_class: PixelClass, likeliest: int, samples: Samples, unused: int | None) -> bool:
    """Whether what would be alpha is hardly ever 0 or 255; or changes, in formats that have one or two bits for it."""
    if pixel_class.name != "8888":
        return likeliest in _WITH_ALPHA
    if unused is not None:
        return False
    alpha = samples.rows[..., 3::4]
    return float(((alpha == 0) | (alpha == 255)).mean()) < _ALPHA_SHARE


def _unused_byte(samples: Samples) -> int | None:
    """Which byte of four, 3 or 0, is nearly always 0 or 255 while the others are not; None for none."""
    shares = [max(float((samples.rows[..., phase::4] == value).mean()) for value in (0, 255)) for phase in range(4)]
    for phase in (3, 0):
        others = [share for index, share in enumerate(shares) if index != phase]
        if shares[phase] >= _UNUSED_SHARE and max(others) < _UNUSED_SHARE:
            return phase
    return None


def _doubt(candidate: _Candidate, known: Parts, total: int, unused: int | None) -> float:
    """A factor above 1 for what is unlikely, however smooth it is, and below 1 for what is likely."""
    stride, pixel_class, modifier = candidate.stride, candidate.pixel_class, candidate.layout.modifier
    tile = tile_of(modifier, candidate.layout.tile_pixel)
    lines = 1 if tile is None else tile.height
    doubt = 1 + 0.001 * (CLASSES.index(pixel_class) + list(SHORT_MODIFIERS.values()).index(modifier))
    if known.size is None:
        width, height = max(1, stride // pixel_class.bytes_per_pixel), max(1, total // stride)
        doubt += 0.6 * max(0.0, abs(math.log(width / height / _PROPORTION)) - math.log(_PROPORTION_RANGE))
        # A dump of whole rows, or of whole rows of tiles. A short or a padded one is neither.
        fits = total % (stride * lines) == 0
    else:
        rows = -(-known.size[1] // lines) * lines
        least = stride * (rows - 1) + known.size[0] * pixel_class.bytes_per_pixel if tile is None else stride * rows
        # No driver wastes half of a row.
        doubt += max(0.0, 1 - _pixels(pixel_class).row_bytes(known.size[0]) / stride - 0.2)
        fits = least <= total <= -(-stride * rows // TILE_BYTES) * TILE_BYTES
    doubt *= 1 if fits else _MISFIT
    doubt += 0.05 * (stride % _ALIGNMENT != 0) + 0.02 * (stride % pixel_class.bytes_per_pixel != 0)
    return doubt * (_UNUSED_BONUS if pixel_class.name == "8888" and unused is not None else 1)


def _doubt_of_class(pixel_class: PixelClass, phases: PhaseDifferences, odd_alpha: bool) -> float:
    """The same for a class of formats whose bytes should differ in another way than they do.

    ``odd_alpha``: the bits beside the channels are neither unused nor as alpha is.
    """
    match pixel_class.name:
        case "8":
            return 1 + max(phases.of_three, phases.of_two, phases.first_second)
        case "565":
            return 1 + phases.of_two
        case "1555":
            return 1 + phases.of_two + (_ODD_BYTES if odd_alpha else 0)
        case "YUYV":
            return 1 + phases.first_third + phases.second_from_grey + (0 if phases.first_second else _ODD_BYTES)
        case "UYVY":
            return 1 + phases.second_fourth + phases.first_from_grey + (0 if phases.first_second else _ODD_BYTES)
        case "888":
            return 1.1 if phases.of_three else 1.1 + _ODD_BYTES
    # The luma of YUYV and of UYVY.
    luma = (not phases.first_third and phases.first_second) or (not phases.second_fourth and phases.second_third)
    odd = luma or not phases.of_two or odd_alpha
    return 1 + _ODD_BYTES if odd else 1


def _sized(data: Bytes, known: Parts, rated: _Rated, offset: int) -> Reading:
    """The reading with the size that its padding suggests: rows and columns at the end that are all zero."""
    modifier, stride = rated.candidate.layout.modifier, rated.candidate.stride
    if known.size is not None:
        return Reading(rated.formats[0], modifier, *known.size, stride, offset)
    # The least size has the layout's stride.
    smallest = Reading(rated.formats[0], modifier, 1, 1, stride, offset)
    pixels = smallest.pixels
    pixel = pixels.bytes_per_pixel
    tile = tile_of(modifier, pixel)
    lines = 1 if tile is None else tile.height
    height = max(1, min(data.size // (stride * lines) * lines, MAX_EDGE))
    sampled = np.unique(np.linspace(0, height - 1, _SAMPLED_ROWS).astype(np.int64))
    down = tiling.row_offsets(modifier, pixel, stride, sampled)
    across = tiling.column_offsets(modifier, pixel, np.arange(stride))
    used = np.flatnonzero(data[np.minimum(down[:, np.newaxis] + across, data.size - 1)].any(axis=0))
    row = int(used[-1]) + 1 if used.size else stride
    width = -(-row // (pixel * pixels.width_multiple)) * pixels.width_multiple
    # Half a screen of black is no padding.
    if row * 2 < stride or pixels.row_bytes(width) > stride:
        width = stride // (pixel * pixels.width_multiple) * pixels.width_multiple
    width = max(1, min(width, MAX_EDGE))
    height = _without_padding(data, smallest, height, pixels.row_bytes(width))
    return Reading(rated.formats[0], modifier, width, height, stride, offset)


def _without_padding(data: Bytes, reading: Reading, height: int, row: int) -> int:
    """The height without the empty rows at the end that make whole tiles or pages."""
    pixel = reading.pixels.bytes_per_pixel
    tile = tile_of(reading.modifier, pixel)
    padding = TILE_BYTES // reading.stride if tile is None else tile.height - 1
    across = tiling.column_offsets(reading.modifier, pixel, np.arange(row))
    for left in range(height, max(1, height - padding), -1):
        start = int(tiling.row_offsets(reading.modifier, pixel, reading.stride, left - 1))
        if data[start + across].any():
            return left
    return max(1, height - padding)
