"""The frame source of one connector of a guest's PV display."""

from collections.abc import Callable

from app.planes.buffer_facts import BufferFacts
from app.planes.display_facts import DisplayFacts
from app.planes.frame import Frame
from app.planes.status import Status
from app.xen.access.seam import XenHost
from app.xen.display.own_dmabuf import new_udmabuf


class VdisplSource:
    """A :class:`app.planes.frame_source.FrameSource` of the frames that the guest flips to one connector.

    Takes ``host`` over as :func:`app.xen.backend.backends.take_backend` does, also if it raises: OSError, and
    ValueError if this program shows the connector already.
    """

    tells_damage = True

    def __init__(
        self,
        host: XenHost,
        domid: int,
        device: int,
        connector: int,
        *,
        release_host: Callable[[], None] | None = None,
        new_dmabuf: Callable[[int], int] = new_udmabuf,
    ) -> None:
        """``release_host`` gives the host back at the end (None: closes it). ``new_dmabuf``: for be-alloc=1."""
        raise NotImplementedError

    def latest(self) -> Frame:
        raise NotImplementedError

    def fileno(self) -> int:
        raise NotImplementedError

    def shown(self, frame: Frame, ns: int) -> None:
        raise NotImplementedError

    def release_buffers(self) -> None:
        """Release every buffer. Later frames have others of the same memory, because the guest sends nothing again."""
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError

    def ended(self) -> Status | None:
        """Why no more frames will come; None while some may."""
        raise NotImplementedError

    def display_facts(self) -> DisplayFacts:
        """What was seen of the guest's requests."""
        raise NotImplementedError

    def buffers(self) -> tuple[BufferFacts, ...]:
        """The buffers that are held now."""
        raise NotImplementedError
