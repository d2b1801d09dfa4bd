"""Where the guest's picture lies in what it is drawn into: pure geometry, both ways.

Guest coordinates are pixels of the primary plane, target coordinates are device pixels of a window or an image; both
start at the top-left corner and grow to the right and down. A point is a place between pixels: pixel (0, 0) covers
0 to 1. Turning the convention of a window system upside down is not the business of this module.
"""

from dataclasses import dataclass
from enum import Enum


class Scaling(Enum):
    """How large the picture becomes. The aspect ratio of pixels is always kept."""

    FIT = "fit"
    """As large as fits."""
    INTEGER = "integer"
    """The largest whole multiple that fits; as FIT where not even the picture itself fits."""
    ACTUAL = "actual"
    """One guest pixel is one device pixel; what does not fit is cut off."""


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
        """What both cover; may be empty."""
        return Rect(
            max(self.left, other.left),
            max(self.top, other.top),
            min(self.right, other.right),
            min(self.bottom, other.bottom),
        )


@dataclass(frozen=True, slots=True)
class Layout:
    """The guest's ``guest_width`` x ``guest_height`` pixels cover ``place`` of the target, seen through ``area``.

    ``place`` has whole edges and may reach beyond ``area`` (:attr:`Scaling.ACTUAL`); only what is in both is visible.
    """

    guest_width: int
    guest_height: int
    place: Rect
    area: Rect
    flip_x: bool = False
    flip_y: bool = False

    @property
    def scale_x(self) -> float:
        """Device pixels per guest pixel, across."""
        return self.place.width / self.guest_width

    @property
    def scale_y(self) -> float:
        """Device pixels per guest pixel, down."""
        return self.place.height / self.guest_height

    @property
    def whole(self) -> bool:
        """Whether every guest pixel covers the same whole number of device pixels, so that no filter is needed."""
        return (
            self.scale_x >= 1
            and self.place.width % self.guest_width == 0
            and self.place.height % self.guest_height == 0
        )

    @property
    def visible(self) -> Rect:
        """The part of the guest's picture that is to be seen, in guest coordinates; may be empty."""
        seen = self.place.intersect(self.area)
        if seen.empty:
            return Rect(0, 0, 0, 0)
        if seen == self.place:
            return Rect(0, 0, self.guest_width, self.guest_height)
        first, second = self.to_guest(seen.left, seen.top), self.to_guest(seen.right, seen.bottom)
        (left, right), (top, bottom) = sorted((first[0], second[0])), sorted((first[1], second[1]))
        return Rect(left, top, right, bottom)

    def affine(self) -> tuple[float, float, float, float, float, float]:
        """``(x, y, ax, ay, dx, dy)``: guest (0, 0) in the target, and one guest pixel's way across and down there.

        Everything else follows from these six, so a picture turned by quarters would change only them.
        """
        x, across = (self.place.right, -self.scale_x) if self.flip_x else (self.place.left, self.scale_x)
        y, down = (self.place.bottom, -self.scale_y) if self.flip_y else (self.place.top, self.scale_y)
        return (x, y, across, 0.0, 0.0, down)

    def to_target(self, x: float, y: float) -> tuple[float, float]:
        """A guest point in the target, visible or not."""
        left, top, ax, ay, dx, dy = self.affine()
        return (left + x * ax + y * dx, top + x * ay + y * dy)

    def to_guest(self, x: float, y: float) -> tuple[float, float]:
        """A target point in the guest, inside its picture or not."""
        left, top, ax, ay, dx, dy = self.affine()
        determinant = ax * dy - ay * dx
        x, y = x - left, y - top
        return ((x * dy - y * dx) / determinant, (y * ax - x * ay) / determinant)

    def guest_pixel(self, x: float, y: float) -> tuple[int, int] | None:
        """The guest pixel shown at a target point; None where there is none to be seen."""
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
) -> Layout:
    """Lay a picture of ``guest`` = (width, height) pixels, both at least 1, in the middle of ``area``.

    Raises ValueError for a guest without pixels. An empty area gives a picture of which nothing is visible.
    """
    width, height = guest
    if width < 1 or height < 1:
        raise ValueError(f"a picture of {width}x{height} pixels")
    fit = max(0.0, min(area.width / width, area.height / height))
    match scaling:
        case Scaling.ACTUAL:
            scale = 1.0
        case Scaling.INTEGER if fit >= 1:
            scale = float(int(fit))
        case _:
            scale = fit
    # Whole edges: a picture that starts between two device pixels is blurred at every scale.
    shown_width, shown_height = max(1, round(width * scale)), max(1, round(height * scale))
    left = area.left + (area.width - shown_width) // 2
    top = area.top + (area.height - shown_height) // 2
    where = Rect(left, top, left + shown_width, top + shown_height)
    return Layout(width, height, where, area, flip_x, flip_y)
