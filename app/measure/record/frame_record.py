"""What is known of one submitted picture: a row of the CSV file of ``measure``."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What the picture shows for the first time."""

    FLIP = "flip"
    """Another buffer or mode of the primary plane."""
    CURSOR = "cursor"
    """The cursor plane moved, or has another image. The primary plane is the one before."""
    CHANGE = "change"
    """Changed pixels in the buffer that was on the screen already."""
    REPEAT = "repeat"
    """Nothing that is known."""


@dataclass(slots=True)
class FrameRecord:
    """Times are nanoseconds of ``time.monotonic_ns()``, durations nanoseconds; None where unknown.

    ``number`` counts the submitted pictures of a run from 1. What the picture shows appeared between
    ``previous_poll_ns`` and the poll at ``seen_ns`` (:class:`app.planes.frame.FrameTiming`). ``fetch_ns`` and
    ``import_ns`` are None if nothing was fetched or imported. Drawing began at ``begin_ns`` and was submitted at
    ``submit_ns``, on the CPU. ``gpu_ns`` is what the GPU needed, by a timer query. ``present_ns`` is when the picture
    was on the screen. ``true_flip_ns`` is when the guest flipped; only simulated guests tell it.

    ``gpu_ns`` and ``present_ns`` are set later than the rest.
    """

    number: int
    kind: Kind
    seen_ns: int | None
    previous_poll_ns: int | None
    dmabuf_id: int | None
    query_ns: int | None
    fetch_ns: int | None
    import_ns: int | None
    begin_ns: int
    submit_ns: int
    gpu_ns: int | None = None
    present_ns: int | None = None
    true_flip_ns: int | None = None
