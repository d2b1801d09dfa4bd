"""The arguments that are added to a user's QEMU command line to show the VM. The user's arguments stay unchanged."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.errors import AmbiguousTarget, NoSuchDevice, UsageError
from app.host.drivers import KnownDisplay, known_display
from app.host.lookup import find_vgpu, names_of
from app.host.mdev import is_uuid
from app.host.vgpu import Use, Vgpu, is_nvidia
from app.qemu.command_line import CommandLine
from app.qemu.display_backend import dbus_option
from app.qemu.option_text import items, quoted
from app.qemu.qmp_address import UnixAddress
from app.vm import igd_opregion

_IOMMUFD_ID = "mdevview-iommufd"
# These programs run the VM as another user and in another process.
_USER_CHANGERS = ("sudo", "doas", "pkexec", "su", "runuser", "run0")


@dataclass(frozen=True, slots=True)
class VgpuChoice:
    """The VM's vGPU; ``add``: it must be added.

    ``vgpu`` is None if the command line has a VFIO device but no vGPU, or a D-Bus display instead.
    """

    vgpu: Vgpu | None
    add: bool


@dataclass(frozen=True, slots=True)
class PassedFds:
    """The fds of an iommufd and a VFIO cdev that the VM's process inherits."""

    iommufd: int
    device: int


def check_arguments(arguments: Sequence[str], command: CommandLine) -> None:
    """Raises UsageError for a command line whose process would not be the VM."""
    if not arguments:
        raise UsageError("no command line of a VM", "give it after --: mdevview run -- qemu-system-x86_64 ...")
    program = Path(arguments[0]).name
    if program in _USER_CHANGERS:
        raise UsageError(
            f"{program} cannot start the VM here: the VM would run as another user",
            "start it as yourself ('mdevview doctor' names the permissions it needs), or separately and view vm:NAME",
        )
    if command.daemonize:
        raise UsageError(
            "-daemonize moves the VM to another process, which mdevview cannot watch",
            "leave it out; with --keep-running the VM keeps running without the window",
        )


def choose_vgpu(command: CommandLine, requested: str | None, vgpus: Sequence[Vgpu]) -> VgpuChoice:
    """The vGPU that ``requested`` (a UUID or a part of it) or else the command line names, otherwise the only free one.

    A VM with QEMU's D-Bus display has a screen without a vGPU, so it gets one only if it is requested. Raises
    NoSuchDevice or AmbiguousTarget.
    """
    names = [device.vfio_name.lower() for device in command.vfio_devices if device.vfio_name is not None]
    # The others are plain pass-through.
    known = {each.name: each for each in vgpus if each.uuid is not None or each.type_id is not None}
    if requested is not None:
        vgpu = find_vgpu(requested.lower(), tuple(known.values()))
        return VgpuChoice(vgpu, add=vgpu.name not in names)
    for name in names:
        if name in known:
            return VgpuChoice(known[name], add=False)
        if is_uuid(name):
            raise NoSuchDevice(f"no vGPU {name}, which the VM's command line names", "--type T --uuid U creates it")
    if command.vfio_devices or dbus_option(command) is not None:
        return VgpuChoice(None, add=False)
    free = tuple(each for each in known.values() if _is_free(each))
    if len(free) == 1:
        return VgpuChoice(free[0], add=True)
    if free:
        listed = ", ".join(f"{each.name} ({each.type_id})" for each in free)
        raise AmbiguousTarget(f"{len(free)} free vGPUs: {listed}", "give one of them by --uuid", names_of(free))
    others = "'mdevview list' shows who has the others" if known else "this host has none ('mdevview doctor' says why)"
    remedy = f"--type T creates one; -display dbus,p2p=yes among QEMU's options shows the VM without one; {others}"
    raise NoSuchDevice("no free vGPU for the VM", remedy)


def _is_free(vgpu: Vgpu) -> bool:
    return vgpu.use is not Use.IN_USE and known_display(vgpu) is not KnownDisplay.NONE


def device_arguments(sysfs: Path, fds: PassedFds | None, opregion: bool = False) -> list[str]:
    """The arguments that add a vGPU by its IOMMU group or by open ``fds``. mdevview shows it, so QEMU's display is off.

    ``opregion`` gives the guest its OpRegion (:mod:`app.vm.igd_opregion`).

    QEMU needs the sysfs path even with a fd, to know that the device is an mdev (vfio_device_is_mdev() in
    hw/vfio/device.c).
    """
    device = f"vfio-pci,sysfsdev={quoted(str(sysfs))},display=off"
    if opregion:
        device += f",{igd_opregion.PROPERTY}=on"
    if fds is None:
        return ["-device", device]
    return [
        *("-object", f"iommufd,id={_IOMMUFD_ID},fd={fds.iommufd}"),
        *("-device", f"{device},iommufd={_IOMMUFD_ID},fd={fds.device}"),
    ]


def needs_uuid(command: CommandLine, vgpu: Vgpu | None) -> bool:
    """Whether the VM needs the option ``-uuid`` for its vGPU, and its command line has none.

    NVIDIA's vGPU manager looks for it on QEMU's command line ("Failed to get VM UUID from QEMU command-line"); a UUID
    in another option does not count.
    """
    return is_nvidia(vgpu) and command.uuid is None


def uuid_arguments(command: CommandLine, vgpu: Vgpu, used: Collection[str]) -> list[str]:
    """The option ``-uuid``: the UUID of the user's ``-smbios``, else that of the mdev, else a random one.

    The mdev's UUID stays the same at the next start, and so does what the guest's licences depend on. No other VM has
    it, unless it is among ``used``, the UUIDs of the VMs that run.
    """
    own = _smbios_uuid(command) or vgpu.uuid
    return ["-uuid", own if own is not None and own.lower() not in used else str(uuid.uuid4())]


def _smbios_uuid(command: CommandLine) -> str | None:
    for option in command.options:
        values = dict(items(option.value or ""))
        if option.name == "smbios" and values.get("type") == "1" and values.get("uuid"):
            return values["uuid"]
    return None


def monitor_arguments(socket: Path) -> list[str]:
    """The arguments that add a QMP monitor at ``socket``. QEMU does not wait for a client."""
    # The key "path=" is needed because a path may contain a "=".
    return ["-qmp", f"unix:path={quoted(str(socket))},server=on,wait=off"]


def has_monitor(command: CommandLine) -> bool:
    """Whether there is a QMP monitor to connect to; for a peer-to-peer display one that can pass a fd."""
    option = dbus_option(command)
    needed = UnixAddress if option is not None and option.p2p else object
    return any(each.address is not None and isinstance(each.address, needed) for each in command.monitors)
