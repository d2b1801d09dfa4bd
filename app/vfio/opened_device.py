"""An open VFIO device, with everything that its poller needs."""

from collections.abc import Callable
from dataclasses import dataclass

from app.device.seam import Device
from app.host.process import Process
from app.host.vgpu import Vgpu
from app.host.vm import Vm
from app.planes.dmabuf import DmaBufInfo, dma_buf_info
from app.planes.frame import Frame
from app.planes.status import Status
from app.vfio.buffer_cache import FetchRecord, FetchRule
from app.vfio.poller import Poller
from app.vfio.region_mapping import stays_of


@dataclass(frozen=True, slots=True)
class OpenedDevice:
    """``target`` is the target that opens it again, ``label`` its name for a person. Owns ``device``.

    ``ended`` returns the reason why no more frames will come, None while some may. ``vm`` is the VM that has the
    device; ``process`` tells that VM's end, and is closed with the device. ``record`` records the fetches.
    ``true_flip_ns`` tells when the guest flipped to what a frame shows, ``flips_lost`` how many flips no query saw,
    ``host_faults`` which faults of the host around the device are active; these three are None for all but simulated
    devices. ``buffer_info`` tells of a fetched fd.
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
    true_flip_ns: Callable[[Frame], int | None] | None = None
    flips_lost: Callable[[], int] | None = None
    host_faults: Callable[[], frozenset[str]] | None = None
    buffer_info: Callable[[int], DmaBufInfo] = dma_buf_info

    def poller(self) -> Poller:
        """A poller that takes the device over."""
        return Poller(
            self.device,
            self.rule,
            self.ended,
            record=self.record,
            end_fd=self.end_fd,
            stays=stays_of(self.vgpu),
            buffer_info=self.buffer_info,
        )

    def end_fd(self) -> int:
        """The pidfd of the VM that has the device; -1 without one, and after the device was closed."""
        return self.process.fileno() if self.process is not None else -1
