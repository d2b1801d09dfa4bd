"""Findings about the VM of a picture: whether it runs, and what the kernel says about its vGPU."""

import shlex
from collections.abc import Iterator

from app.diagnosis.finding import Finding
from app.diagnosis.picture.host_facts import HostFacts, RunState, VmFacts
from app.diagnosis.picture.picture_keys import PictureKey
from app.vm.monitor_lookup import SESSION

_KEYS = {
    RunState.STOPPED: PictureKey.VM_STOPPED,
    RunState.PAUSED: PictureKey.VM_PAUSED,
    RunState.SUSPENDED: PictureKey.VM_SUSPENDED,
    RunState.SHUT_DOWN: PictureKey.VM_SHUT_DOWN,
    RunState.FAILED: PictureKey.VM_FAILED,
}
_MOST_LINES = 3
# enter_failsafe_mode() in drivers/gpu/drm/i915/gvt/handlers.c of Linux 6.1.
_FAILSAFE = ("failsafe", "your guest driver doesn't support gvt-g")


def vm_finding(vm: VmFacts | None) -> Finding | None:
    """Why the guest does not run; None if it runs, or if that is not known."""
    if vm is None or vm.state is None or vm.state is RunState.RUNNING:
        return None
    remedies = {
        RunState.STOPPED: f"Let it go on: kill -CONT {vm.pid or 'PID'}",
        RunState.PAUSED: f"Let it run: {_command('resume', 'cont', vm)}.",
        RunState.SUSPENDED: f"Wake it: {_command('dompmwakeup', 'system_wakeup', vm)}.",
        RunState.SHUT_DOWN: "Start the VM again.",
        RunState.FAILED: "Look at the VM's log, then reset it or start it again.",
    }
    process = f"process {vm.pid}" if vm.pid else "a recorded VM"
    evidence = f"{process}; {vm.state_evidence}" if vm.state_evidence else process
    return _KEYS[vm.state].finding(evidence, remedies[vm.state])


def _command(of_virsh: str, of_monitor: str, vm: VmFacts) -> str:
    """What makes the VM run. Whoever started the VM chose its name, and users paste it into a shell.

    Only the libvirt that started a VM knows it.
    """
    monitor = f"the monitor's command '{of_monitor}'"
    if vm.libvirt is None or not vm.name:
        return monitor
    name = shlex.quote(vm.name)
    if vm.libvirt == SESSION:
        return f"virsh -c qemu:///session {of_virsh} {name}; or {monitor}"
    return f"virsh -c qemu:///system {of_virsh} {name}; or {monitor}"


def failsafe_line(host: HostFacts) -> str | None:
    """The kernel's message that GVT-g gave a guest up, None if there is none."""
    for line in reversed(host.kernel_lines):
        if any(each in line.lower() for each in _FAILSAFE):
            return line
    return None


def kernel_message_findings(host: HostFacts, *, shown: bool) -> Iterator[Finding]:
    """The last messages of the kernel or the vGPU's manager, in their own words. ``shown``: there is a picture."""
    failsafe = failsafe_line(host) if not shown else None
    if failsafe is not None:
        remedy = "Use a guest driver that supports GVT-g (i915 of Linux 4.8 or later), then restart the VM."
        yield PictureKey.GVT_FAILSAFE.finding(failsafe, remedy)
    others = [each for each in host.kernel_lines if each != failsafe]
    if others:
        yield PictureKey.KERNEL_MESSAGES.finding(" | ".join(others[-_MOST_LINES:]))
