"""What a source tells about the buffers that it holds."""

from dataclasses import dataclass

from app.planes.plane import Plane


@dataclass(frozen=True, slots=True)
class BufferFacts:
    """One buffer that a source holds now.

    ``serial`` is that of the buffer (:class:`app.planes.buffer.Buffer`). ``plane`` is the last plane that showed it.
    ``fd``, ``inode``, ``exporter`` and ``name`` are None for memory that is no dma-buf; ``name`` is what the exporter
    or the owner called the dma-buf, None also if it has no name. ``size`` is in bytes. ``times_shown`` counts the
    changes of a plane to this buffer, ``fetches`` how often the driver was asked for it (a region: how often it was
    mapped), ``hits`` how often the cache had it. ``on_screen`` tells whether the newest frame shows it.
    """

    serial: int
    plane: Plane
    size: int
    fd: int | None = None
    inode: int | None = None
    exporter: str | None = None
    name: str | None = None
    times_shown: int = 0
    fetches: int = 0
    hits: int = 0
    on_screen: bool = False
