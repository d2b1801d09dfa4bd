"""Finds the vGPU of a device fd by its traits: compares what the device answers with what sysfs says.

Before Linux 6.18 the kernel does not tell the device of a fd that was opened by a group: its link is only
``anon_inode:[vfio-device]``. If a process has several of them, the wrong one could be shown. So a guess is marked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.abi import vfio
from app.device.gfx_plane import DisplayOffer, probe
from app.device.info import device_info, region_info
from app.device.seam import Device
from app.host.drivers import KnownDisplay, known_display
from app.host.paths import HOST, Paths, text_of
from app.host.vgpu import Vgpu

_BARS = 6
_MIB = 1 << 20
# The PCI identities of the sample drivers' devices, and the sizes in which their types differ (samples/vfio-mdev).
_IDENTITIES = {"mbochs": (0x1234, 0x1111), "mdpy": (0x1B36, 0x000F)}
_FIRST_BAR = {"mbochs-small": 4 * _MIB, "mbochs-medium": 16 * _MIB, "mbochs-large": 64 * _MIB}


@dataclass(frozen=True, slots=True)
class DeviceTraits:
    """What a device says about itself. ``pci`` is (vendor, device) or None.

    ``bars`` are sizes in bytes, -1 for no answer.
    """

    flags: int
    offer: DisplayOffer
    pci: tuple[int, int] | None
    bars: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SysfsTraits:
    """What sysfs says about a device; None or empty if it says nothing."""

    is_pci: bool | None = None
    display: KnownDisplay = KnownDisplay.UNKNOWN
    pci: tuple[int, int] | None = None
    bars: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Match:
    """The name of the vGPU of a fd. ``certain`` is False unless the kernel tells it: a device's traits are a guess."""

    name: str
    certain: bool


def read_device_traits(device: Device) -> DeviceTraits:
    """Read the traits from a device.

    Raises OSError for a fd that is no VFIO device, or that is not set up (a cdev before its BIND).
    """
    flags = device_info(device).flags
    offer = probe(device)
    if not flags & vfio.VFIO_DEVICE_FLAGS_PCI:
        return DeviceTraits(flags, offer, None, ())
    return DeviceTraits(flags, offer, _pci_identity(device), tuple(_size(device, index) for index in range(_BARS)))


def read_sysfs_traits(vgpu: Vgpu, paths: Paths = HOST) -> SysfsTraits:
    """Read the traits from sysfs."""
    if vgpu.uuid is None:
        folder = paths.sys / "bus/pci/devices" / vgpu.name
        # Only the plain driver shows the guest the same device as the host. A vendor's driver may emulate another one.
        if vgpu.driver != "vfio-pci":
            return SysfsTraits(True, known_display(vgpu))
        return SysfsTraits(True, known_display(vgpu), _sysfs_identity(folder), _resources(folder))
    api = text_of(paths.sys / "bus/mdev/devices" / vgpu.name / "mdev_type/device_api")
    # GVT-g gives the guest the identity of the GPU itself (intel_vgpu_init_cfg_space() copies its firmware's).
    identity = _IDENTITIES.get(vgpu.driver or "") or _sysfs_identity(paths.sys / "bus/pci/devices" / str(vgpu.parent))
    first = _FIRST_BAR.get(vgpu.type_id or "")
    return SysfsTraits(
        api == "vfio-pci" if api is not None else None,
        known_display(vgpu),
        identity,
        (first,) if first else (),
    )


def compatible(device: DeviceTraits, sysfs: SysfsTraits) -> bool:
    """Whether the two can be of one device: no value that both have differs."""
    if sysfs.is_pci is not None and sysfs.is_pci != bool(device.flags & vfio.VFIO_DEVICE_FLAGS_PCI):
        return False
    if sysfs.pci is not None and device.pci is not None and sysfs.pci != device.pci:
        return False
    offers = {
        KnownDisplay.DMABUF: device.offer.dmabuf,
        KnownDisplay.REGION: device.offer.region,
        KnownDisplay.NONE: device.offer.backing is None,
        KnownDisplay.UNKNOWN: True,
    }
    if not offers[sysfs.display]:
        return False
    return all(own == known for own, known in zip(device.bars, sysfs.bars, strict=False) if own >= 0 and known >= 0)


def match_devices(
    devices: Mapping[int, DeviceTraits], known: Mapping[str, SysfsTraits], order: Sequence[str] = ()
) -> dict[int, Match]:
    """The device of each fd.

    ``known`` are all devices that the process may have open. ``order`` names some of them in the order in which QEMU
    created them. No match is certain, because a process may also have fds of other devices, which it received from
    another process. A fd that fits one device is matched first. The other fds are matched if there are as many fds as
    devices: devices with the same traits are matched by order, because QEMU creates devices in the order of its command
    line (qemu_create_cli_devices() in system/vl.c) and the kernel takes the lowest free fd. That guess is wrong if a
    device was plugged in later, or if a lower fd became free in between.
    """
    fitting = {fd: {name for name, sysfs in known.items() if compatible(devices[fd], sysfs)} for fd in devices}
    matches = {fd: Match(next(iter(names)), certain=False) for fd, names in fitting.items() if len(names) == 1}
    taken = {match.name for match in matches.values()}
    alike: dict[frozenset[str], list[int]] = {}
    for fd, names in fitting.items():
        if fd not in matches:
            alike.setdefault(frozenset(names - taken), []).append(fd)
    for left, fds in alike.items():
        if any(left & other for other in alike if other != left):
            continue
        ordered = [name for name in order if name in left] if len(left) > 1 else list(left)
        if len(ordered) == len(left) == len(fds):
            matches |= {fd: Match(name, certain=False) for fd, name in zip(sorted(fds), ordered, strict=True)}
    return matches


def _pci_identity(device: Device) -> tuple[int, int] | None:
    try:
        config = region_info(device, vfio.VFIO_PCI_CONFIG_REGION_INDEX)
        head = device.pread(4, config.offset)
    except OSError:
        return None
    if len(head) != 4:
        return None
    return int.from_bytes(head[:2], "little"), int.from_bytes(head[2:], "little")


def _size(device: Device, index: int) -> int:
    try:
        return region_info(device, index).size
    except OSError:
        return -1


def _sysfs_identity(folder: Path) -> tuple[int, int] | None:
    try:
        return int(text_of(folder / "vendor") or "", 16), int(text_of(folder / "device") or "", 16)
    except ValueError:
        return None


def _resources(folder: Path) -> tuple[int, ...]:
    """The sizes of the BARs. Each line of ``resource`` has start, end and flags."""
    sizes = []
    for line in (text_of(folder / "resource") or "").splitlines()[:_BARS]:
        try:
            start, end, _flags = (int(each, 16) for each in line.split())
        except ValueError:
            return ()
        sizes.append(end - start + 1 if end else 0)
    return tuple(sizes)
