"""The test card in a window of the desktop. It makes wrong colours, lost bits and scaling visible."""

import numpy as np

from app.formats.decode import Rgba
from app.sim.guest.drawing import Packed, PixelRect, colour, fill, ramp

_BARS = ("ffffff", "ffff00", "00ffff", "00ff00", "ff00ff", "ff0000", "0000ff", "000000")
_WHITE, _BLACK = colour("ffffff"), colour("000000")


def draw_testcard(rgba: Rgba, place: PixelRect, gap: int) -> None:
    """Fill ``place`` with rows that are ``gap`` pixels apart; it must lie inside the picture."""
    shares = ((_bars, 30), (_steps, 8), (_grey, 7), (_primaries, 15), (_patterns, 40))
    free = place.height - gap * (len(shares) - 1)
    top = place.top
    for number, (draw, share) in enumerate(shares):
        last = number == len(shares) - 1
        bottom = place.bottom if last else top + free * share // 100
        draw(rgba, PixelRect(place.left, top, place.right, bottom), gap)
        top = bottom + gap


def _columns(place: PixelRect, count: int) -> list[PixelRect]:
    edges = [place.left + place.width * number // count for number in range(count + 1)]
    return [PixelRect(*edge, place.bottom) for edge in zip(edges, [place.top] * count, edges[1:], strict=False)]


def _bars(rgba: Rgba, place: PixelRect, _gap: int) -> None:
    for bar, shade in zip(_columns(place, len(_BARS)), _BARS, strict=True):
        fill(rgba, bar, colour(shade))


def _steps(rgba: Rgba, place: PixelRect, _gap: int) -> None:
    for number, step in enumerate(_columns(place, 16)):
        fill(rgba, step, colour(f"{number * 17:02x}" * 3))


def _grey(rgba: Rgba, place: PixelRect, _gap: int) -> None:
    fill(rgba, place, ramp(place.width, (0.0, "000000"), (1.0, "ffffff")))


def _primaries(rgba: Rgba, place: PixelRect, _gap: int) -> None:
    for number, shade in enumerate(("ff0000", "00ff00", "0000ff")):
        top = place.top + place.height * number // 3
        bottom = place.top + place.height * (number + 1) // 3
        band = PixelRect(place.left, top, place.right, bottom)
        fill(rgba, band, ramp(place.width, (0.0, "000000"), (1.0, shade)))


def _patterns(rgba: Rgba, place: PixelRect, gap: int) -> None:
    """Four patterns of single pixels, hues, and a zone plate, whose rings show moire if the picture is scaled."""
    plate = min(place.height, place.width * 2 // 5)
    left = PixelRect(place.left, place.top, place.right - plate - gap, place.bottom)
    middle = left.top + (left.height - gap) // 2
    top = place.top + (place.height - plate) // 2
    fill(rgba, PixelRect(place.right - plate, top, place.right, top + plate), _zone_plate(plate))
    upper = PixelRect(left.left, left.top, left.right, middle)
    for number, cell in enumerate(_columns(upper, 4)):
        part = PixelRect(cell.left, cell.top, cell.right - (gap if number < 3 else 0), cell.bottom)
        y, x = np.arange(part.height)[:, np.newaxis], np.arange(part.width)[np.newaxis, :]
        lit = ((x + y) % 2, x % 2, y % 2, (x // 2 + y // 2) % 2)[number]
        fill(rgba, part, np.array([_BLACK, _WHITE], np.uint32)[lit])
    lower = PixelRect(left.left, middle + gap, left.right, left.bottom)
    fill(rgba, lower, _hues(lower.width, lower.height))


def _zone_plate(size: int) -> Packed:
    offsets = np.arange(size, dtype=np.float32) - size / 2
    distance = offsets[np.newaxis, :] ** 2 + offsets[:, np.newaxis] ** 2
    # The rings narrow towards the edge, where two pixels make one.
    level = (127.5 + 127.5 * np.cos(distance * np.float32(np.pi / size))).astype(np.uint32)
    grey: Packed = level * np.uint32(0x010101) | np.uint32(0xFF000000)
    return grey


def _hues(width: int, height: int) -> Packed:
    """All hues from left to right, light above, dark below."""
    angle = np.linspace(0, 6, width, endpoint=False, dtype=np.float32)
    depth = np.linspace(0, 1, height, dtype=np.float32)[:, np.newaxis]
    pixels = np.full((height, width, 4), 255, np.uint8)
    for index, start in enumerate((0, 4, 2)):
        pure = np.clip(np.abs((angle - start + 3) % 6 - 3) * -1 + 2, 0, 1)[np.newaxis, :]
        light = np.where(depth < 0.5, 1 - (1 - pure) * depth * 2, pure * (2 - 2 * depth))
        pixels[..., index] = light * 255 + 0.5
    return pixels.view("<u4")[..., 0]
