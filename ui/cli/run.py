"""``mdevview run``: starts a VM, shows it, and ends it with its window."""

import argparse
import os
import signal
import sys
import time
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from app.attach.helper_fds import HelperMethod
from app.errors import DeviceBusy, MdevviewError, NeedsRunningVm, NoSuchDevice, ProcessGone
from app.open.target import Named, Pid, Target
from app.vm.child import Child
from app.vm.shutdown import shut_down
from app.vm.shutdown_sequence import ShutdownStep
from app.vm.started_vm import StartedVm, StartOptions, check_options, memory_hint, start_vm
from ui.cli.output import printable
from ui.cli.parser import PROG
from ui.cli.stop_signals import StopSignals
from ui.cli.terminal import Terminal

if TYPE_CHECKING:
    from app.open.session import Session
    from ui.window.interrupt import Interrupt
    from ui.window.machine.machine import Machine
    from ui.window.viewer import Viewer

_RETRY_DELAY_S = 0.1
# After this long the user wants to know why there is no window.
_MESSAGE_DELAY_S = 5.0


def run(args: argparse.Namespace) -> int:
    """Start the VM, show it until the window is closed or it ends, and end it. Raises MdevviewError."""
    # A copy, before Qt adds to the environment.
    options = StartOptions(tuple(args.arguments), args.uuid, args.type, args.parent, dict(os.environ))
    check_options(options)
    from ui.cli.view import window_options  # noqa: PLC0415
    from ui.window.application import make_application, show  # noqa: PLC0415

    wanted = window_options(args)
    # First, so that no VM is started if no window can open.
    application = make_application()
    terminal = Terminal()
    failure = 0
    with StopSignals() as stop_signals, ExitStack() as cleanup:
        running = start_vm(options)
        # Called last whatever fails, the terminal first.
        cleanup.callback(running.close)
        cleanup.callback(terminal.restore)
        window = _Window(running.child, stop_signals, asks=not args.keep_running)
        try:
            if running.created is not None:
                _print_message(f"created vGPU {running.vgpu}, a {running.created.id} of {running.created.parent}")
            target = _target(running)
            session = _opened(running, target, wanted.helper, stop_signals)
            if session is not None:
                watched = (running.child.fileno(), stop_signals.fileno())
                show(
                    application, target, session, replace(wanted, qmp=running.monitor), watched, started=window.connect
                )
        except MdevviewError as error:
            # Printed now, because the VM may take a minute to end.
            _print_message(str(error))
            failure = error.exit_status
        finally:
            kept = (args.keep_running or window.left_running) and running.child.poll() is None
            status = _leave(running) if kept else _end(running, stop_signals, window.last_step)
    return failure or status


class _Window:
    """What the window of the VM, which is the process ``child``, tells after it was closed."""

    def __init__(self, child: Child, stop_signals: StopSignals, *, asks: bool) -> None:
        """``asks``: the user is asked what happens to the VM when the window is closed, but not after a signal."""
        self._child = child
        self._stop_signals = stop_signals
        self._asks = asks
        self._machine: Machine | None = None

    def connect(self, viewer: "Viewer", interrupt: "Interrupt") -> None:
        """The window is there."""
        self._machine = viewer.window.machine
        # A signal before the window was there was counted, and the one that ends it is told by ``interrupt``.
        self._machine.own(self._child, lambda: not self._asks or interrupt.last != 0 or self._stop_signals.count > 0)

    @property
    def left_running(self) -> bool:
        """Whether the user closed the window and wants the VM to go on."""
        return self._machine is not None and self._machine.left_running

    @property
    def last_step(self) -> ShutdownStep | None:
        return self._machine.last_step if self._machine is not None else None


def _target(running: StartedVm) -> Target:
    if running.vgpu is not None:
        return Named(running.vgpu)
    # QEMU puts graphic consoles before the others. The menu has the other ones.
    return Pid(running.child.pid, console=0 if running.shows_console else None)


def _opened(running: StartedVm, target: Target, helper: HelperMethod, stop_signals: StopSignals) -> "Session | None":
    """Wait for the VM's screen. None if the VM ended or the user stopped it first. Raises MdevviewError."""
    from app.open.opening import OpenOptions, open_target  # noqa: PLC0415

    message_at = time.monotonic() + _MESSAGE_DELAY_S
    while running.child.poll() is None and not stop_signals.count:
        try:
            # Not alone: a vGPU that is open here would be busy for the VM.
            return open_target(target, options=OpenOptions(helper, alone=False, qmp=running.monitor))
        except (DeviceBusy, NeedsRunningVm, ProcessGone, NoSuchDevice) as error:
            late = time.monotonic() > message_at
            if isinstance(error, NoSuchDevice) and (not isinstance(target, Pid) or (late and running.shows_console)):
                raise
            if late:
                message_at = float("inf")
                what = "shown its screen" if running.shows_console else "opened its vGPU"
                _print_message(f"the VM has not {what} yet: {error.message}; Ctrl-C ends it")
        # A signal is noticed after this pause.
        running.child.wait(_RETRY_DELAY_S)
    return None


def _leave(running: StartedVm) -> int:
    running.keep()
    shown = running.vgpu if running.vgpu is not None else f"pid:{running.child.pid}"
    _print_message(f"the VM goes on as process {running.child.pid}; 'mdevview view {shown}' shows it again")
    if running.created is not None:
        _print_message(f"after its end, remove its vGPU: echo 1 | sudo tee /sys/bus/mdev/devices/{running.vgpu}/remove")
    return 0


def _end(running: StartedVm, stop_signals: StopSignals, done: ShutdownStep | None) -> int:
    """Power the VM down, or end it at once if the user sends a second signal. Returns the exit status.

    ``done`` is the last step that the user's window has done.
    """
    status, step = shut_down(running.child, running.monitor, stop_signals, _print_message)
    step = step or done
    if status == 0 or (status == -signal.SIGTERM and step is ShutdownStep.TERMINATE):
        return 0
    if status is not None and status < 0:
        _print_message(f"the VM was killed by {_signal_name(-status)}")
    elif status is not None:
        hints = [each for each in (memory_hint() if not running.shows_console else "", running.failure_hint) if each]
        _print_message("; ".join([f"the VM ended with status {status}, its messages are above", *hints]))
    return 1


def _signal_name(number: int) -> str:
    """``SIGSEGV``, ``SIGRTMIN+1``: most real-time signals have no name of their own (signal(7))."""
    try:
        return signal.Signals(number).name
    except ValueError:
        if signal.SIGRTMIN < number < signal.SIGRTMAX:
            return f"SIGRTMIN+{number - signal.SIGRTMIN}"
        return f"signal {number}"


def _print_message(text: str) -> None:
    """Print one line on standard error. A terminal that was closed, as after SIGHUP, is no error."""
    try:
        print(f"{PROG}: {printable(text)}", file=sys.stderr, flush=True)
    except OSError:
        return
