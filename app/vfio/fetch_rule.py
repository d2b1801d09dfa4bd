"""How often a driver may be asked for a buffer: a mistake here corrupts the kernel of the host.

One driver must be asked only once: ``mbochs`` as shipped (samples/vfio-mdev/mbochs.c; app/vfio/fetch_record.py says
why). Alone with a device that rule is easily kept. In a VM's device others may have fetched: QEMU for a display of its
own, another viewer, one that is no more.
"""

import errno
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.abi import vfio
from app.attach.running_vm import Attached
from app.device.info import region_info
from app.device.seam import Device
from app.errors import error_text
from app.host import holders, vmm
from app.host.paths import HOST, Paths
from app.host.process import start_time
from app.host.vgpu import Vgpu
from app.planes.status import Reason, Status
from app.qemu import command_line
from app.qemu.command_line import CommandLine, DeviceOption
from app.vfio.buffer_cache import FetchRecord, FetchRule
from app.vfio.fetch_record import Ledger, LedgerDoubt

_log = logging.getLogger(__name__)

# The sample driver whose exports must not be repeated, as its module is called; and its PCI identity.
_FETCH_ONCE_MODULE = "mbochs"
_MBOCHS_PCI_ID = (0x1234, 0x1111)


@dataclass(frozen=True, slots=True)
class Refusing:
    """A record that refuses everything, for one reason."""

    status: Status

    def refusal(self, _dmabuf_id: int) -> Status:
        return self.status

    def note(self, dmabuf_id: int) -> None:
        raise AssertionError(f"buffer {dmabuf_id} was refused")


@dataclass(frozen=True, slots=True)
class Fetching:
    """The rule for a device and where fetches are written down; ``ledger`` is to be closed with the device."""

    rule: FetchRule
    record: FetchRecord | None = None
    ledger: Ledger | None = None


def rule_of(vgpu: Vgpu) -> FetchRule:
    """The rule for a vGPU that nobody else has open.

    The driver's name decides where sysfs does not tell its module: the changed driver has the same one, and the careful
    rule costs it nothing but buffers held longer.
    """
    return FetchRule.ONCE if (vgpu.module or vgpu.driver) == _FETCH_ONCE_MODULE else FetchRule.FREELY


def rule_of_unknown(device: Device, paths: Paths = HOST) -> FetchRule:
    """The rule for a device that came as a fd: nothing tells its driver, and its other holders may have fetched."""
    if not (paths.sys / "module" / _FETCH_ONCE_MODULE).exists():
        return FetchRule.FREELY
    try:
        config = region_info(device, vfio.VFIO_PCI_CONFIG_REGION_INDEX)
        identity = device.pread(4, config.offset)
        if len(identity) != 4:
            raise OSError(errno.EIO, "short read of the configuration space")
    except OSError as error:
        _log.info("the device's PCI identity is unknown: %s", error_text(error))
        return FetchRule.NEVER
    found = (int.from_bytes(identity[:2], "little"), int.from_bytes(identity[2:], "little"))
    return FetchRule.NEVER if found == _MBOCHS_PCI_ID else FetchRule.FREELY


def fetching_of(attached: Attached, paths: Paths = HOST) -> Fetching:
    """The rule for a device of a VM. Of a driver that must be asked once: only when nobody else can have asked."""
    if attached.vgpu is None:
        return Fetching(rule_of_unknown(attached.device, paths))
    if rule_of(attached.vgpu) is FetchRule.FREELY:
        return Fetching(FetchRule.FREELY)
    doubt = _doubt(attached, attached.vgpu, paths)
    if doubt is None:
        try:
            ledger = Ledger.open(attached.vm.pid, start_time(attached.vm.pid, paths), attached.vgpu.name, paths)
            return Fetching(FetchRule.ONCE, ledger, ledger)
        except LedgerDoubt as refusal:
            doubt = str(refusal)
        except (OSError, ValueError, IndexError):
            doubt = "when the VM started cannot be seen"
    _log.info("%s: no buffer is fetched: %s", attached.vgpu.name, doubt)
    return Fetching(FetchRule.NEVER, Refusing(Status(Reason.FETCHED_ELSEWHERE, doubt)))


def _doubt(attached: Attached, vgpu: Vgpu, paths: Paths) -> str | None:
    """Why another process may have fetched from it, or may yet; None when none can."""
    if not attached.certain:
        return "which of the VM's devices this is cannot be told"
    if attached.role is not vmm.Role.VMM:
        return f"{attached.vm.process} {attached.vm.pid} has the device and is no known VM monitor"
    return (
        _shown_by_vm(attached.vm.arguments, vgpu.name)
        or _buffers_held(attached.vm.pid, attached.hidden, paths)
        or _other_holder(attached.vm.pid, vgpu, paths)
    )


def _shown_by_vm(arguments: Sequence[str], name: str) -> str | None:
    """Whether QEMU may show the device itself: with ``display=on``, or by itself where it has OpenGL.

    vfio_display_probe() in hw/vfio/display.c: "auto", the default, shows what it can, and dma-bufs need OpenGL.
    """
    line = command_line.parse(arguments)
    if line.reads_config or any(each.name == "set" for each in line.options):
        return "its VM's command line does not tell all its settings"
    ours = [each for each in line.vfio_devices if each.vfio_name == name]
    # Given by fd, a device has no name there.
    ours = ours or [each for each in line.vfio_devices if each.vfio_name is None]
    if not ours:
        return "its VM's command line does not name it: it was plugged in later"
    if all(_is_off(each, line) for each in ours):
        return None
    return "its VM may show it by itself: start it with display=off"


def _is_off(device: DeviceOption, line: CommandLine) -> bool:
    display = device.properties.get("display", "auto")
    if display != "auto":
        return display == "off"
    # A "global" counts where the device's own option is silent.
    if any(each.name == "global" and "display" in (each.value or "") for each in line.options):
        return False
    displays = [each.value for each in line.options if each.name == "display"]
    silent = line.has("nographic") or bool(displays)
    return silent and all(each == "none" for each in displays) and not line.has("spice", "sdl", "curses")


def _buffers_held(pid: int, hidden: bool, paths: Paths) -> str | None:
    """Whether a VM has dma-bufs of this driver. Of another user's VM only its command line can be seen."""
    folder = f"{paths.proc}/{pid}"
    try:
        for name in os.listdir(f"{folder}/fd"):
            try:
                link = os.readlink(f"{folder}/fd/{name}")  # noqa: PTH115
            except FileNotFoundError:
                continue
            if link.startswith("/dmabuf") and _exported_by_it(Path(folder, "fdinfo", name)):
                return "its VM holds buffers of it"
    except OSError as error:
        return None if hidden else f"its VM's files cannot be looked at: {error_text(error)}"
    return None


def _exported_by_it(fdinfo: Path) -> bool:
    try:
        text = fdinfo.read_text("utf-8", "replace")
    except FileNotFoundError:
        return False
    lines = (line.partition(":") for line in text.splitlines())
    return any(key == "exp_name" and value.strip() == _FETCH_ONCE_MODULE for key, _, value in lines)


def _other_holder(vm: int, vgpu: Vgpu, paths: Paths) -> str | None:
    """Whether a process holds the device that is neither its VM nor a viewer, which would keep to the ledger."""
    for each in holders.scan(paths).processes:
        if each.pid in (vm, os.getpid()) or each.viewer:
            continue
        by_cdev = vgpu.cdev is not None and vgpu.cdev in each.cdevs
        by_group = vgpu.iommu_group is not None and vgpu.iommu_group in each.groups
        # Without its group, a device fd tells its device since Linux 6.18 only.
        by_fd = any(
            fd.syspath.rsplit("/", 1)[-1] == vgpu.name if fd.syspath else not each.groups for fd in each.device_fds
        )
        if by_cdev or by_group or by_fd:
            return f"{each.process} {each.pid} holds the device, or one like it, too"
    return None
