"""Rectangles of a picture whose pixels changed, and how few of them cover all."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce

MOST_MERGED = 32
"""So many rectangles are merged at most. If there are more, one covers all of them."""


@dataclass(frozen=True, slots=True)
class DamagedRect:
    """A rectangle of a picture whose pixels changed, in pixels from the top-left corner of the picture.

    It is so for every plane, also for one whose first row in memory is the bottom one.
    """

    x: int
    y: int
    width: int
    height: int

    @property
    def area(self) -> int:
        """In pixels."""
        return self.width * self.height

    def within(self, width: int, height: int) -> "DamagedRect | None":
        """The part inside a picture of this size; None if there is none."""
        left, top = max(0, self.x), max(0, self.y)
        right, bottom = min(width, self.x + self.width), min(height, self.y + self.height)
        return DamagedRect(left, top, right - left, bottom - top) if left < right and top < bottom else None

    def united(self, other: "DamagedRect") -> "DamagedRect":
        """The smallest rectangle that covers both, which are not empty."""
        left, top = min(self.x, other.x), min(self.y, other.y)
        right = max(self.x + self.width, other.x + other.width)
        bottom = max(self.y + self.height, other.y + other.height)
        return DamagedRect(left, top, right - left, bottom - top)


def merged(rects: Iterable[DamagedRect], width: int, height: int, cost: int) -> list[DamagedRect]:
    """Rectangles inside a picture of ``width`` x ``height`` that cover all of ``rects`` in it; few, and not too large.

    ``cost`` is what one more rectangle costs, in pixels: two become one where that covers no more others than so many.
    ``rects`` may come from outside: their coordinates are whatever they are, and many take no long time.
    """
    found: list[DamagedRect] = []
    for each in rects:
        rect = each.within(width, height)
        if rect is None:
            continue
        place = 0
        while place < len(found):
            union = rect.united(found[place])
            if union.area > rect.area + found[place].area + cost:
                place += 1
                continue
            # It is larger now, so what it was compared with before may fit too.
            rect = union
            del found[place]
            place = 0
        found.append(rect)
        if len(found) > MOST_MERGED:
            found = [reduce(DamagedRect.united, found)]
    return found
