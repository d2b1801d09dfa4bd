"""Decides how often a buffer may be fetched. A mistake here corrupts the memory of the host's kernel.

The buffers of one driver may be fetched only once: the kernel's ``mbochs`` (samples/vfio-mdev/mbochs.c; see
app/vfio/fetch_record.py). That is easy if only this viewer has the device open. But other processes may have fetched
from the device of a VM: QEMU for its own display, another viewer, or a viewer that has ended.
"""

import errno
import logging
import os
from dataclasses import dataclass

from app.abi import vfio
from app.abi.kcmp import is_same_file
from app.attach.running_vm import AttachedDevice
from app.device.info import region_info
from app.device.seam import Device
from app.errors import error_text
from app.host import proc, vmm
from app.host.paths import HOST, Paths
from app.host.scan import HostScan
from app.host.scanned_process import ScannedProcess
from app.host.vgpu import Vgpu
from app.host.wording import process_text
from app.planes.status import Reason, Status
from app.qemu.command_line import CommandLine, DeviceOption
from app.qemu.display_options import display_of
from app.vfio.buffer_cache import FetchRecord, FetchRule
from app.vfio.fetch_record import FetchRecordError, FetchRecordFile, namespace_difference

_log = logging.getLogger(__name__)

# The module and the PCI identity of the sample driver whose buffers may be fetched only once.
_FETCH_ONCE_MODULE = "mbochs"
_MBOCHS_PCI_ID = (0x1234, 0x1111)


@dataclass(frozen=True, slots=True)
class RefusingRecord:
    """A record that refuses every fetch, for one reason."""

    status: Status

    def refusal(self, _dmabuf_id: int) -> Status:
        return self.status

    def note(self, dmabuf_id: int) -> None:
        raise AssertionError(f"buffer {dmabuf_id} was refused")


@dataclass(frozen=True, slots=True)
class FetchPolicy:
    """The rule for a device, and the record of its fetches. Close ``file`` after the device."""

    rule: FetchRule
    record: FetchRecord | None = None
    file: FetchRecordFile | None = None


def rule_of(vgpu: Vgpu) -> FetchRule:
    """The rule for a vGPU that nobody else has open.

    If sysfs does not tell the driver's module, the driver's name decides. The changed driver has the same name. It does
    not need the careful rule, but that rule only makes the viewer hold buffers longer.
    """
    return FetchRule.ONCE if (vgpu.module or vgpu.driver) == _FETCH_ONCE_MODULE else FetchRule.FREELY


def rule_of_fd(device: Device, paths: Paths = HOST) -> FetchRule:
    """The rule for a device of which only a fd is known: its driver is unknown, and other holders may have fetched."""
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
    pci_id = (int.from_bytes(identity[:2], "little"), int.from_bytes(identity[2:], "little"))
    return FetchRule.NEVER if pci_id == _MBOCHS_PCI_ID else FetchRule.FREELY


def fetch_policy(attached: AttachedDevice, scan: HostScan) -> FetchPolicy:
    """The rule for a device of a VM. With the fetch-once driver, no other process may have fetched."""
    if attached.vgpu is None:
        return FetchPolicy(rule_of_fd(attached.device, scan.paths))
    if rule_of(attached.vgpu) is FetchRule.FREELY:
        return FetchPolicy(FetchRule.FREELY)
    reason = _reason_not_to_fetch(attached, attached.vgpu, scan)
    if reason is None:
        try:
            file = _open_record(attached, attached.vgpu, scan)
            return FetchPolicy(FetchRule.ONCE, file, file)
        except FetchRecordError as error:
            reason = str(error)
    _log.info("%s: no buffer is fetched: %s", attached.vgpu.name, reason)
    return FetchPolicy(FetchRule.NEVER, RefusingRecord(Status(Reason.FETCHED_ELSEWHERE, reason)))


def _open_record(attached: AttachedDevice, vgpu: Vgpu, scan: HostScan) -> FetchRecordFile:
    """Open and lock the record. Raises FetchRecordError, also if another process than the VM has the device."""
    vm = scan.process(attached.vm.pid)
    if vm is None or not vm.started:
        raise FetchRecordError("the VM's start time cannot be seen")
    file = FetchRecordFile.open(vm.pid, vm.started, vgpu.name, scan.paths)
    # A viewer that fetches would hold the lock of this file. So every other holder is a reason not to fetch, whatever
    # its name is: any process may take this program's name.
    other = _other_holder(attached, vgpu, scan)
    if other is not None:
        file.close()
        raise FetchRecordError(other)
    return file


def _reason_not_to_fetch(attached: AttachedDevice, vgpu: Vgpu, scan: HostScan) -> str | None:
    """Why another process may have fetched from the device, or may do so later; None if no process can."""
    if not attached.certain:
        return "it is unknown which of the VM's devices this is"
    if attached.role is not vmm.Role.VMM:
        who = process_text(attached.vm.process, attached.vm.pid, None, attached.vm.uid)
        return f"{who} has the device and is no known VMM"
    return (
        _shown_by_vm(attached, vgpu.name)
        or _buffers_held(attached, scan)
        or _namespace_difference(attached, scan.paths)
    )


def _shown_by_vm(attached: AttachedDevice, name: str) -> str | None:
    """Why QEMU may show the device itself, with ``display=on`` or ``display=auto``; None if it does not.

    vfio_display_probe() in hw/vfio/display.c: "auto" shows the device if possible. Dma-bufs need OpenGL.
    """
    line = attached.vm.command_line()
    if attached.vm.arguments_cut or line.reads_config:
        return "its VM's command line does not have all its settings"
    ours = [each for each in line.vfio_devices if each.vfio_name == name]
    # A device that QEMU got as a fd has no name on the command line.
    ours = ours or [each for each in line.vfio_devices if each.vfio_name is None]
    if not ours:
        return "its VM's command line does not name it: it was plugged in later"
    if all(_is_off(each, line) for each in ours):
        return None
    return "its VM may show it by itself: start it with display=off"


def _is_off(device: DeviceOption, line: CommandLine) -> bool:
    display = display_of(device, line)
    if display != "auto":
        return display == "off"
    displays = [each.value for each in line.options if each.name == "display"]
    no_window = line.has("nographic") or bool(displays)
    return no_window and all(each == "none" for each in displays) and not line.has("spice", "sdl", "curses")


def _buffers_held(attached: AttachedDevice, scan: HostScan) -> str | None:
    """Why the VM may have dma-bufs of this driver; None if not. Only the command line of another user's VM is known."""
    vm = scan.process(attached.vm.pid)
    if vm is None or vm.files_hidden:
        return None if attached.hidden else "its VM's files cannot be seen"
    try:
        with proc.open_folder(scan.paths.proc / str(vm.pid)) as folder:
            exporters = [proc.read_fdinfo(fd, folder).get("exp_name") for fd in vm.dmabuf_fds]
    except OSError as error:
        return f"its VM's files cannot be seen: {error_text(error)}"
    # None: it was closed since the scan, and may have been a dma-buf of this driver.
    return "its VM holds buffers of it" if {_FETCH_ONCE_MODULE, None} & {*exporters} else None


def _namespace_difference(attached: AttachedDevice, paths: Paths) -> str | None:
    """Why a viewer may keep another record of this VM; None if all keep the same."""
    try:
        return namespace_difference(attached.vm.pid, paths)
    except PermissionError as error:
        return None if attached.hidden else f"its VM's files cannot be seen: {error_text(error)}"


def _other_holder(attached: AttachedDevice, vgpu: Vgpu, scan: HostScan) -> str | None:
    """Why another process than the VM and this one may have the device; None if none has."""
    for each in scan.processes:
        if each.pid in (attached.vm.pid, os.getpid()) or each.files_hidden:
            continue
        by_cdev = vgpu.cdev is not None and vgpu.cdev in each.cdevs
        by_group = vgpu.iommu_group is not None and vgpu.iommu_group in each.groups
        if by_cdev or by_group or _may_have_fd(each, attached, vgpu):
            return f"{process_text(each.name, each.pid, each.vm_name, each.uid)} holds the device, or one like it, too"
    return None


def _may_have_fd(process: ScannedProcess, attached: AttachedDevice, vgpu: Vgpu) -> bool:
    """Whether a process may have a fd of the device.

    Since Linux 6.18 a fd tells its device. Before, a fd of a process without the group may be any device. But a viewer
    has duplicates of a VM's fds: if its fd is another open file than ours, it is another device.
    """
    for each in process.device_fds:
        if each.syspath is not None:
            if each.device == vgpu.name:
                return True
        elif not process.groups:
            try:
                if not process.is_viewer or is_same_file(os.getpid(), attached.own_fd, process.pid, each.fd):
                    return True
            except OSError as error:
                _log.info("%s: its fds cannot be compared: %s", process_text(process.name, process.pid), error)
                return True
    return False
