"""Bringing a VM that was started here to its end, step by step (:mod:`app.vm.ending`), while somebody watches."""

import os
import select
import signal
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from app.errors import error_text
from app.qemu.qmp_address import QmpAddress
from app.vm.child import Child
from app.vm.ending import Ending, Grace, Step
from app.vm.monitor import Link, LinkState, Monitor, Reply

# How long a monitor that is there may take to answer; it has its own, shorter, times.
_MONITOR_PATIENCE_S = 10.0
# QEMU may hang up before it answers `quit`.
_LAST_WORDS_S = 1.0

OpenMonitor = Callable[[QmpAddress, Callable[[], None]], Monitor]


class Impatience(Protocol):
    """Somebody who may want it faster: readable, as a file, when ``count`` may have grown."""

    @property
    def count(self) -> int: ...

    def fileno(self) -> int: ...

    def forget(self) -> None:
        """Not readable any more, until the next time."""
        ...


class _Wake:
    """Lets the monitor's thread wake the one that waits here."""

    def __init__(self) -> None:
        self._fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def fileno(self) -> int:
        return self._fd

    def set(self) -> None:
        os.eventfd_write(self._fd, 1)

    def forget(self) -> None:
        with suppress(BlockingIOError):
            os.eventfd_read(self._fd)

    def close(self) -> None:
        os.close(self._fd)


def open_qmp(address: QmpAddress, changed: Callable[[], None]) -> Monitor:
    """The monitor at an address."""
    # The package behind it costs a program that does not need it 100 ms.
    from app.vm.qmp import open_monitor  # noqa: PLC0415

    return open_monitor(address, changed)


def finish(
    child: Child,
    address: QmpAddress | None,
    impatience: Impatience,
    tell: Callable[[str], None],
    grace: Grace | None = None,
    open_monitor: OpenMonitor = open_qmp,
) -> tuple[int | None, Step | None]:
    """Ask, tell, and at last make the VM end. Its exit status, None when it did not end; and the last step taken.

    ``tell`` gets a line for each step. A VM that ended by itself needs none.
    """
    wake = _Wake()
    monitor: Monitor | None = None
    try:
        if address is not None and child.poll() is None:
            monitor = open_monitor(address, wake.set)
        return _Finish(child, monitor, wake, impatience, tell).run(grace)
    finally:
        if monitor is not None:
            monitor.close()
        wake.close()


class _Finish:
    def __init__(
        self, child: Child, monitor: Monitor | None, wake: _Wake, impatience: Impatience, tell: Callable[[str], None]
    ) -> None:
        self._child = child
        self._monitor = monitor
        self._wake = wake
        self._impatience = impatience
        self._tell = tell
        self._seen = impatience.count
        # What the monitor's thread heard, for this one to deal with.
        self._refusals: deque[tuple[Step, str]] = deque()

    def run(self, grace: Grace | None) -> tuple[int | None, Step | None]:
        link = self._ready_link()
        ready = link is not None and link.state is LinkState.READY
        if link is not None and not ready and self._child.poll() is None:
            self._tell(f"the guest cannot be asked to power off: {link.detail or 'the monitor does not answer'}")
        ending = Ending(ready, owned=True, run_state=link.run_state if link is not None else None, grace=grace)
        last: Step | None = None
        while True:
            report = ending.look(time.monotonic_ns(), ended=self._child.poll() is not None)
            if report.step is not None:
                last = report.step
                self._tell(report.words + ("; Ctrl-C: at once" if last is Step.POWERDOWN else ""))
                self._do(last, ending)
            if report.over:
                if self._child.poll() is None:
                    self._tell(report.words)
                return self._child.poll(), last
            self._wait(ending.due)
            if self._impatience.count > self._seen:
                self._seen = self._impatience.count
                ending.impatient()
            while self._refusals:
                step, why = self._refusals.popleft()
                if self._child.wait(_LAST_WORDS_S) is None:
                    ending.refused(step, why)
            if self._monitor is not None and self._monitor.link.run_state == "shutdown":
                ending.guest_off()

    def _ready_link(self) -> Link | None:
        """The monitor's link once it is clear whether it answers."""
        if self._monitor is None:
            return None
        until = time.monotonic_ns() + round(_MONITOR_PATIENCE_S * 1e9)
        while (
            self._monitor.link.state is LinkState.CONNECTING
            and self._child.poll() is None
            and self._impatience.count == self._seen
            and time.monotonic_ns() < until
        ):
            self._wait(until)
        return self._monitor.link

    def _wait(self, until: int | None) -> None:
        """Until the VM ends, the user is impatient, the monitor has news, or it is that time (in nanoseconds)."""
        ready = select.poll()
        for each in (self._child, self._impatience, self._wake):
            ready.register(each.fileno(), select.POLLIN)
        ready.poll(None if until is None else max(0, until - time.monotonic_ns()) / 1e6)
        self._impatience.forget()
        self._wake.forget()

    def _do(self, step: Step, ending: Ending) -> None:
        match step:
            case Step.POWERDOWN | Step.QUIT:
                assert self._monitor is not None
                command = "system_powerdown" if step is Step.POWERDOWN else "quit"
                self._monitor.execute(command, done=lambda reply: self._heard(step, reply))
            case Step.TERMINATE | Step.KILL:
                try:
                    self._child.send(signal.SIGTERM if step is Step.TERMINATE else signal.SIGKILL)
                except OSError as error:
                    ending.refused(step, error_text(error))

    def _heard(self, step: Step, reply: Reply) -> None:
        """On the monitor's thread."""
        if reply.error is not None:
            self._refusals.append((step, reply.error))
            self._wake.set()
