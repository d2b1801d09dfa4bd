"""Ends a VM that this program started, step by step (:mod:`app.vm.shutdown_sequence`), and reports each step."""

import select
import signal
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from app.errors import error_text
from app.planes.wake_up import WakeUp
from app.qemu.qmp_address import QmpAddress
from app.vm.child import Child
from app.vm.monitor import ConnectionState, Monitor, MonitorStatus, Reply
from app.vm.shutdown_sequence import ShutdownSequence, ShutdownStep, ShutdownTimeouts

# The time limit for the monitor to connect and answer. Its own time limits are shorter.
_MONITOR_TIMEOUT_S = 10.0
# QEMU may close the connection before it answers `quit`.
_QUIT_DELAY_S = 1.0

OpenMonitor = Callable[[QmpAddress, Callable[[], None]], Monitor]


class StopRequests(Protocol):
    """The number of the user's requests to stop. The fd is readable when ``count`` may have grown."""

    @property
    def count(self) -> int: ...

    def fileno(self) -> int: ...

    def clear(self) -> None:
        """Make the fd unreadable until the next request."""
        ...


def open_qmp(address: QmpAddress, changed: Callable[[], None]) -> Monitor:
    """The QMP monitor at an address."""
    # The import of its package takes 100 ms.
    from app.vm.qmp import open_monitor  # noqa: PLC0415

    return open_monitor(address, changed)


def shut_down(
    child: Child,
    address: QmpAddress | None,
    requests: StopRequests,
    report: Callable[[str], None],
    timeouts: ShutdownTimeouts | None = None,
    open_monitor: OpenMonitor = open_qmp,
) -> tuple[int | None, ShutdownStep | None]:
    """End the VM: first ask the guest, at last kill the process. Each new request to stop ends the current wait.

    Returns the exit status, None if it did not end, and the last step, None if it ended by itself.
    ``report`` gets one line for each step.
    """
    # The monitor's thread wakes this one with it, at times after `monitor.close()`, which waits for it only a little.
    wakeup = WakeUp()
    monitor: Monitor | None = None
    try:
        if address is not None and child.poll() is None:
            monitor = open_monitor(address, wakeup.set)
        return _Shutdown(child, monitor, wakeup, requests, report).run(timeouts)
    finally:
        if monitor is not None:
            monitor.close()
        wakeup.close()


class _Shutdown:
    def __init__(
        self,
        child: Child,
        monitor: Monitor | None,
        wakeup: WakeUp,
        requests: StopRequests,
        report: Callable[[str], None],
    ) -> None:
        self._child = child
        self._monitor = monitor
        self._wakeup = wakeup
        self._requests = requests
        self._report = report
        self._request_count = requests.count
        # Written by the monitor's thread, read by this one.
        self._failures: deque[tuple[ShutdownStep, str]] = deque()

    def run(self, timeouts: ShutdownTimeouts | None) -> tuple[int | None, ShutdownStep | None]:
        status = self._connected_status()
        ready = status is not None and status.state is ConnectionState.READY
        if status is not None and not ready and self._child.poll() is None:
            self._report(f"the guest cannot be asked to power off: {status.detail or 'the monitor does not answer'}")
        if not ready:
            # Such a request wants no wait for the monitor. SIGTERM comes after it, and gets its own time.
            self._request_count = self._requests.count
        run_state = status.run_state if status is not None else None
        sequence = ShutdownSequence(ready, owned=True, run_state=run_state, timeouts=timeouts)
        last: ShutdownStep | None = None
        while True:
            progress = sequence.advance(time.monotonic_ns(), ended=self._child.poll() is not None)
            if progress.step is not None:
                last = progress.step
                self._report(progress.message + ("; Ctrl-C: at once" if last is ShutdownStep.POWERDOWN else ""))
                self._do(last, sequence)
            if progress.over:
                if self._child.poll() is None:
                    self._report(progress.message)
                return self._child.poll(), last
            self._take_news(sequence)

    def _take_news(self, sequence: ShutdownSequence) -> None:
        """Wait until something happens, and tell it to ``sequence``."""
        # The wait for the monitor may have cleared the fd of a request that is still to be counted.
        if self._requests.count == self._request_count:
            self._wait(sequence.due)
        if self._requests.count > self._request_count:
            self._request_count = self._requests.count
            sequence.skip_wait()
        while self._failures:
            step, reason = self._failures.popleft()
            if self._child.wait(_QUIT_DELAY_S) is None:
                sequence.step_failed(step, reason)
        if self._monitor is not None and self._monitor.status.run_state == "shutdown":
            sequence.guest_off()

    def _connected_status(self) -> MonitorStatus | None:
        """Wait until it is known whether the VM answers. Returns the monitor's status."""
        if self._monitor is None:
            return None
        until = time.monotonic_ns() + round(_MONITOR_TIMEOUT_S * 1e9)
        while (
            self._monitor.status.state is ConnectionState.CONNECTING
            and self._child.poll() is None
            and self._requests.count == self._request_count
            and time.monotonic_ns() < until
        ):
            self._wait(until)
        return self._monitor.status

    def _wait(self, until: int | None) -> None:
        """Wait until the VM ends, the user asks to stop, the monitor's status changes, or ``until`` (nanoseconds)."""
        ready = select.poll()
        for each in (self._child.fileno(), self._requests.fileno(), self._wakeup.fd):
            ready.register(each, select.POLLIN)
        ready.poll(None if until is None else max(0, until - time.monotonic_ns()) / 1e6)
        self._requests.clear()
        self._wakeup.clear()

    def _do(self, step: ShutdownStep, sequence: ShutdownSequence) -> None:
        match step:
            case ShutdownStep.POWERDOWN | ShutdownStep.QUIT:
                assert self._monitor is not None
                command = "system_powerdown" if step is ShutdownStep.POWERDOWN else "quit"
                self._monitor.execute(command, done=lambda reply: self._handle_reply(step, reply))
            case ShutdownStep.TERMINATE | ShutdownStep.KILL:
                try:
                    self._child.send(signal.SIGTERM if step is ShutdownStep.TERMINATE else signal.SIGKILL)
                except OSError as error:
                    sequence.step_failed(step, error_text(error))

    def _handle_reply(self, step: ShutdownStep, reply: Reply) -> None:
        """Called on the monitor's thread."""
        if reply.error is not None:
            self._failures.append((step, reply.error))
            self._wakeup.set()
