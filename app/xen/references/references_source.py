"""The frame source of a picture in pages that a domain granted to this one."""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from app.errors import error_text
from app.planes.buffer_facts import BufferFacts
from app.planes.frame import Frame, Surface
from app.planes.mapped_buffer import MappedBuffer
from app.planes.outcome import ImportFailure, ImportMethod
from app.planes.plane import Backing, Plane
from app.planes.status import Reason, Status
from app.xen.access.seam import XenHost
from app.xen.references.exported_buffer import ExportedBuffer

_NO_CURSOR_PLANE = Status(Reason.NO_CURSOR_PLANE)
_OK = Status(Reason.OK)
_RELEASE = "@releaseDomain"
_RETRY_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class _Pages:
    """The buffer of the pages. ``failure``: why the kernel made no dma-buf of them."""

    buffer: MappedBuffer | ExportedBuffer
    failure: ImportFailure | None


class ReferencesSource:
    """A :class:`app.planes.frame_source.FrameSource` of granted pages. Nobody tells when they change.

    Closes ``host`` at the end. The constructor raises OSError if the pages cannot be mapped; ``host`` is still open
    then, and the caller's.
    """

    tells_damage = False

    def __init__(
        self,
        host: XenHost,
        domid: int,
        refs: Sequence[int],
        plane: Plane,
        why_not_exported: Callable[[OSError], str],
        *,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """``refs`` are the pages that ``plane`` covers. ``clock`` gives nanoseconds, for the pauses between tries."""
        self._host = host
        self._domid = domid
        self._refs = tuple(refs)
        self._plane = plane
        self._why_not_exported = why_not_exported
        self._clock = clock
        self._retry_ns = 0
        self._closed = False
        self._ended: Status | None = None
        # The store is used by one thread, and whether the domain ended may be asked by two.
        self._lock = threading.Lock()
        self._node = f"/local/domain/{domid}/name"
        self._watches = True
        for path in (self._node, _RELEASE):
            # A driver domain may not watch other domains.
            with suppress(PermissionError):
                host.store.watch(path, f"references/{domid}")
        self._pages: _Pages | None = self._take()
        self._frame = Frame(_OK, self._surface(self._pages), serial=1, cursor_status=_NO_CURSOR_PLANE)

    def latest(self) -> Frame:
        if self._closed or self._frame.status.reason is Reason.VM_ENDED:
            return self._frame
        ended = self.ended()
        if ended is not None:
            # The buffer stays until its release: something may have been made of it.
            return self._publish(ended)
        if self._pages is None and self._clock() >= self._retry_ns:
            try:
                self._pages = self._take()
            except OSError as error:
                self._retry_ns = self._clock() + _RETRY_NS
                words = f"the pages of domain {self._domid} cannot be mapped: {error_text(error)}"
                return self._publish(Status(Reason.FETCH_FAILED, words, error.errno))
            return self._publish(_OK, self._surface(self._pages))
        return self._frame

    def fileno(self) -> int:
        return -1

    def shown(self, frame: Frame, ns: int) -> None:
        """Does nothing: no program of the guest waits for this."""

    def release_buffers(self) -> None:
        """Release the pages. A later poll maps them again."""
        pages, self._pages = self._pages, None
        if pages is not None:
            pages.buffer.release()
        if self._frame.primary is not None:
            self._publish(Status(Reason.NOT_STARTED))

    def close(self) -> None:
        """Release the pages and close the host; more calls do nothing."""
        if not self._closed:
            self._closed = True
            self.release_buffers()
            with self._lock:
                self._watches = False
                self._host.close()

    def ended(self) -> Status | None:
        """Why no more frames will come; None while some may. Any thread may ask."""
        with self._lock:
            if self._watches and self._has_ended():
                self._ended = Status(Reason.VM_ENDED, f"domain {self._domid} has ended")
                self._watches = False
            return self._ended

    def buffers(self) -> tuple[BufferFacts, ...]:
        """The buffer that is held now."""
        if self._pages is None:
            return ()
        buffer = self._pages.buffer
        name = buffer.info.name if isinstance(buffer, ExportedBuffer) else None
        plane, is_shown = self._surface(self._pages).plane, self._frame.primary is not None
        facts = BufferFacts(buffer.serial, plane, buffer.size, buffer.dmabuf_fd, buffer.inode, buffer.exporter, name)
        return (replace(facts, times_shown=1, fetches=1, on_screen=is_shown),)

    def _has_ended(self) -> bool:
        """Whether the domain ended. Asks xenstore only after an event."""
        try:
            if self._host.store.events():
                self._host.store.read(self._node)
        except FileNotFoundError:
            return True
        except PermissionError:
            return False
        except OSError:
            # Xenstore does not answer any more. The pages stay.
            self._watches = False
        return False

    def _take(self) -> _Pages:
        """The pages as a dma-buf if the kernel makes one, else mapped. Raises OSError."""
        grants = self._host.grants
        try:
            exported = grants.export(self._domid, self._refs)
            return _Pages(ExportedBuffer(exported, lambda: grants.map(self._domid, self._refs)), None)
        except OSError as error:
            failure = ImportFailure(ImportMethod.EXPORT, None, self._why_not_exported(error))
        mapping = grants.map(self._domid, self._refs)
        return _Pages(MappedBuffer(mapping.memory, mapping.release), failure)

    def _surface(self, pages: _Pages) -> Surface:
        backing = Backing.MEMORY if pages.buffer.dmabuf_fd is None else Backing.DMABUF
        return Surface(replace(self._plane, backing=backing), pages.buffer, pages.failure)

    def _publish(self, status: Status, primary: Surface | None = None) -> Frame:
        if status != self._frame.status or primary is not None:
            serial = self._frame.serial + 1
            self._frame = Frame(status, primary, serial=serial, cursor_status=_NO_CURSOR_PLANE)
        return self._frame
