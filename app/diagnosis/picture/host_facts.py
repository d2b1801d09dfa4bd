"""The facts about the host around one device: its VM, its GPU, the kernel's messages."""

from dataclasses import dataclass
from enum import Enum


class RunState(Enum):
    """Whether a VM runs. ``STOPPED``: a signal stopped its process. ``PAUSED``: its virtual CPUs are stopped."""

    RUNNING = "running"
    PAUSED = "paused"
    SUSPENDED = "suspended"
    STOPPED = "stopped"
    SHUT_DOWN = "shut-down"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class VmFacts:
    """The VM that has a device. Each value but ``pid`` is None if it is not known.

    ``state_evidence`` says in the system's words where ``state`` comes from ("query-status: paused"). ``age_s`` is how
    long its process runs. ``opregion``: whether the device on its command line has an OpRegion (``x-igd-opregion``);
    ``opregion_unset``: that option is missing, and what QEMU does without it is unknown. ``ramfb``: whether the device
    has ``ramfb=on`` or the VM a ramfb device. ``display`` is the value of the device's ``display`` option.
    ``firmware_screen``: another display device (VGA, virtio-vga) that shows the firmware. ``pid`` is 0 in a recording.
    ``libvirt`` is the URI of the libvirt that started it.
    """

    pid: int
    name: str | None = None
    state: RunState | None = None
    state_evidence: str = ""
    age_s: float | None = None
    opregion: bool | None = None
    ramfb: bool | None = None
    display: str | None = None
    firmware_screen: str | None = None
    opregion_unset: bool = False
    libvirt: str | None = None


@dataclass(frozen=True, slots=True)
class ExporterFacts:
    """The GPU that exports the device's dma-bufs: its address in sysfs, its driver, and its render node."""

    address: str
    driver: str | None = None
    render_node: str | None = None


@dataclass(frozen=True, slots=True)
class RecordingFacts:
    """A recording that is shown in place of a device. ``damage`` says why a part of it is missing; empty if none is.

    ``pixels`` says which pixels are in it: "all", "none" or "every N".
    """

    damage: str = ""
    pixels: str = "all"


@dataclass(frozen=True, slots=True)
class HostFacts:
    """``recording`` is None for a device.

    ``exporter`` is None for a driver whose buffers are in the host's memory, and where it is not known.

    ``kernel_lines`` are messages of the kernel, or of the vGPU's manager, about this device or its driver, the oldest
    first; each is cleaned and short. ``kernel_log_refused`` says why they could not be read, empty if they could.
    """

    vm: VmFacts | None = None
    exporter: ExporterFacts | None = None
    kernel_lines: tuple[str, ...] = ()
    kernel_log_refused: str = ""
    recording: RecordingFacts | None = None
