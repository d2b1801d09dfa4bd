"""The frame seam: what a window, a command or a measurement asks for frames, whatever they come from."""

from typing import Protocol

from app.planes.frame import Frame


class FrameSource(Protocol):
    """Where frames come from. No method blocks or raises, and all are called from one thread.

    ``tells_damage`` is whether an unchanged frame object means unchanged pixels. A source that does not tell is asked
    again and again, at the pace of :mod:`app.measure.pacing`, and what it shows is drawn again: its guest may draw
    into the buffer on show.
    """

    @property
    def tells_damage(self) -> bool: ...

    def latest(self) -> Frame:
        """The newest frame: the same object as long as nothing changed.

        Once its state is *gone* it stays the last one, and the source is due to be closed.
        """
        ...

    def fileno(self) -> int:
        """A fd that is readable when :meth:`latest` would differ; -1 for none. It is not to be read or closed.

        :meth:`latest` may replace it.
        """
        ...

    def shown(self, frame: Frame, ns: int) -> None:
        """The frame was shown, or read, at that time of ``time.monotonic_ns()``.

        A guest that waits for this gets to know now, and otherwise by the source itself within one refresh.
        """
        ...

    def release_buffers(self) -> None:
        """Let go of every buffer. No frame with one of them is ever returned again; more calls do nothing."""
        ...

    def close(self) -> None:
        """Let go of everything; more calls do nothing.

        Due after whatever was made from the buffers is gone: mbochs, as shipped, touches freed memory when a dma-buf
        outlives its device (mbochs_release_dmabuf() in samples/vfio-mdev/mbochs.c).
        """
        ...
