"""``mdevview run``: a VM started, shown, and ended with its window."""

import argparse
import os
import signal
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from app.attach.helper_fds import HelperMethod
from app.errors import DeviceBusy, MdevviewError, NeedsRunningVm, NoSuchDevice, ProcessGone
from app.open.target import Named, Pid, Target
from app.vm.ending import Step
from app.vm.finish import finish
from app.vm.start import Order, Running, check, memory_hint, start
from ui.cli.output import printable
from ui.cli.parser import PROG
from ui.cli.stop_signals import StopSignals
from ui.cli.terminal import Terminal

if TYPE_CHECKING:
    from app.open.session import Session

_PAUSE_S = 0.1
# After this long somebody who looks at the terminal wants to know what is going on.
_TELL_AFTER_S = 5.0


def run(args: argparse.Namespace) -> int:
    """Start the VM, show it until the window is closed or it ends, and end it. Raises MdevviewError."""
    # The environment before Qt adds to it.
    order = Order(tuple(args.arguments), args.uuid, args.type, args.parent, dict(os.environ))
    check(order)
    from ui.cli.view import window_options  # noqa: PLC0415
    from ui.window.application import make_application, show  # noqa: PLC0415

    wanted = window_options(args)
    # First of all: where no window can open, no VM is started.
    application = make_application()
    terminal = Terminal()
    failure = 0
    with StopSignals() as stops:
        running = start(order)
        try:
            if running.created is not None:
                _tell(f"created vGPU {running.vgpu}, a {running.created.id} of {running.created.parent}")
            target = _target(running)
            session = _opened(running, target, wanted.helper, stops)
            if session is not None:
                watched = (running.child.fileno(), stops.fileno())
                show(application, target, session, replace(wanted, qmp=running.monitor), watched)
        except MdevviewError as error:
            # Said now, as the VM may take a minute to end.
            _tell(str(error))
            failure = error.exit_status
        finally:
            kept = args.keep_running and running.child.poll() is None
            status = _leave(running) if kept else _end(running, stops)
            terminal.restore()
            running.close()
    return failure or status


def _target(running: Running) -> Target:
    return Named(running.vgpu) if running.vgpu is not None else Pid(running.child.pid)


def _opened(running: Running, target: Target, helper: HelperMethod, stops: StopSignals) -> "Session | None":
    """The VM's device, waited for; None when the VM ended or was to end before it had one. Raises MdevviewError."""
    from app.open.opening import OpenOptions, open_target  # noqa: PLC0415

    tell_at = time.monotonic() + _TELL_AFTER_S
    while running.child.poll() is None and not stops.count:
        try:
            # Never alone: opened here, it would be busy for the VM.
            return open_target(target, options=OpenOptions(helper, alone=False))
        except (DeviceBusy, NeedsRunningVm, ProcessGone, NoSuchDevice) as error:
            if isinstance(error, NoSuchDevice) and not isinstance(target, Pid):
                raise
            if time.monotonic() > tell_at:
                tell_at = float("inf")
                _tell(f"the VM has not opened its vGPU yet: {error.message}; Ctrl-C ends it")
        # Ends at a signal too: within a pause.
        running.child.wait(_PAUSE_S)
    return None


def _leave(running: Running) -> int:
    shown = running.vgpu if running.vgpu is not None else f"pid:{running.child.pid}"
    _tell(f"the VM goes on as process {running.child.pid}; 'mdevview view {shown}' shows it again")
    if running.created is not None:
        _tell(f"after its end, remove its vGPU: echo 1 | sudo tee /sys/bus/mdev/devices/{running.vgpu}/remove")
    running.keep()
    return 0


def _end(running: Running, stops: StopSignals) -> int:
    """Bring the VM to its end, as decently as the user has time for; the exit status."""
    status, step = finish(running.child, running.monitor, stops, _tell)
    if status == 0 or (status == -signal.SIGTERM and step is Step.TERMINATE):
        return 0
    if status is not None and status < 0:
        _tell(f"the VM was killed by {signal.Signals(-status).name}")
    elif status is not None:
        hint = memory_hint()
        _tell(f"the VM ended with status {status}, its own words stand above" + (f"; {hint}" if hint else ""))
    return 1


def _tell(text: str) -> None:
    """One line for whoever looks at the terminal; also when the terminal is gone, which SIGHUP is about."""
    try:
        print(f"{PROG}: {printable(text)}", file=sys.stderr, flush=True)
    except OSError:
        return
