"""A source looked at without a window: opened, polled, drawn with a context of its own."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from app.errors import DeviceGone, NoPicture
from app.open.source import Access, Source, open_source
from app.open.target import Target
from app.planes.frame import Frame
from app.planes.status import State, Status
from app.vfio.poller import Poller
from gl.context import SurfacelessContext
from gl.renderer import Renderer

# A mode switch passes within a few of these; short against any timeout a user gives.
_PAUSE_S = 0.005


@dataclass(frozen=True, slots=True)
class Offscreen:
    """What is needed to look. All of it belongs to :func:`offscreen`."""

    source: Source
    poller: Poller
    renderer: Renderer

    def wait(self, wanted: Callable[[Frame], Status | None], timeout: float) -> Frame:
        """Poll until ``wanted`` has nothing against the frame, for ``timeout`` seconds at most.

        ``wanted`` returns None or why the frame will not do. Raises NoPicture with the last such reason, and
        DeviceGone.
        """
        end = time.monotonic() + timeout
        while True:
            frame = self.poller.latest()
            status = wanted(frame)
            if status is None:
                return frame
            if frame.status.state is State.GONE:
                self.renderer.forget()
                raise DeviceGone(_words(self.source, status), status.hint)
            if time.monotonic() >= end:
                raise NoPicture(f"{_words(self.source, status)} (waited {timeout:g} s)", status.hint)
            time.sleep(_PAUSE_S)


def _words(source: Source, status: Status) -> str:
    detail = f", {status.detail}" if status.detail else ""
    return f"{source.target}: {status.state.value}: {status.reason.key}{detail}"


@contextmanager
def offscreen(target: Target, access: Access | None = None) -> Iterator[Offscreen]:
    """Open a target and a context. Raises MdevviewError and GlError."""
    source = open_source(target, access=access)
    poller = source.poller()
    try:
        with SurfacelessContext() as context:
            renderer = Renderer(context)
            try:
                yield Offscreen(source, poller, renderer)
            finally:
                # Images, then dma-bufs, then the device: see Poller.end.
                renderer.release()
    finally:
        poller.close()
