"""The profiles of simulated devices: opens the device that the text after ``sim:`` describes."""

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from app.sim.config.spec import parse_spec
from app.sim.driver.device import SimulatedDevice
from app.sim.driver.devices import DEVICES, new_memory
from app.sim.guest.guest import Guest
from app.sim.guest.local_guest import LocalGuest


def open_simulated(
    spec: str, clock: Callable[[], int] = time.monotonic_ns, *, own_process: bool = False
) -> SimulatedDevice:
    """The device that ``spec`` describes (:mod:`app.sim.config.spec`). The caller closes it.

    ``clock`` counts nanoseconds; all changes of the device depend only on it. With ``own_process`` the guest draws and
    flips in another process (:mod:`app.sim.guest_process.process_guest`), which only knows the default clock. Raises
    ValueError with one sentence for a wrong specification, OSError if there is no memory for the framebuffers, or if
    the process cannot be started.
    """
    parsed = parse_spec(spec)
    kind = DEVICES[parsed.profile]
    guest: Guest
    if own_process:
        # Imported here, because only measurements need it.
        from app.sim.guest_process.process_guest import ProcessGuest  # noqa: PLC0415

        assert clock is time.monotonic_ns, "a process has no other clock"
        guest = ProcessGuest(parsed, kind.exports_dma_bufs)
    else:
        guest = LocalGuest(parsed, clock, partial(new_memory, kind), kind.shares_memory)
    try:
        device = kind(parsed, guest)
    except BaseException:
        guest.close()
        raise
    device.vgpu = replace(device.vgpu, name=f"sim:{spec}")
    return device
