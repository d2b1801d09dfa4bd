"""The guest's desktop without the moving parts, drawn once for each mode."""

from dataclasses import dataclass

import numpy as np

from app.formats.decode import Rgba
from app.sim.guest.drawing import Mask, PixelRect, colour, fill, ramp, rounded, tint
from app.sim.guest.glyphs import ADVANCE, HEIGHT, LINE, draw_text, text_width
from app.sim.guest.testcard import draw_testcard
from app.sim.guest.wallpaper import draw_diagonal, draw_edges, draw_wallpaper

# A smaller desktop gets no windows, because their text would not be readable.
_MIN_WIDTH = 300
_MIN_HEIGHT = 220

_TITLE = 15
_BAR = 20
_INK = "e6e9f5"
_FAINT = "8f98b8"
_ACCENT = "7aa2ff"


@dataclass(frozen=True, slots=True)
class Desktop:
    """The opaque picture, shape (height, width, 4), and the place of the frame counter (empty if it does not fit).

    ``unit`` is the size of one cell of text in pixels.
    """

    rgba: Rgba
    unit: int
    counter: PixelRect


def draw_desktop(width: int, height: int, lines: tuple[tuple[str, str], ...]) -> Desktop:
    """Draw the desktop; ``lines`` are the names and values in the window that describes the simulated device."""
    rgba = np.empty((height, width, 4), np.uint8)
    unit = max(1, round(min(width / 1920, height / 1080) * 2))
    draw_wallpaper(rgba)
    draw_diagonal(rgba)
    if width < _MIN_WIDTH or height < _MIN_HEIGHT:
        small = PixelRect(width // 4, height // 4, width - width // 4, height - height // 4)
        draw_testcard(rgba, small, 0)
        draw_edges(rgba, unit)
        return Desktop(rgba, unit, PixelRect(0, 0, 0, 0))
    card = PixelRect(width * 6 // 100, height * 9 // 100, width * 53 // 100, height * 75 // 100)
    draw_testcard(rgba, _window(rgba, card, "Test card", unit).inset(5 * unit), 3 * unit)
    longest = max(len(name) + 2 + len(value) for name, value in lines) + 2
    info = PixelRect(0, 0, (longest * ADVANCE + 10) * unit, (_TITLE + (len(lines) + 2) * LINE + 8) * unit)
    right, top = width * 95 // 100, height * 16 // 100
    _about(rgba, _window(rgba, info.moved(right - info.width, top), "vGPU", unit), lines, unit)
    counter = _task_bar(rgba, unit)
    draw_edges(rgba, unit)
    return Desktop(rgba, unit, counter)


def _window(rgba: Rgba, place: PixelRect, title: str, unit: int) -> PixelRect:
    """Draw a window with shadow and title; the returned rectangle is for its contents."""
    _shadow(rgba, place.moved(0, 3 * unit), 14 * unit)
    radius = 5 * unit
    under = place.clipped(rgba.shape[1], rgba.shape[0]).of(rgba)
    corners = [
        (rows, columns)
        for rows in (slice(0, radius), slice(-radius, None))
        for columns in (slice(0, radius), slice(-radius, None))
    ]
    kept = [under[rows, columns].copy() for rows, columns in corners]
    bar = PixelRect(place.left, place.top, place.right, place.top + _TITLE * unit)
    fill(rgba, bar, ramp(bar.height, (0.0, "3a4260"), (1.0, "2a3049"))[:, np.newaxis])
    fill(rgba, PixelRect(bar.left, bar.bottom, place.right, place.bottom), colour("141824"))
    fill(rgba, PixelRect(bar.left, bar.bottom - max(1, unit // 2), bar.right, bar.bottom), colour("0d1019"))
    fill(rgba, PixelRect(bar.left, bar.top, bar.right, bar.top + max(1, unit // 2)), colour("5a648c"))
    mask = rounded(2 * radius, 2 * radius, radius)[..., np.newaxis]
    for (rows, columns), old in zip(corners, kept, strict=True):
        part, cover = under[rows, columns], mask[rows, columns]
        part[...] = old + (part.astype(np.float32) - old) * cover + 0.5
    middle = bar.top + bar.height // 2
    for number, shade in enumerate(("ff5f57", "febc2e", "28c840")):
        x, size = bar.left + (6 + 9 * number) * unit, 6 * unit
        dot = PixelRect(x, middle - size // 2, x + size, middle - size // 2 + size)
        tint(rgba, dot, shade, rounded(size, size, size / 2))
    left = place.left + (place.width - text_width(title, unit)) // 2
    draw_text(rgba, left, middle - HEIGHT * unit // 2, title, _INK, unit)
    return PixelRect(place.left, bar.bottom, place.right, place.bottom)


def _shadow(rgba: Rgba, place: PixelRect, reach: int) -> None:
    """Draw a soft shadow around ``place``, but not under it, where the window will be."""
    whole = place.inset(-reach)

    def falloff(length: int) -> Mask:
        steps = np.arange(length, dtype=np.float32) + 0.5
        inward = np.clip(np.minimum(steps, length - steps) / (2 * reach), 0, 1)
        smooth: Mask = inward * inward * (3 - 2 * inward)
        return smooth

    across, down = falloff(whole.width), falloff(whole.height) * np.float32(0.55)
    strips = (
        PixelRect(0, 0, whole.width, 2 * reach),
        PixelRect(0, whole.height - 2 * reach, whole.width, whole.height),
        PixelRect(0, 2 * reach, 2 * reach, whole.height - 2 * reach),
        PixelRect(whole.width - 2 * reach, 2 * reach, whole.width, whole.height - 2 * reach),
    )
    for strip in strips:
        weight = down[strip.top : strip.bottom, np.newaxis] * across[np.newaxis, strip.left : strip.right]
        tint(rgba, strip.moved(whole.left, whole.top), "05060f", weight)


def _about(rgba: Rgba, place: PixelRect, lines: tuple[tuple[str, str], ...], unit: int) -> None:
    left, top = place.left + 6 * unit, place.top + 7 * unit
    draw_text(rgba, left, top, "$", "5fd38d", unit)
    draw_text(rgba, left + 2 * ADVANCE * unit, top, "vgpu --show", _INK, unit)
    names = max(len(name) for name, _ in lines)
    for number, (name, value) in enumerate(lines, 1):
        y = top + number * LINE * unit
        draw_text(rgba, left, y, name, _ACCENT, unit)
        draw_text(rgba, left + (names + 2) * ADVANCE * unit, y, value, _INK, unit)
    y = top + (len(lines) + 1) * LINE * unit
    draw_text(rgba, left, y, "$", "5fd38d", unit)
    fill(rgba, PixelRect(left + 12 * unit, y, left + 17 * unit, y + HEIGHT * unit), colour(_FAINT))


def _task_bar(rgba: Rgba, unit: int) -> PixelRect:
    """Draw the bar at the bottom edge; the returned rectangle is for the frame counter."""
    height, width, _ = rgba.shape
    bar = PixelRect(0, height - _BAR * unit, width, height)
    tint(rgba, bar, "080b16", 0.82)
    tint(rgba, PixelRect(bar.left, bar.top, bar.right, bar.top + max(1, unit // 2)), "aab4dd", 0.25)
    middle = bar.top + bar.height // 2
    size = 12 * unit
    logo = PixelRect(bar.left + 6 * unit, middle - size // 2, bar.left + 6 * unit + size, middle - size // 2 + size)
    tint(rgba, logo, _ACCENT, rounded(size, size, 3 * unit))
    inner = logo.inset(3 * unit)
    tint(rgba, inner, "0b1022", rounded(inner.width, inner.height, unit))
    left = logo.right + 6 * unit
    for label in ("Test card", "vGPU"):
        wide = text_width(label, unit) + 10 * unit
        button = PixelRect(left, bar.top + 4 * unit, left + wide, bar.bottom - 4 * unit)
        tint(rgba, button, "8fa2e8", rounded(button.width, button.height, 3 * unit) * np.float32(0.22))
        draw_text(rgba, left + 5 * unit, middle - HEIGHT * unit // 2, label, _INK, unit)
        left = button.right + 4 * unit
    wide = text_width("frame 0000000", unit)
    top = middle - HEIGHT * unit // 2
    counter = PixelRect(bar.right - 8 * unit - wide, top, bar.right - 8 * unit, top + HEIGHT * unit)
    return counter if counter.left > left else PixelRect(0, 0, 0, 0)
