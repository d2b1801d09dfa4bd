"""Waits for a VM: scans the host repeatedly until it can attach to the VM's device. Nothing here blocks.

While it waits it opens no device, not even for a moment: a device that this program has open would be busy when the VM
starts. So it does not open a free vGPU either.
"""

import os
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from app.attach.helper_fds import HelperMethod, HelperTimeout, ReceivedFd
from app.errors import (
    DeviceBusy,
    MdevviewError,
    NeedsRunningVm,
    NoSuchDevice,
    PermissionDenied,
    ProcessGone,
)
from app.host.paths import HOST, Paths
from app.host.process import start_time
from app.host.wording import describe_process
from app.open.opening import OpenOptions, open_target
from app.open.session import Session
from app.open.target import DbusBus, Default, Named, Pid, Target, VmName, parse_target
from app.open.xen_target import XenScreen, is_domid
from app.planes.status import Reason, Status
from app.qemu.command_line import vm_name

_SECOND = 1_000_000_000
# The intervals between scans: for some time after an event, and later.
_SOON_NS = _SECOND // 2
_LATER_NS = 2 * _SECOND
_SOON_FOR_NS = 10 * _SECOND
# The interval for comparing the list of processes with the last one.
_LIST_NS = _SECOND // 4
# The tries of a helper that fails without a refusal: the VM may not have opened its device yet.
_HELPER_TRIES = 5


class PendingRequest(Protocol):
    """A request for the fds of another user's process (:class:`app.attach.helper_request.HelperRequest`)."""

    def start(self) -> None: ...
    def is_done(self) -> bool: ...
    def result(self) -> list[ReceivedFd]: ...
    def cancel(self) -> None: ...


MakeRequest = Callable[[int, int | None, HelperMethod], PendingRequest]


def _helper_request(pid: int, fd: int | None, method: HelperMethod) -> PendingRequest:
    from app.attach.helper_request import HelperRequest  # noqa: PLC0415  (most sessions do not need it)

    return HelperRequest(pid, fd, method)


class _PermissionPending(PermissionDenied):
    """The answer of a person is still missing."""


def next_target(target: Target, session: Session) -> Target:
    """The target to wait for after the VM of a session has ended: its device, which it will open again, or its name.

    A VM never gets the same pid again. A pid stays the target only if nothing else is known; then it is not found.
    """
    if isinstance(target, XenScreen):
        return _next_screen(target, session)
    if isinstance(target, VmName) or (isinstance(target, DbusBus) and target.pid is None):
        return target
    if isinstance(target, Pid | Default | Named | DbusBus):
        if session.vgpu is not None:
            return Named(session.vgpu.name)
        # The whole name: session.vm has it cleaned.
        if session.vm is not None and (name := session.vm.id or vm_name(session.vm.arguments)):
            return VmName(name, _console_of(session))
    return target


def _next_screen(target: XenScreen, session: Session) -> Target:
    """The guest by its name: the next start of it has another domid."""
    shown = parse_target(session.target) if is_domid(target.guest) else target
    return replace(target, guest=shown.guest) if isinstance(shown, XenScreen) else target


def _console_of(session: Session) -> int | None:
    # Only the target of a console is one that can be parsed for certain.
    shown = parse_target(session.target) if session.consoles() else None
    return shown.console if isinstance(shown, VmName | Pid | DbusBus) else None


def can_wait(target: Target, error: MdevviewError | None = None) -> bool:
    """Whether it makes sense to wait for a target, which could not be opened because of ``error``."""
    if not isinstance(target, Named | VmName | Pid | DbusBus | XenScreen | Default):
        return False
    return error is None or may_open_later(target, error)


def may_open_later(target: Target, error: MdevviewError) -> bool:
    """Whether a target that could not be opened may open later, when a VM starts. A pid that has ended never does."""
    if isinstance(target, Pid) and isinstance(error, ProcessGone):
        return False
    return isinstance(error, NeedsRunningVm | NoSuchDevice | DeviceBusy)


class Waiter:
    """Scans for a target if it is polled and a scan is due. Not thread-safe. ``clock`` is in nanoseconds.

    Set ``soon`` for a VM that has just ended, because it may start again at once. After a refusal it does not ask for
    permission again until the VM has another process.
    """

    def __init__(
        self,
        target: Target,
        paths: Paths = HOST,
        options: OpenOptions | None = None,
        *,
        soon: bool = False,
        clock: Callable[[], int] = time.monotonic_ns,
        make_request: MakeRequest = _helper_request,
    ) -> None:
        options = options or OpenOptions()
        self._target = target
        self._paths = paths
        self._clock = clock
        self._permission = _HelperPermission(options.helper, paths, make_request)
        self._options = replace(options, alone=False, request_fds=options.request_fds or self._permission)
        now = clock()
        self._soon_until_ns = now + _SOON_FOR_NS if soon else now
        self._scanned_at_ns = now - _LATER_NS
        self._listed_at_ns = now
        self._processes = self._pids()
        self._status = Status(Reason.NOT_STARTED)

    def poll(self) -> Session | Status:
        """The open session, which then is the caller's, or why there is none yet (the same object if unchanged)."""
        now = self._clock()
        if not self._due(now):
            return self._status
        self._scanned_at_ns = now
        try:
            return open_target(self._target, self._paths, self._options)
        except MdevviewError as error:
            status = self._meaning(error)
        if status.reason in (Reason.VM_NOT_RUNNING, Reason.NO_DEVICE):
            # The process whose fds are requested has ended.
            self._permission.close()
        if status != self._status:
            self._status = status
        return self._status

    def close(self) -> None:
        """Cancel a running request; more calls do nothing."""
        self._permission.close()

    def _due(self, now: int) -> bool:
        if self._permission.answered():
            return True
        if now - self._listed_at_ns >= _LIST_NS:
            self._listed_at_ns = now
            processes = self._pids()
            if processes - self._processes:
                # A VM opens its device some time after its start.
                self._soon_until_ns = now + _SOON_FOR_NS
            self._processes = processes
        return now - self._scanned_at_ns >= (_SOON_NS if now < self._soon_until_ns else _LATER_NS)

    def _pids(self) -> frozenset[str]:
        try:
            return frozenset(each for each in os.listdir(self._paths.proc) if each.isdecimal())
        except OSError:
            return frozenset()

    def _meaning(self, error: MdevviewError) -> Status:
        match error:
            case _PermissionPending():
                return Status(Reason.ASKING_PERMISSION, error.message)
            case PermissionDenied():
                return Status(Reason.PERMISSION_DENIED, str(error))
            case NeedsRunningVm() | DeviceBusy() | ProcessGone():
                return Status(Reason.VM_NOT_RUNNING, error.message)
            case NoSuchDevice():
                of_vm = isinstance(self._target, VmName | Pid | DbusBus)
                return Status(Reason.VM_NOT_RUNNING if of_vm else Reason.NO_DEVICE, error.message)
        return Status(Reason.OPEN_FAILED, str(error))


class _HelperPermission:
    """Requests the fds of each process once, without blocking. Owns the running request."""

    def __init__(self, method: HelperMethod, paths: Paths, make_request: MakeRequest) -> None:
        self._method = method
        self._paths = paths
        self._make_request = make_request
        self._request: PendingRequest | None = None
        self._request_key: tuple[int, int, int | None] | None = None
        self._refusals: dict[tuple[int, int], MdevviewError] = {}
        self._failures: dict[tuple[int, int], int] = {}

    def __call__(self, pid: int, fd: int | None) -> list[ReceivedFd]:
        """Like :func:`app.attach.helper_request.request_fds`, but _PermissionPending is raised meanwhile."""
        process = (pid, self._started(pid))
        if process in self._refusals:
            raise self._refusals[process]
        key = (*process, fd)
        if self._request is not None and self._request_key != key:
            self.close()
        try:
            if self._request is None:
                request = self._make_request(pid, fd, self._method)
                request.start()
                self._request, self._request_key = request, key
            if not self.answered():
                raise _PermissionPending(f"asking for permission to look into {describe_process(pid, self._paths)}")
            request, self._request = self._request, None
            try:
                return request.result()
            finally:
                request.cancel()
        except _PermissionPending:
            raise
        except MdevviewError as error:
            self._failures[process] = self._failures.get(process, 0) + 1
            if isinstance(error, PermissionDenied | HelperTimeout) or self._failures[process] >= _HELPER_TRIES:
                self._refusals[process] = error
            raise

    def answered(self) -> bool:
        """Whether the request has an answer, or will have none. Does not wait."""
        return self._request is not None and self._request.is_done()

    def close(self) -> None:
        request, self._request = self._request, None
        if request is not None:
            request.cancel()

    def _started(self, pid: int) -> int:
        try:
            return start_time(pid, self._paths)
        except (OSError, ValueError, IndexError):
            return 0
