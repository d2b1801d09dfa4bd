"""The profiles of simulated devices: opens the device that the text after ``sim:`` describes."""

import time
from collections.abc import Callable
from dataclasses import replace

from app.sim.config.spec import parse_spec
from app.sim.driver.device import SimulatedDevice
from app.sim.driver.gvt import GvtDevice
from app.sim.driver.mbochs import MbochsDevice
from app.sim.driver.mdpy import MdpyDevice

_DEVICES: dict[str, type[SimulatedDevice]] = {
    "gvt": GvtDevice,
    "mbochs": MbochsDevice,
    "mdpy": MdpyDevice,
}


def open_simulated(spec: str, clock: Callable[[], int] = time.monotonic_ns) -> SimulatedDevice:
    """The device that ``spec`` describes (:mod:`app.sim.config.spec`). The caller closes it.

    ``clock`` counts nanoseconds; all changes of the device depend only on it. Raises ValueError with one sentence for a
    wrong specification, OSError if there is no memory for the framebuffers.
    """
    parsed = parse_spec(spec)
    device = _DEVICES[parsed.profile](parsed, clock)
    device.vgpu = replace(device.vgpu, name=f"sim:{spec}")
    return device
