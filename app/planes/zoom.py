"""Which zoom follows a user's wheel, key or drag: pure geometry over a :class:`app.planes.placement.Placement`."""

from dataclasses import dataclass

from app.planes.placement import Placement, Rect, Rotation, Scaling, Zoom, place, shown_size

STEPS = (25, 33, 50, 67, 75, 100, 125, 150, 200, 300, 400)
"""The sizes that keys and wheel choose, in percent."""


def percent_of(placement: Placement) -> int:
    """The size of the picture as it is shown, in percent, at least 1."""
    seen_width, seen_height = placement.seen_size
    # The longer side has the smaller error of rounding.
    scale = placement.scale_x if seen_width >= seen_height else placement.scale_y
    return max(1, round(100 * scale))


def next_step(percent: int, steps: int) -> int:
    """The size that is ``steps`` steps larger than ``percent``, or smaller if negative; the last one beyond the end."""
    for _ in range(abs(steps)):
        if steps > 0:
            percent = next((each for each in STEPS if each > percent), STEPS[-1])
        else:
            percent = next((each for each in reversed(STEPS) if each < percent), STEPS[0])
    return percent


def zoomed(before: Placement, percent: int, area: Rect, x: float, y: float) -> Zoom:
    """The zoom with this size where the same point of the picture is at a target point ``x``, ``y``.

    ``area`` is the area after the zoom; it differs where scroll bars come or go. A point beside the picture counts as
    the nearest one of the picture. Where the picture would leave a part of the area free, it is moved to cover it.
    """
    where = before.place
    across = _between((x - where.left) / where.width)
    down = _between((y - where.top) / where.height)
    guest = (before.guest_width, before.guest_height)
    width, height = shown_size(guest, area, rotation=before.rotation, percent=percent)
    # The point is `across * width` from the left edge, which then is at `x - across * width`.
    middle_x = ((area.left + area.right) / 2 - x) / width + across
    middle_y = ((area.top + area.bottom) / 2 - y) / height + down
    # What the picture's edges allow, so that a drag in the other direction has an effect at once.
    return moved(place(guest, area, rotation=before.rotation, zoom=Zoom(percent, middle_x, middle_y)), percent, 0, 0)


def moved(placement: Placement, percent: int | None, right: float, down: float) -> Zoom:
    """The zoom with the picture moved by device pixels, as far as it still covers the area."""
    area, where = placement.area, placement.place
    x = _middle(area.left, area.right, where.left + right, where.width)
    y = _middle(area.top, area.bottom, where.top + down, where.height)
    return Zoom(percent, x, y)


def _middle(first: float, last: float, start: float, length: float) -> float:
    if length <= last - first:
        return 0.5
    start = min(first, max(last - length, start))
    return ((first + last) / 2 - start) / length


def _between(value: float) -> float:
    return min(1.0, max(0.0, value))


@dataclass(frozen=True, slots=True)
class Bars:
    """Which scroll bars a picture needs."""

    horizontal: bool = False
    vertical: bool = False


def needed_bars(
    guest: tuple[int, int], scaling: Scaling, rotation: Rotation, percent: int | None, room: Rect, bar: int
) -> Bars:
    """The scroll bars of a picture in ``room``, where a bar is ``bar`` device pixels thick and takes from the room.

    A scaling that fits the picture into its area needs none.
    """
    if percent is None and scaling is not Scaling.ACTUAL:
        return Bars()
    width, height = shown_size(guest, room, scaling, rotation=rotation, percent=percent)
    horizontal = width > room.width
    vertical = height > room.height - (bar if horizontal else 0)
    return Bars(horizontal or (vertical and width > room.width - bar), vertical)
