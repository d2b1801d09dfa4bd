"""Rectangles of a picture whose pixels changed."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DamagedRect:
    """A rectangle of a picture whose pixels changed, in pixels from the top-left corner of the picture.

    It is so for every plane, also for one whose first row in memory is the bottom one.
    """

    x: int
    y: int
    width: int
    height: int
