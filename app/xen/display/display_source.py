"""The frame source of one connector of a guest's PV display."""

from collections.abc import Callable

from app.planes.buffer_facts import BufferFacts
from app.planes.display_facts import DisplayFacts
from app.planes.frame import Frame
from app.planes.status import Status
from app.planes.wake_up import WakeUp
from app.vm.shared import Shared
from app.xen.access.seam import XenHost
from app.xen.backend.backend_thread import BackendThread
from app.xen.backend.backends import take_backend
from app.xen.display.connector_picture import OwnedBuffer
from app.xen.display.display_driver import DisplayDriver
from app.xen.display.own_dmabuf import new_own_dmabuf


class _Served:
    """A driver on its thread. The constructor raises OSError: there is no such device, or another process serves it."""

    def __init__(self, backend: BackendThread, driver: DisplayDriver) -> None:
        self.backend = backend
        self.driver = driver
        backend.add(driver, wait=True)
        if driver.refusal is not None:
            backend.remove(driver)
            raise driver.refusal

    @property
    def is_usable(self) -> bool:
        return not self.driver.ended and not self.backend.ended

    def end(self) -> None:
        self.backend.remove(self.driver)


_SERVED: Shared[_Served] = Shared(lambda served: served.is_usable, _Served.end)


class VdisplSource:
    """A :class:`app.planes.frame_source.FrameSource` of the frames that the guest flips to one connector.

    Takes ``host`` over as :func:`app.xen.backend.backends.take_backend` does, also if it raises: OSError
    (ENOENT: the guest has no such display; EBUSY: another process serves it), and ValueError if this program shows the
    connector already. Sources of one guest share the thread and the first host.
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
        new_dmabuf: Callable[[int], int] = new_own_dmabuf,
    ) -> None:
        """``release_host`` gives the host back at the end (None: closes it). ``new_dmabuf``: for be-alloc=1."""
        self._backend, self._release_backend = take_backend(domid, host, release_host)
        backend = self._backend
        try:
            self._wake_up = WakeUp()
            try:
                served, self._release_served = _SERVED.take(
                    (domid, device), lambda: _Served(backend, DisplayDriver(domid, device, new_dmabuf))
                )
                self._connector = served.driver.connector(connector)
                try:
                    self._connector.attach(self._wake_up.set)
                except BaseException:
                    self._release_served()
                    raise
            except BaseException:
                self._wake_up.close()
                raise
        except BaseException:
            self._release_backend()
            raise
        self._frame, _ = self._connector.frame()
        self._closed = False

    def latest(self) -> Frame:
        if self._closed:
            return self._frame
        self._wake_up.clear()
        self._frame, retired = self._connector.frame()
        _release_all(retired)
        return self._frame

    def fileno(self) -> int:
        return self._wake_up.fd

    def shown(self, frame: Frame, ns: int) -> None:
        if self._connector.shown(frame):
            self._backend.wake()

    def release_buffers(self) -> None:
        """Release every buffer. Later frames have others of the same memory, because the guest sends nothing again."""
        if not self._closed:
            _release_all(self._connector.renew_buffers())
            self._wake_up.set()

    def close(self) -> None:
        """Give the device back: the guest's driver is told, everything is unmapped. Waits for xenstore's answers."""
        if self._closed:
            return
        self._closed = True
        _release_all(self._connector.detach())
        self._release_served()
        self._release_backend()
        self._wake_up.close()

    def ended(self) -> Status | None:
        """Why no more frames will come; None while some may."""
        return self._connector.ended()

    def display_facts(self) -> DisplayFacts:
        """What was seen of the guest's requests."""
        return self._connector.display_facts()

    def buffers(self) -> tuple[BufferFacts, ...]:
        """The buffers that are held now."""
        return self._connector.buffer_facts()


def _release_all(buffers: list[OwnedBuffer]) -> None:
    for each in buffers:
        each.release()
