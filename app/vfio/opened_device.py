"""A VFIO device that was opened, with all that its poller must know of it."""

from collections.abc import Callable
from dataclasses import dataclass

from app.device.seam import Device
from app.host.process import Process
from app.host.vgpu import Vgpu
from app.host.vm import Vm
from app.planes.status import Status
from app.vfio.buffer_cache import FetchRecord, FetchRule
from app.vfio.poller import Poller


@dataclass(frozen=True, slots=True)
class OpenedDevice:
    """``target`` names it again, ``label`` is its name for a person. The device belongs to whoever holds this.

    ``ended`` says why there is nothing more to come. ``vm`` has the facts of the VM that owns the device, and
    ``process`` tells that VM's end; it is closed with the device. ``record`` is where fetches are written down.
    """

    target: str
    label: str
    device: Device
    vgpu: Vgpu | None
    rule: FetchRule
    ended: Callable[[], Status | None]
    process: Process | None = None
    vm: Vm | None = None
    record: FetchRecord | None = None

    def poller(self) -> Poller:
        """A poller that takes the device over."""
        end_fd = self.process.fileno if self.process is not None else lambda: -1
        return Poller(self.device, self.rule, self.ended, record=self.record, end_fd=end_fd)
