"""Waits for a screen of a Xen guest: looks into xenstore until it is there. Nothing here blocks for long.

``xl create`` waits ten seconds for the backend of a display, so the guest must be found at once when it is made.
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from app.attach.helper_fds import HelperMethod
from app.errors import (
    AmbiguousTarget,
    DeviceBusy,
    MdevviewError,
    NoSuchDevice,
    OpenFailed,
    PermissionDenied,
)
from app.host.paths import HOST, Paths
from app.open.session import Session
from app.open.xen_access import opened_host
from app.open.xen_guests import StoreFailed
from app.open.xen_session import session_on
from app.open.xen_target import XenScreen
from app.planes.status import Reason, Status
from app.xen.access.seam import XenHost

if TYPE_CHECKING:
    from app.attach.xen_files import XenFiles

_LOOK_NS = 250_000_000
# An error that time may heal, such as a missing module, is tried again this much later.
_AFTER_ERROR_NS = 2_000_000_000


class PendingXenFiles(Protocol):
    """A request for the files of Xen (:class:`app.attach.xen_files.XenFilesRequest`)."""

    def start(self) -> None: ...
    def is_done(self) -> bool: ...
    def result(self) -> "XenFiles": ...
    def cancel(self) -> None: ...


class _AnswerPending(PermissionDenied):
    """The answer of a person is still missing."""


def new_xen_waiter(target: XenScreen, paths: Paths = HOST, method: HelperMethod = HelperMethod.AUTO) -> "XenWaiter":
    """A waiter that asks the helper in this way."""

    def request() -> PendingXenFiles:
        from app.attach.xen_files import XenFilesRequest  # noqa: PLC0415  (root needs no helper)

        return XenFilesRequest(method)

    return XenWaiter(target, paths, time.monotonic_ns, None if method is HelperMethod.NEVER else request)


class XenWaiter:
    """Owns the opened files of Xen until it gives them to a session, so that a person is asked for them once.

    Not thread-safe. ``make_request`` asks root's helper; None if the user does not allow that.
    """

    def __init__(
        self,
        target: XenScreen,
        paths: Paths,
        clock: Callable[[], int],
        make_request: Callable[[], PendingXenFiles] | None,
    ) -> None:
        self._target = target
        self._paths = paths
        self._clock = clock
        self._make_request = make_request
        self._request: PendingXenFiles | None = None
        self._refusal: MdevviewError | None = None
        self._host: XenHost | None = None
        self._due_ns = clock()
        self._status = Status(Reason.NOT_STARTED)

    def poll(self) -> Session | Status:
        """The open session, which then is the caller's, or why there is none yet (the same object if unchanged)."""
        now = self._clock()
        if now < self._due_ns:
            return self._status
        self._due_ns = now + _LOOK_NS
        try:
            session = self._open()
        except MdevviewError as error:
            status = self._meaning(error, now)
        else:
            self._host = None
            return session
        if status != self._status:
            self._status = status
        return self._status

    def close(self) -> None:
        """Cancel a running request, and close what is open; more calls do nothing."""
        request, self._request = self._request, None
        if request is not None:
            request.cancel()
        self._close_host()

    def _open(self) -> Session:
        if self._refusal is not None:
            raise self._refusal
        if self._host is None:
            self._host = opened_host(self._paths, None if self._make_request is None else self._files)
        return session_on(self._target, self._host, lost=self._lose_host)

    def _files(self) -> "XenFiles":
        assert self._make_request is not None
        if self._request is None:
            self._request = self._make_request()
            self._request.start()
        if not self._request.is_done():
            raise _AnswerPending("asking for permission to open the files of Xen")
        request, self._request = self._request, None
        try:
            return request.result()
        except MdevviewError as error:
            # A person who said no is not asked again.
            self._refusal = error
            raise
        finally:
            request.cancel()

    def _meaning(self, error: MdevviewError, now: int) -> Status:
        match error:
            case _AnswerPending():
                return Status(Reason.ASKING_PERMISSION, error.message)
            case PermissionDenied():
                return Status(Reason.PERMISSION_DENIED, str(error))
            case NoSuchDevice() | DeviceBusy():
                return Status(Reason.VM_NOT_RUNNING, error.message)
            case AmbiguousTarget():
                return Status(Reason.OPEN_FAILED, str(error))
            case StoreFailed():
                # Its connection does not work any more. The files are opened anew, and a person is asked again.
                self._close_host()
                self._due_ns = now + _AFTER_ERROR_NS
            case OpenFailed():
                self._due_ns = now + _AFTER_ERROR_NS
        return Status(Reason.OPEN_FAILED, str(error))

    def _lose_host(self) -> None:
        self._host = None

    def _close_host(self) -> None:
        host, self._host = self._host, None
        if host is not None:
            host.close()
