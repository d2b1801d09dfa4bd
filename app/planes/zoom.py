"""Which zoom follows a user's wheel, key or drag: pure geometry over a :class:`app.planes.placement.Placement`."""

from dataclasses import dataclass

from app.planes.placement import Placement, Rect, Rotation, Scaling, Zoom, shown_size

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


def zoomed(before: Placement, zoom: Zoom, percent: int, area: Rect, x: float, y: float) -> Zoom:
    """The zoom with this size where the same point of the picture is at a target point ``x``, ``y``.

    ``before`` is the placement with ``zoom``. ``area`` is the area after the zoom; it differs where scroll bars come or
    go. A point beside the picture counts as the nearest one of the picture. Where the picture would leave a part of
    the area free, it is moved to cover it. Some steps in and out again end where they began.
    """
    guest = (before.guest_width, before.guest_height)
    width, height = shown_size(guest, area, rotation=before.rotation, percent=percent)
    old, where = before.area, before.place
    across = _point(zoom.x, where.left, where.width, old.left, old.right, x)
    down = _point(zoom.y, where.top, where.height, old.top, old.bottom, y)
    # The point is `across * width` from the left edge, which then is at `x - across * width`.
    return Zoom(
        percent,
        _bounded(((area.left + area.right) / 2 - x) / width + across, area.width, width),
        _bounded(((area.top + area.bottom) / 2 - y) / height + down, area.height, height),
    )


def moved(placement: Placement, zoom: Zoom, right: float, down: float) -> Zoom:
    """The zoom with the picture moved by device pixels, as far as it still covers the area.

    ``placement`` is the placement with ``zoom``.
    """
    area, where = placement.area, placement.place
    x = _bounded(zoom.x, area.width, where.width) - right / where.width
    y = _bounded(zoom.y, area.height, where.height) - down / where.height
    return Zoom(zoom.percent, _bounded(x, area.width, where.width), _bounded(y, area.height, where.height))


def _point(middle: float, start: float, length: float, first: float, last: float, at: float) -> float:
    """Where on the picture the target point ``at`` is, on one axis: 0 at its first edge, 1 at its last one.

    ``start`` is rounded to a whole device pixel. From the middle, which is not, many small steps add up to no error.
    """
    room = last - first
    if length > room:
        start = (first + last) / 2 - _bounded(middle, room, length) * length
    return min(1.0, max(0.0, (at - start) / length))


def _bounded(middle: float, room: float, length: float) -> float:
    """The middle of a picture that covers the room, as near to ``middle`` as possible."""
    if length <= room:
        return 0.5
    half = room / 2 / length
    return min(1 - half, max(half, middle))


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
