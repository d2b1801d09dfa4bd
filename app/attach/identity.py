"""Which device a fd is, where neither its name nor the kernel tells: by what it answers, compared with sysfs.

Before Linux 6.18 every device that was opened by its group is an ``anon_inode:[vfio-device]`` and nothing more. Of
several in one process the wrong one would be shown, so that a guess is marked as one.
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
# The PCI identities that sample drivers give their devices, and what their types differ in (samples/vfio-mdev).
_IDENTITIES = {"mbochs": (0x1234, 0x1111), "mdpy": (0x1B36, 0x000F)}
_FIRST_BAR = {"mbochs-small": 4 * _MIB, "mbochs-medium": 16 * _MIB, "mbochs-large": 64 * _MIB}


@dataclass(frozen=True, slots=True)
class Answers:
    """What a device says of itself. ``pci`` is (vendor, device) or None; ``bars`` are sizes, -1 for no answer."""

    flags: int
    offer: DisplayOffer
    pci: tuple[int, int] | None
    bars: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """What sysfs says of a device; None and empty where it does not."""

    is_pci: bool | None = None
    display: KnownDisplay = KnownDisplay.UNKNOWN
    pci: tuple[int, int] | None = None
    bars: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Match:
    """``certain`` is False for what only the order of devices suggests."""

    name: str
    certain: bool


def ask(device: Device) -> Answers:
    """Ask a device. Raises OSError for what is no VFIO device, or one that is not set up (a cdev before its BIND)."""
    flags = device_info(device).flags
    offer = probe(device)
    if not flags & vfio.VFIO_DEVICE_FLAGS_PCI:
        return Answers(flags, offer, None, ())
    return Answers(flags, offer, _pci_identity(device), tuple(_size(device, index) for index in range(_BARS)))


def facts_of(vgpu: Vgpu, paths: Paths = HOST) -> Facts:
    """Read what sysfs has for comparison."""
    if vgpu.uuid is None:
        folder = paths.sys / "bus/pci/devices" / vgpu.name
        # Only the plain driver shows the guest what the host sees; a vendor's may make up another function.
        if vgpu.driver != "vfio-pci":
            return Facts(True, known_display(vgpu))
        return Facts(True, known_display(vgpu), _sysfs_identity(folder), _resources(folder))
    api = text_of(paths.sys / "bus/mdev/devices" / vgpu.name / "mdev_type/device_api")
    # GVT-g gives the guest the identity of the GPU itself (intel_vgpu_init_cfg_space() copies its firmware's).
    identity = _IDENTITIES.get(vgpu.driver or "") or _sysfs_identity(paths.sys / "bus/pci/devices" / str(vgpu.parent))
    first = _FIRST_BAR.get(vgpu.type_id or "")
    return Facts(
        api == "vfio-pci" if api is not None else None,
        known_display(vgpu),
        identity,
        (first,) if first else (),
    )


def could_be(answers: Answers, facts: Facts) -> bool:
    """Whether nothing that is known of both contradicts."""
    if facts.is_pci is not None and facts.is_pci != bool(answers.flags & vfio.VFIO_DEVICE_FLAGS_PCI):
        return False
    if facts.pci is not None and answers.pci is not None and facts.pci != answers.pci:
        return False
    offers = {
        KnownDisplay.DMABUF: answers.offer.dmabuf,
        KnownDisplay.REGION: answers.offer.region,
        KnownDisplay.NONE: answers.offer.backing is None,
        KnownDisplay.UNKNOWN: True,
    }
    if not offers[facts.display]:
        return False
    return all(told == known for told, known in zip(answers.bars, facts.bars, strict=False) if told >= 0 and known >= 0)


def assign(found: Mapping[int, Answers], known: Mapping[str, Facts], order: Sequence[str] = ()) -> dict[int, Match]:
    """Which device each fd is. ``known`` are all devices the process may have open, ``order`` some of them as realized.

    A fd is certain when it can be only one device. What is left is a guess, made where the counts agree: look-alikes
    are matched by order, as QEMU realizes devices in the order of its command line (qemu_create_cli_devices() in
    system/vl.c) and the kernel gives out the lowest free fd. A device plugged in later, or a fd that was free in
    between, breaks that.
    """
    fitting = {fd: {name for name, facts in known.items() if could_be(found[fd], facts)} for fd in found}
    matches = {fd: Match(next(iter(names)), certain=True) for fd, names in fitting.items() if len(names) == 1}
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
    """The sizes of the BARs; each line of ``resource`` has start, end and flags."""
    sizes = []
    for line in (text_of(folder / "resource") or "").splitlines()[:_BARS]:
        try:
            start, end, _flags = (int(each, 16) for each in line.split())
        except ValueError:
            return ()
        sizes.append(end - start + 1 if end else 0)
    return tuple(sizes)
