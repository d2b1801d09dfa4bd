"""The simulated driver of each profile."""

from app.device.guest_memory import Memory
from app.sim.driver.device import SimulatedDevice
from app.sim.driver.gvt import GvtDevice
from app.sim.driver.mbochs import MbochsDevice
from app.sim.driver.mdpy import MdpyDevice

DEVICES: dict[str, type[SimulatedDevice]] = {
    "gvt": GvtDevice,
    "mbochs": MbochsDevice,
    "mdpy": MdpyDevice,
}


def new_memory(device: type[SimulatedDevice], size: int) -> Memory:
    """Memory for a framebuffer of ``size`` bytes, as the driver makes it. Raises OSError."""
    return Memory(device.memory_size(size), device.exports_dma_bufs)
