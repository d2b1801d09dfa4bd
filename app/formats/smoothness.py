"""How smooth a picture is that bytes make by a layout: neighbours in a natural picture are alike.

The sum of absolute differences between neighbours, down and across, is divided by that between pixels picked at random.
So 0 is a picture that does not change from pixel to pixel, and 1 is noise. A wrong stride shears the rows, a wrong
tiling gives steps at the borders of tiles, and a wrong size of a pixel gives noise from column to column. Swapped
channels change nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from app.abi import drm_fourcc as drm
from app.formats import tiling
from app.formats.modifier import tile_of

Bytes = npt.NDArray[np.uint8]
# Shape (pairs, 2, values of a row).
Channel = npt.NDArray[np.int16]

_LEAST_PAIRS = 12
# So many values tell how they are distributed.
_VALUES = 1 << 15
# Pixels at a distance that is a multiple of these may have another neighbour: a wrong size of a pixel shows so.
_PHASES = (2, 3, 4)


@dataclass(frozen=True, slots=True)
class PixelClass:
    """Formats whose pictures are equally smooth, as only their channels are swapped, the likeliest first."""

    name: str
    formats: tuple[int, ...]
    bytes_per_pixel: int
    channels: Callable[[Bytes], list[Channel]]


def _bytes_of(size: int) -> Callable[[Bytes], list[Channel]]:
    return lambda rows: [rows[..., index::size].astype(np.int16) for index in range(size)]


def _fields(size: int, *fields: tuple[int, int]) -> Callable[[Bytes], list[Channel]]:
    """Channels of (shift, bits) in little-endian words, each widened to 0..1023."""

    def channels(rows: Bytes) -> list[Channel]:
        words = np.ascontiguousarray(rows).view(f"<u{size}")
        return [((words >> shift & (1 << bits) - 1) << (10 - bits)).astype(np.int16) for shift, bits in fields]

    return channels


def _yuv(luma: int) -> Callable[[Bytes], list[Channel]]:
    def channels(rows: Bytes) -> list[Channel]:
        chroma = 1 - luma
        picked = (rows[..., luma::2], rows[..., chroma::4], rows[..., chroma + 2 :: 4])
        return [each.astype(np.int16) for each in picked]

    return channels


CLASSES = (
    PixelClass(
        "8888",
        (
            *(drm.DRM_FORMAT_XRGB8888, drm.DRM_FORMAT_ARGB8888, drm.DRM_FORMAT_XBGR8888, drm.DRM_FORMAT_ABGR8888),
            *(drm.DRM_FORMAT_RGBX8888, drm.DRM_FORMAT_RGBA8888, drm.DRM_FORMAT_BGRX8888, drm.DRM_FORMAT_BGRA8888),
        ),
        4,
        _bytes_of(4),
    ),
    PixelClass("565", (drm.DRM_FORMAT_RGB565, drm.DRM_FORMAT_BGR565), 2, _fields(2, (0, 5), (5, 6), (11, 5))),
    PixelClass("1555", (drm.DRM_FORMAT_XRGB1555, drm.DRM_FORMAT_ARGB1555), 2, _fields(2, (0, 5), (5, 5), (10, 5))),
    PixelClass("8", (drm.DRM_FORMAT_C8,), 1, _bytes_of(1)),
    PixelClass("YUYV", (drm.DRM_FORMAT_YUYV, drm.DRM_FORMAT_YVYU), 2, _yuv(0)),
    PixelClass("UYVY", (drm.DRM_FORMAT_UYVY, drm.DRM_FORMAT_VYUY), 2, _yuv(1)),
    PixelClass(
        "2101010",
        (
            *(drm.DRM_FORMAT_XRGB2101010, drm.DRM_FORMAT_ARGB2101010),
            *(drm.DRM_FORMAT_XBGR2101010, drm.DRM_FORMAT_ABGR2101010),
        ),
        4,
        _fields(4, (0, 10), (10, 10), (20, 10)),
    ),
    PixelClass("888", (drm.DRM_FORMAT_RGB888, drm.DRM_FORMAT_BGR888), 3, _bytes_of(3)),
)


@dataclass(frozen=True, slots=True)
class Samples:
    """Pairs of neighbouring rows of the picture that the bytes make by a layout: shape (pairs, 2, bytes of a row).

    ``at_border`` tells of each pair whether a border of tiles is between its rows. ``tile_width`` is in bytes, 0 for
    a linear layout.
    """

    rows: Bytes
    at_border: npt.NDArray[np.bool_]
    tile_width: int = 0


@dataclass(frozen=True, slots=True)
class PhaseDifferences:
    """How different the bytes at two places of each four are, 0 to 1; and at the places of each three.

    In C8 no place differs from another, in formats of two bytes none from the next but one, in YUYV the luma not.
    ``first_from_grey`` and ``second_from_grey`` are how far the bytes at each second place are from 128, 0 to 1: chroma
    is not far from it.
    """

    first_second: float
    first_third: float
    second_third: float
    second_fourth: float
    of_three: float
    first_from_grey: float
    second_from_grey: float

    @property
    def of_two(self) -> float:
        return max(self.first_third, self.second_fourth)


def samples_of(
    data: Bytes, modifier: int, tile_pixel: int, stride: int, width_bytes: int, height: int, budget: int
) -> Samples:
    """About ``budget`` bytes of the picture: whole rows, so that what is at their ends counts as much as it is.

    ``tile_pixel`` is the number of bytes per pixel by which the tile is shaped. Half of the pairs are at borders of
    tiles, where there are any. ``height`` is at least 2. Of a row with less than 4 bytes, 4 are taken.
    """
    tile = tile_of(modifier, tile_pixel)
    width = width_bytes // 12 * 12 if tile is None and width_bytes >= 24 else max(4, width_bytes // 4 * 4)
    pairs = min(height - 1, max(_LEAST_PAIRS, budget // (2 * width)))
    above = _spread(height - 1, pairs)
    at_border = np.zeros(above.size, np.bool_)
    if tile is not None and height > tile.height:
        borders = (_spread((height - 1) // tile.height, pairs // 2) + 1) * tile.height - 1
        above = np.concatenate([above[::2], borders])
        at_border = above % tile.height == tile.height - 1
    y = tiling.row_offsets(modifier, tile_pixel, stride, above[:, np.newaxis] + np.arange(2))
    x = tiling.column_offsets(modifier, tile_pixel, np.arange(width))
    places = y[:, :, np.newaxis] + x
    # What is beyond the end counts as the last byte that is there.
    rows = data[np.minimum(places, data.size - 1, out=places)]
    return Samples(rows, at_border, 0 if tile is None else tile.width_bytes)


def phase_differences(samples: Samples) -> PhaseDifferences:
    """How much the bytes at one place of a pixel differ from those at another: by their histograms."""
    rows = samples.rows[..., : samples.rows.shape[2] // 12 * 12]
    counts = np.array([np.bincount(rows[..., phase::12].ravel(), minlength=256) for phase in range(12)], np.float64)

    def differ(period: int, one: int, other: int) -> float:
        """Half the sum of the differences of two histograms: 0 for equal ones, 1 where no value is in both."""
        first, second = counts[one::period].sum(axis=0), counts[other::period].sum(axis=0)
        noise = np.sqrt(256 / max(1.0, first.sum()))
        found = np.abs(first / max(1.0, first.sum()) - second / max(1.0, second.sum())).sum() / 2
        return max(0.0, float(found - 0.04 - 0.8 * noise))

    return PhaseDifferences(
        differ(4, 0, 1),
        differ(4, 0, 2),
        differ(4, 1, 2),
        differ(4, 1, 3),
        max(differ(3, 0, 1), differ(3, 1, 2), differ(3, 0, 2)),
        _from_grey(counts[0::2].sum(axis=0)),
        _from_grey(counts[1::2].sum(axis=0)),
    )


def _from_grey(counts: npt.NDArray[np.float64]) -> float:
    return float((counts * np.abs(np.arange(256) - 128)).sum() / max(1.0, counts.sum()) / 128)


def _spread(length: int, count: int) -> npt.NDArray[np.int64]:
    """``count`` numbers below ``length``, evenly spread but not in step with anything."""
    count = max(1, min(count, length))
    steps = np.random.default_rng(1).random(count)
    return ((np.arange(count) + steps) * length / count).astype(np.int64)


def roughness(samples: Samples, pixel_class: PixelClass) -> float | None:
    """The sum of the differences between neighbours, divided by that between random pixels. None for a flat picture."""
    steps = random_steps = 0.0
    group = 4 if pixel_class.bytes_per_pixel == 2 else pixel_class.bytes_per_pixel
    rows = samples.rows[..., : samples.rows.shape[2] // group * group]
    for channel in pixel_class.channels(rows):
        if channel.shape[2] < 2:
            return None
        # So many values of this channel come from a byte.
        share = channel.shape[2] / rows.shape[2]
        steps += share * (_across(channel, samples.tile_width * share) + _down(channel, samples.at_border))
        random_steps += share * 2 * _random_steps(channel)
    return steps / random_steps if random_steps > 0 else None


def _across(channel: Channel, tile_width: float) -> float:
    """The mean step to the right: of the worst phase, and with borders of tiles the mean of them and the rest."""
    columns = np.abs(channel[..., 1:] - channel[..., :-1]).reshape(-1, channel.shape[2] - 1).mean(axis=0)
    if tile_width and tile_width == int(tile_width) and columns.size >= tile_width:
        is_border = np.arange(1, columns.size + 1) % int(tile_width) == 0
        return (_worst_phase(columns[~is_border]) + float(columns[is_border].mean())) / 2
    return _worst_phase(columns)


def _worst_phase(columns: npt.NDArray[np.float64]) -> float:
    """A pixel that is read as several shows as a step in each second, third or fourth column."""
    worst = float(columns.mean())
    for phases in _PHASES:
        if columns.size >= 4 * phases:
            whole = columns[: columns.size // phases * phases].reshape(-1, phases)
            worst = max(worst, float(whole.mean(axis=0).max()))
    return worst


def _down(channel: Channel, at_border: npt.NDArray[np.bool_]) -> float:
    pairs = np.abs(channel[:, 1] - channel[:, 0]).mean(axis=1)
    if at_border.any() and not at_border.all():
        return float(pairs[at_border].mean() + pairs[~at_border].mean()) / 2
    return float(pairs.mean())


def _random_steps(channel: Channel) -> float:
    """The mean difference between two values picked at random, by their distribution F: twice the sum of F(1 - F)."""
    values = channel.ravel()
    values = values[:: values.size // _VALUES + 1]
    share = np.cumsum(np.bincount(values)) / values.size
    return float(2 * (share * (1 - share)).sum())
