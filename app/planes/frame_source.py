"""The frame seam: windows, commands and measurements get their frames through this interface."""

from typing import Protocol

from app.planes.frame import Frame


class FrameSource(Protocol):
    """A source of frames. No method blocks or raises. All calls come from one thread.

    ``tells_damage`` is whether an unchanged frame object means unchanged pixels. If not, the guest may draw into the
    buffer on the screen: the consumer then polls the source at the pace of :mod:`app.measure.loop.pacing`, and draws an
    unchanged frame again.
    """

    @property
    def tells_damage(self) -> bool: ...

    def latest(self) -> Frame:
        """The newest frame; the same object if nothing changed.

        A frame of the state *gone* is the last one. The consumer should then close the source.
        """
        ...

    def fileno(self) -> int:
        """A fd that is readable when :meth:`latest` would return a new frame; -1 for none. Do not read or close it.

        :meth:`latest` may replace it.
        """
        ...

    def shown(self, frame: Frame, ns: int) -> None:
        """The consumer showed or read the frame at ``ns`` (``time.monotonic_ns()``).

        Some guests wait for this. The source tells them now. Without this call it tells them after one refresh at most.
        """
        ...

    def release_buffers(self) -> None:
        """Release every buffer. No later frame has one of them. More calls do nothing."""
        ...

    def close(self) -> None:
        """Release everything; more calls do nothing.

        First release everything that was made from the buffers: the kernel's mbochs uses freed memory when a dma-buf
        outlives its device (mbochs_release_dmabuf() in samples/vfio-mdev/mbochs.c).
        """
        ...
