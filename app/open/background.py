"""Opens a target, or waits for it, on a thread: scans, opens and password prompts would block the window too long."""

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from app.attach.helper_fds import ReceivedFd
from app.host.paths import HOST, Paths
from app.host.vgpu import Vgpu
from app.host.wording import describe_process
from app.open.background_thread import BackgroundThread
from app.open.opening import OpenOptions, open_chosen, open_target
from app.open.session import Session
from app.open.target import Target
from app.open.waiter import Waiter
from app.open.xen_target import XenScreen
from app.planes.status import Reason, Status

if TYPE_CHECKING:
    from app.attach.xen_files import XenFiles

_log = logging.getLogger(__name__)

# The interval between polls of the opener. A waiter decides itself when to scan.
_POLL_S = 0.1
# The interval between checks of an open session until somebody takes it.
_CHECK_S = 0.01


class Opener(Protocol):
    """Opens a session on the thread. ``poll`` may block. It returns the session, or why there is none yet."""

    def poll(self) -> Session | Status: ...
    def close(self) -> None: ...


class BackgroundOpener:
    """Owns a thread that opens one session. Raises OpenFailed if no thread can be started.

    ``make`` makes the opener on the thread. It gets a fd; when that fd becomes readable, the opener's ``poll`` must
    return soon. The caller watches :meth:`fileno` and takes the session by :meth:`poll`. No call blocks: after
    :meth:`close` the thread closes what it has opened.
    """

    def __init__(self, make: Callable[["BackgroundOpener", int], Opener]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._status = Status(Reason.NOT_STARTED)
        self._session: Session | None = None
        self._error: Exception | None = None
        self._thread = BackgroundThread("opener", self._run)
        self._thread.start()

    def fileno(self) -> int:
        """A fd that is readable when :meth:`poll` has something new; -1 once closed."""
        return self._thread.fileno()

    def poll(self) -> Session | Status:
        """The session, or why there is none yet. The session is returned once and then belongs to the caller.

        Raises the MdevviewError of a failed open, and errors of this program.
        """
        self._thread.acknowledge()
        with self._lock:
            if self._error is not None:
                raise self._error
            session, self._session = self._session, None
            return session if session is not None else self._status

    def set_status(self, status: Status) -> None:
        """The opener sets what :meth:`poll` returns from now on."""
        with self._lock:
            is_new, self._status = status != self._status, status
        if is_new:
            self._thread.notify()

    def close(self) -> None:
        """Stop and close everything; more calls do nothing. Stop watching :meth:`fileno` first."""
        self._thread.stop()

    def join(self, timeout_s: float) -> bool:
        """Wait for the end of the thread. Returns whether it ended in time. For the end of the program, and tests."""
        return self._thread.join(timeout_s)

    def _run(self, thread: BackgroundThread) -> None:
        try:
            opener = self._make(self, thread.stop_fd)
            try:
                while not thread.stopped.is_set():
                    result = opener.poll()
                    if isinstance(result, Session):
                        if self._offer(result, thread):
                            return
                    else:
                        self.set_status(result)
                        thread.stopped.wait(_POLL_S)
            finally:
                opener.close()
        except Exception as error:
            with self._lock:
                self._error = error
            thread.notify()

    def _offer(self, session: Session, thread: BackgroundThread) -> bool:
        """Offer the session to :meth:`poll`. Returns whether somebody took it.

        Closes the session if its VM ends before, because the VM's next start would fail with a busy device.
        """
        with self._lock:
            self._session = session
        thread.notify()
        is_over = False
        while not is_over:
            is_over = thread.stopped.wait(_CHECK_S)
            # The lock is needed because another thread may take and use the session at any time.
            with self._lock:
                if self._session is not session:
                    return True
                is_over = is_over or session.ended() is not None
                if is_over:
                    self._session = None
        session.close()
        return False


class _SingleOpening:
    """Opens a target once."""

    def __init__(
        self, target: Target | Vgpu, paths: Paths, options: OpenOptions, owner: BackgroundOpener, cancel_fd: int
    ) -> None:
        self._target = target
        self._paths = paths
        self._options = replace(
            options,
            request_fds=options.request_fds or self._request_fds,
            request_xen=options.request_xen or self._request_xen,
        )
        self._owner = owner
        self._cancel_fd = cancel_fd

    def poll(self) -> Session:
        """Open the target; blocks until then. Raises MdevviewError."""
        if isinstance(self._target, Vgpu):
            return open_chosen(self._target, self._paths, self._options)
        return open_target(self._target, self._paths, self._options)

    def close(self) -> None:
        pass

    def _request_fds(self, pid: int, fd: int | None) -> list[ReceivedFd]:
        from app.attach.helper_request import request_fds  # noqa: PLC0415  (most sessions do not need it)

        who = describe_process(pid, self._paths)
        self._owner.set_status(Status(Reason.ASKING_PERMISSION, f"asking for permission to look into {who}"))
        return request_fds(pid, fd, self._options.helper, cancel_fd=self._cancel_fd)

    def _request_xen(self) -> "XenFiles":
        from app.attach.xen_files import request_xen_files  # noqa: PLC0415

        self._owner.set_status(Status(Reason.ASKING_PERMISSION, "asking for permission to open the files of Xen"))
        return request_xen_files(self._options.helper, cancel_fd=self._cancel_fd)


def open_in_background(
    target: Target | Vgpu, paths: Paths = HOST, options: OpenOptions | None = None
) -> BackgroundOpener:
    """Open a target or a chosen vGPU. ``poll`` returns the session or raises the error."""
    return BackgroundOpener(lambda owner, fd: _SingleOpening(target, paths, options or OpenOptions(), owner, fd))


def wait_in_background(
    target: Target, paths: Paths = HOST, options: OpenOptions | None = None, *, soon: bool = False
) -> BackgroundOpener:
    """Wait for a target. Set ``soon`` for a VM that has just ended, because it may start again at once."""
    return BackgroundOpener(lambda _owner, _fd: _waiter(target, paths, options or OpenOptions(), soon=soon))


def _waiter(target: Target, paths: Paths, options: OpenOptions, *, soon: bool) -> Opener:
    if isinstance(target, XenScreen):
        # Imported here, because other targets need nothing of Xen.
        from app.open.xen_waiter import new_xen_waiter  # noqa: PLC0415

        return new_xen_waiter(target, paths, options.helper)
    return Waiter(target, paths, options, soon=soon)
