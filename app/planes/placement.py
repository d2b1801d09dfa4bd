"""Where the guest's picture lies in its target, which is a window or an image: geometry in both directions.

Guest coordinates are pixels of the primary plane. Target coordinates are device pixels of a window or an image. Both
start at the top-left corner and grow to the right and down. Pixel (0, 0) covers 0 to 1 on each axis.
"""

import math
from dataclasses import dataclass
from enum import Enum


class Scaling(Enum):
    """How large the picture becomes. The aspect ratio of pixels is always kept."""

    FIT = "fit"
    """As large as possible; one to one if that is nearly the same size."""
    INTEGER = "integer"
    """The largest whole multiple that fits; like FIT if the picture is larger than the area."""
    ACTUAL = "actual"
    """One guest pixel is one device pixel. A larger picture is cut off."""


class Rotation(Enum):
    """The rotation of the picture, in degrees clockwise."""

    NONE = 0
    RIGHT = 90
    HALF = 180
    LEFT = 270

    @property
    def sideways(self) -> bool:
        """Whether the guest's rows are columns of the target."""
        return self in (Rotation.RIGHT, Rotation.LEFT)


@dataclass(frozen=True, slots=True)
class Zoom:
    """How large the user wants the picture, and which part of a picture that is larger than its area.

    ``percent`` is device pixels per guest pixel in percent; None leaves the size to the :class:`Scaling`. ``x`` and
    ``y`` are the point of the rotated and mirrored picture that is in the middle of the area, 0 to 1 from the left and
    from the top. A picture that is no larger than the area is in the middle, whatever they are.
    """

    percent: int | None = None
    x: float = 0.5
    y: float = 0.5


WHOLE_PICTURE = Zoom()
"""The size that the scaling says, and the middle of the picture where that is larger than its area."""

# Scaling by less than 1 % would blur the whole picture, so up to this many device pixels stay free instead. A guest
# that follows the window has modes of whole 8-pixel cells, which are up to 7 pixels smaller than the window.
_SPARE = 8


@dataclass(frozen=True, slots=True)
class Rect:
    """A rectangle by its edges; empty when ``right <= left`` or ``bottom <= top``."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.bottom - self.top

    @property
    def empty(self) -> bool:
        return self.right <= self.left or self.bottom <= self.top

    def intersect(self, other: "Rect") -> "Rect":
        """The part that both cover; may be empty."""
        return Rect(
            max(self.left, other.left),
            max(self.top, other.top),
            min(self.right, other.right),
            min(self.bottom, other.bottom),
        )


@dataclass(frozen=True, slots=True)
class Placement:
    """The guest's ``guest_width`` x ``guest_height`` pixels cover ``place`` in the target.

    ``place`` has whole edges. Only its part inside ``area`` is visible; :attr:`Scaling.ACTUAL` and a :class:`Zoom` may
    extend beyond it.
    The picture is first rotated and then mirrored (``flip_x`` exchanges left and right of the rotated picture).
    """

    guest_width: int
    guest_height: int
    place: Rect
    area: Rect
    flip_x: bool = False
    flip_y: bool = False
    rotation: Rotation = Rotation.NONE

    @property
    def seen_size(self) -> tuple[int, int]:
        """The picture's width and height after the rotation, in guest pixels."""
        return _turned(self.guest_width, self.guest_height, self.rotation)

    @property
    def scale_x(self) -> float:
        """Device pixels per guest pixel, horizontally after the rotation."""
        return self.place.width / self.seen_size[0]

    @property
    def scale_y(self) -> float:
        """Device pixels per guest pixel, vertically after the rotation."""
        return self.place.height / self.seen_size[1]

    @property
    def whole(self) -> bool:
        """Whether every guest pixel covers the same whole number of device pixels. Then no filter is needed."""
        width, height = self.seen_size
        return self.scale_x >= 1 and self.place.width % width == 0 and self.place.height % height == 0

    @property
    def visible(self) -> Rect:
        """The visible part of the guest's picture, in guest coordinates; may be empty."""
        seen = self.place.intersect(self.area)
        if seen.empty:
            return Rect(0, 0, 0, 0)
        if seen == self.place:
            return Rect(0, 0, self.guest_width, self.guest_height)
        first, second = self.to_guest(seen.left, seen.top), self.to_guest(seen.right, seen.bottom)
        (left, right), (top, bottom) = sorted((first[0], second[0])), sorted((first[1], second[1]))
        return Rect(left, top, right, bottom)

    def affine(self) -> tuple[float, float, float, float, float, float]:
        """``(x, y, ax, ay, dx, dy)``: guest (0, 0) in the target, then the steps of one guest pixel right and down."""
        where = self.place
        # The edges of the rotated picture after mirroring, and the steps of one pixel right and down.
        left, right, across = where.left, where.right, self.scale_x
        top, bottom, down = where.top, where.bottom, self.scale_y
        if self.flip_x:
            left, right, across = right, left, -across
        if self.flip_y:
            top, bottom, down = bottom, top, -down
        match self.rotation:
            case Rotation.NONE:
                return (left, top, across, 0.0, 0.0, down)
            case Rotation.RIGHT:
                return (right, top, 0.0, down, -across, 0.0)
            case Rotation.HALF:
                return (right, bottom, -across, 0.0, 0.0, -down)
            case Rotation.LEFT:
                return (left, bottom, 0.0, -down, across, 0.0)

    def to_target(self, x: float, y: float) -> tuple[float, float]:
        """The target point of a guest point, visible or not."""
        left, top, ax, ay, dx, dy = self.affine()
        return (left + x * ax + y * dx, top + x * ay + y * dy)

    def to_guest(self, x: float, y: float) -> tuple[float, float]:
        """The guest point of a target point, inside the picture or not."""
        left, top, ax, ay, dx, dy = self.affine()
        determinant = ax * dy - ay * dx
        x, y = x - left, y - top
        return ((x * dy - y * dx) / determinant, (y * ax - x * ay) / determinant)

    def guest_pixel(self, x: float, y: float) -> tuple[int, int] | None:
        """The guest pixel shown at a target point; None outside the visible picture."""
        if not (self.area.left <= x < self.area.right and self.area.top <= y < self.area.bottom):
            return None
        column, row = self.to_guest(x, y)
        if not (0 <= column < self.guest_width and 0 <= row < self.guest_height):
            return None
        return (int(column), int(row))


def place(
    guest: tuple[int, int],
    area: Rect,
    scaling: Scaling = Scaling.FIT,
    *,
    flip_x: bool = False,
    flip_y: bool = False,
    rotation: Rotation = Rotation.NONE,
    zoom: Zoom = WHOLE_PICTURE,
) -> Placement:
    """Put a picture of ``guest`` = (width, height) pixels, both at least 1, in the middle of ``area``.

    The area shows the part of a larger picture that ``zoom`` says, as far as the picture covers the area. Raises
    ValueError for a guest without pixels. In an empty area nothing is visible.
    """
    width, height = guest
    if width < 1 or height < 1:
        raise ValueError(f"a picture of {width}x{height} pixels")
    shown_width, shown_height = shown_size(guest, area, scaling, rotation=rotation, percent=zoom.percent)
    left = _start(area.left, area.right, shown_width, zoom.x)
    top = _start(area.top, area.bottom, shown_height, zoom.y)
    where = Rect(left, top, left + shown_width, top + shown_height)
    return Placement(width, height, where, area, flip_x, flip_y, rotation)


def shown_size(
    guest: tuple[int, int],
    area: Rect,
    scaling: Scaling = Scaling.FIT,
    *,
    rotation: Rotation = Rotation.NONE,
    percent: int | None = None,
) -> tuple[int, int]:
    """Width and height of the rotated picture in device pixels, at least 1, as :func:`place` puts it in ``area``."""
    seen_width, seen_height = _turned(*guest, rotation)
    if percent is not None:
        return _scaled(seen_width, seen_height, percent / 100)
    spare = (area.width - seen_width, area.height - seen_height)
    fit = max(0.0, min(area.width / seen_width, area.height / seen_height))
    match scaling:
        case Scaling.ACTUAL:
            scale = 1.0
        case Scaling.FIT if 0 <= min(spare) < _SPARE and fit < 1.01:
            scale = 1.0
        case Scaling.INTEGER if fit >= 1:
            scale = float(int(fit))
        case _:
            scale = fit
    return _scaled(seen_width, seen_height, scale)


def _scaled(width: int, height: int, scale: float) -> tuple[int, int]:
    # Whole numbers, because a picture that ends between two device pixels is blurred at every scale.
    return max(1, round(width * scale)), max(1, round(height * scale))


def _start(first: float, last: float, length: int, middle: float) -> float:
    """The first edge of a picture of this length in an area from ``first`` to ``last``, on one axis.

    It is a whole number where the area begins with one, for the same reason as in :func:`_scaled`.
    """
    room = last - first
    if length <= room:
        return first + (room - length) // 2
    # A middle that was computed from whole edges may be less than their own by the error of a division.
    start = first + math.floor(room / 2 - middle * length + 1e-6)
    return min(first, max(last - length, start))


def _turned(width: int, height: int, rotation: Rotation) -> tuple[int, int]:
    return (height, width) if rotation.sideways else (width, height)
