"""What a user does to a whole VM: power down, reset, pause, resume, force off. Each kind of monitor has a way to do it.

In QMP these are ``system_powerdown``, ``system_reset``, ``stop``, ``cont`` and ``quit`` (QEMU's qapi/machine.json,
qapi/misc.json and qapi/control.json); in libvirt virDomainShutdown, virDomainReset, virDomainSuspend, virDomainResume
and virDomainDestroy.
"""

from enum import Enum


class PowerAction(Enum):
    """The value is the command in QMP."""

    POWERDOWN = "system_powerdown"
    """The guest sees its power button pressed. It may ignore that."""
    RESET = "system_reset"
    """The VM starts again at once, and the guest is not asked."""
    PAUSE = "stop"
    RESUME = "cont"
    FORCE_OFF = "quit"
    """The VM ends at once, and the guest is not asked. QEMU flushes its disks."""


# QEMU's RunState (qapi/run-state.json). A guest that sleeps is woken by its power button.
_RUNNING = "running"
_ASLEEP = "suspended"
_OFF = "shutdown"
# `cont` continues these. After the others QEMU demands a reset first (runstate_needs_reset() in system/runstate.c).
_STOPPED = ("paused", "prelaunch", "io-error", "watchdog", "debug", "guest-panicked", "postmigrate")
# The VM's memory is read or written as a whole.
_MOVING = ("inmigrate", "finish-migrate", "save-vm", "restore-vm", "colo")


def refusal(action: PowerAction, run_state: str | None) -> str:
    """Why the VM cannot do it in this state, which is QEMU's word; empty if it can.

    A VM whose state is not known (None) may be asked: it answers with an error if it cannot.
    """
    if run_state is None or action is PowerAction.FORCE_OFF:
        return ""
    if run_state in _MOVING:
        return f"the VM is busy ({run_state})"
    match action:
        case PowerAction.POWERDOWN if run_state == _OFF:
            return "the guest is off"
        case PowerAction.POWERDOWN if run_state not in (_RUNNING, _ASLEEP):
            return f"the VM is {run_state}: {'resume' if run_state in _STOPPED else 'reset'} it first"
        case PowerAction.PAUSE if run_state != _RUNNING:
            return f"the VM is {_ASLEEP}: a key wakes it" if run_state == _ASLEEP else f"the VM is {run_state}"
        case PowerAction.RESUME if run_state == _RUNNING:
            return "the VM is running"
        case PowerAction.RESUME if run_state == _ASLEEP:
            return f"the VM is {_ASLEEP}: a key wakes it"
        case PowerAction.RESUME if run_state not in _STOPPED:
            return f"the VM is {run_state}: reset it first"
    return ""
