"""The host around a simulated device, as the faults of the device describe it: its VM, its GPU, the kernel's words.

Without such a fault nothing is known of a host, as there is none.
"""

import os
from collections.abc import Set

from app.diagnosis.picture.host_facts import ExporterFacts, HostFacts, RunState, VmFacts

_STATES = {
    "vm-stopped": (RunState.STOPPED, "state T, stopped by a signal"),
    "vm-paused": (RunState.PAUSED, "query-status: paused"),
    "vm-suspended": (RunState.SUSPENDED, "query-status: suspended"),
    "vm-shut-down": (RunState.SHUT_DOWN, "query-status: shutdown"),
    "vm-failed": (RunState.FAILED, "query-status: internal-error"),
}
_RUNNING = (RunState.RUNNING, "query-status: running")
_AGE_S = 20.0
# enter_failsafe_mode() in drivers/gpu/drm/i915/gvt/handlers.c of Linux 6.1.
_FAILSAFE = "gvt: vgpu 1: Now vgpu 1 will enter failsafe mode. (simulated)"
# No GPU has this address: sysfs numbers the domains of PCI from 0.
_OTHER_GPU = ExporterFacts("ffff:00:02.0", "i915 (simulated)")


def simulated_host(faults: Set[str]) -> HostFacts:
    """What the host says while these faults are active (:data:`app.sim.config.fault.HOST_FAULTS`).

    The VM's process is this one, as it draws what the guest shows.
    """
    if not faults:
        return HostFacts()
    state, evidence = next((value for name, value in _STATES.items() if name in faults), _RUNNING)
    vm = VmFacts(
        pid=os.getpid(),
        name="simulated",
        state=state,
        state_evidence=f"{evidence} (simulated)",
        age_s=_AGE_S,
        opregion=False if "no-opregion" in faults else None,
        firmware_screen="simulated VGA" if "firmware-screen" in faults else None,
    )
    return HostFacts(
        vm=vm,
        exporter=_OTHER_GPU if "other-gpu" in faults else None,
        kernel_lines=(_FAILSAFE,) if "failsafe" in faults else (),
    )
