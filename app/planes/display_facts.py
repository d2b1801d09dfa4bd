"""What a source whose frames are pushed tells about its display, beside its planes."""

from dataclasses import dataclass
from enum import Enum


class DisplayProblem(Enum):
    """What was seen on the connection that a person should know. The value is the key of its finding."""

    BUFFER_LOST = "display-buffer-lost"
    """QEMU switched the screen off and updated it without a new buffer."""
    WRONG_FD = "display-wrong-fd"
    """QEMU sent a file that is no memory of a picture."""
    PART_OF_LARGER = "display-part-of-larger"
    """The picture is a part of a larger buffer, and which part is not told."""
    UNKNOWN_PIXMAN = "display-unknown-format"
    MAP_TOO_SMALL = "display-map-too-small"
    DAMAGE_OUTSIDE = "display-damage-outside"
    BAD_MESSAGE = "display-bad-message"
    PACED_BY_US = "display-paced"
    """The guest's next frame waits for our acknowledgement."""
    BY_VALUE = "display-by-value"
    """Pixels come inside the messages although shared memory was offered."""


@dataclass(frozen=True, slots=True)
class SeenProblem:
    """``evidence`` are the values of the last time, ``count`` how often it was seen."""

    problem: DisplayProblem
    evidence: str
    count: int = 1


OF_QEMU = ("value", "map", "dmabuf", "dmabuf2")
"""The ways in which QEMU sends pixels."""


@dataclass(frozen=True, slots=True)
class DisplayFacts:
    """``scanout`` is how pixels come: "value", "map", "dmabuf", "dmabuf2" from QEMU, "pages" (which a Xen guest
    granted) or "own-dmabuf" (granted to it); None before the first.

    ``messages`` counts the calls by their names. ``scanouts_skipped`` counts scanouts that were replaced before anybody
    took them. ``acknowledged`` tells whether the guest waits for our acknowledgements.
    """

    scanout: str | None = None
    messages: tuple[tuple[str, int], ...] = ()
    scanouts_skipped: int = 0
    acknowledged: bool = False
    problems: tuple[SeenProblem, ...] = ()
