"""Waiting for a VM: looked for again and again until its device can be attached to, without a stop anywhere.

While it waits nothing is held open, not even for a moment: a device that this program had open would be busy when the
VM starts. So a vGPU that no VM has is not opened either, though it might open alone.
"""

import os
import select
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from app.attach.helper_fds import HandedFd, HelperWay
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
from app.open.opening import OpenOptions, open_target
from app.open.session import Session
from app.open.target import Default, Named, Pid, Target, VmName
from app.planes.status import Reason, Status

_SECOND = 1_000_000_000
# How often everything is looked at: soon after something happened, and later.
_SOON_NS = _SECOND // 2
_LATER_NS = 2 * _SECOND
_SOON_FOR_NS = 10 * _SECOND
# How often the list of processes is compared with the last one.
_GLANCE_NS = _SECOND // 4
# A helper that failed for another reason than a refusal: its VM may have been too young.
_HELPER_TRIES = 5


class Asking(Protocol):
    """A request for another user's fds under way (app/device/helper.py)."""

    def start(self) -> None: ...
    def fileno(self) -> int: ...
    def result(self) -> list[HandedFd]: ...
    def cancel(self) -> None: ...


StartAsking = Callable[[int, int | None, HelperWay], Asking]


def _ask_helper(pid: int, fd: int | None, way: HelperWay) -> Asking:
    from app.attach import helper  # noqa: PLC0415  (few need it)

    return helper.Asking(pid, fd, way)


class _Pending(PermissionDenied):
    """A person is being asked."""


def again(target: Target, session: Session) -> Target:
    """What to look for when the VM of a session ended: its device, which a next VM process has as well, or its name.

    A pid is never the same VM's again; without anything better it stays, and is not found.
    """
    match target:
        case VmName():
            return target
        case Pid() | Default() | Named():
            if session.vgpu is not None:
                return Named(session.vgpu.name)
            if session.vm is not None and session.vm.name is not None:
                return VmName(session.vm.name)
    return target


def worth_waiting(target: Target, error: MdevviewError) -> bool:
    """Whether what kept a target from being opened may pass when a VM starts; a process that is gone stays gone."""
    if isinstance(target, Pid) and isinstance(error, ProcessGone):
        return False
    return isinstance(error, NeedsRunningVm | NoSuchDevice | DeviceBusy)


class Waiter:
    """Looks for a target whenever it is polled and a look is due. Not thread-safe; ``clock`` is in nanoseconds.

    ``soon`` is for a VM that just ended: it may start again at once. A refused permission is told, and not asked for
    again before the VM's process is another one.
    """

    def __init__(
        self,
        target: Target,
        paths: Paths = HOST,
        options: OpenOptions | None = None,
        *,
        soon: bool = False,
        clock: Callable[[], int] = time.monotonic_ns,
        ask: StartAsking = _ask_helper,
    ) -> None:
        options = options or OpenOptions()
        self._target = target
        self._paths = paths
        self._clock = clock
        self._permission = _Permission(options.helper, paths, ask)
        self._options = replace(options, alone=False, hand_over=options.hand_over or self._permission)
        now = clock()
        self._soon_until_ns = now + _SOON_FOR_NS if soon else now
        self._looked_at_ns = now - _LATER_NS
        self._glanced_at_ns = now
        self._processes = self._pids()
        self._status = Status(Reason.NOT_STARTED)

    def poll(self) -> Session | Status:
        """The opened session, which is the caller's; until then why there is none, as the same object if unchanged."""
        now = self._clock()
        if not self._due(now):
            return self._status
        self._looked_at_ns = now
        try:
            return open_target(self._target, self._paths, self._options)
        except MdevviewError as error:
            status = self._meaning(error)
        if status != self._status:
            self._status = status
        return self._status

    def close(self) -> None:
        """Take a question back that is still open; more calls do nothing."""
        self._permission.close()

    def _due(self, now: int) -> bool:
        if self._permission.answered():
            return True
        if now - self._glanced_at_ns >= _GLANCE_NS:
            self._glanced_at_ns = now
            processes = self._pids()
            if processes - self._processes:
                # It takes a while from its start to its device.
                self._soon_until_ns = now + _SOON_FOR_NS
            self._processes = processes
        return now - self._looked_at_ns >= (_SOON_NS if now < self._soon_until_ns else _LATER_NS)

    def _pids(self) -> frozenset[str]:
        try:
            return frozenset(each for each in os.listdir(self._paths.proc) if each.isdecimal())
        except OSError:
            return frozenset()

    def _meaning(self, error: MdevviewError) -> Status:
        match error:
            case _Pending():
                return Status(Reason.ASKING_PERMISSION, error.message)
            case PermissionDenied():
                return Status(Reason.PERMISSION_DENIED, str(error))
            case NeedsRunningVm() | DeviceBusy() | ProcessGone():
                return Status(Reason.VM_NOT_RUNNING, error.message)
            case NoSuchDevice():
                of_vm = isinstance(self._target, VmName | Pid)
                return Status(Reason.VM_NOT_RUNNING if of_vm else Reason.NO_DEVICE, error.message)
        return Status(Reason.OPEN_FAILED, str(error))


class _Permission:
    """Asks the helper once for each process, in the background. Owns the question that is open."""

    def __init__(self, way: HelperWay, paths: Paths, ask: StartAsking) -> None:
        self._way = way
        self._paths = paths
        self._ask = ask
        self._asking: Asking | None = None
        self._about: tuple[int, int, int | None] | None = None
        self._refused: dict[tuple[int, int], MdevviewError] = {}
        self._failed: dict[tuple[int, int], int] = {}

    def __call__(self, pid: int, fd: int | None) -> list[HandedFd]:
        """As app.attach.helper.fetch(), but raises _Pending as long as there is no answer."""
        process = (pid, self._started(pid))
        if process in self._refused:
            raise self._refused[process]
        about = (*process, fd)
        if self._asking is not None and self._about != about:
            self.close()
        try:
            if self._asking is None:
                asking = self._ask(pid, fd, self._way)
                asking.start()
                self._asking, self._about = asking, about
            if not self.answered():
                raise _Pending(f"asking for the rights to look into process {pid}")
            asking, self._asking = self._asking, None
            try:
                return asking.result()
            finally:
                asking.cancel()
        except _Pending:
            raise
        except MdevviewError as error:
            self._failed[process] = self._failed.get(process, 0) + 1
            if isinstance(error, PermissionDenied) or self._failed[process] >= _HELPER_TRIES:
                self._refused[process] = error
            raise

    def answered(self) -> bool:
        """Whether there is an answer to take: one poll(2) that never waits."""
        if self._asking is None:
            return False
        poll = select.poll()
        poll.register(self._asking.fileno(), select.POLLIN)
        return bool(poll.poll(0))

    def close(self) -> None:
        asking, self._asking = self._asking, None
        if asking is not None:
            asking.cancel()

    def _started(self, pid: int) -> int:
        try:
            return start_time(pid, self._paths)
        except (OSError, ValueError, IndexError):
            return 0
