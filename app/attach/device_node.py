"""Opens a vGPU by its device node: the cdev if there is one, otherwise the node of its IOMMU group.

This does not map memory for DMA, set up interrupts or reset the device. Planes can be queried without that, and a
device that a VM used before keeps its state.
"""

import errno
import fcntl
import logging
import os
import struct
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from app.abi import vfio
from app.device.info import device_info
from app.device.seam import FdDevice, new_fd
from app.errors import (
    DeviceBusy,
    DeviceGone,
    MdevviewError,
    NeedsRunningVm,
    OpenFailed,
    PermissionDenied,
    UsageError,
)
from app.host import permissions
from app.host.device_messages import NVIDIA_WORDS
from app.host.discovery import present
from app.host.nvidia import type_remedy
from app.host.paths import HOST, Paths
from app.host.vfio_file import open_node, vfio_class
from app.host.vgpu import Vgpu, is_nvidia
from app.host.wording import holders_text, unseen_text

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Syscalls:
    """The system calls that open a device; a test replaces them."""

    open: Callable[[Path, int], int] = open_node
    ioctl: Callable[[int, int, Any], Any] = fcntl.ioctl
    close: Callable[[int], None] = os.close


KERNEL = Syscalls()


class _Step(Enum):
    """The steps of an open. The values are worded to follow "cannot"."""

    OPEN = "open"
    VIABLE = "use its IOMMU group, which is not viable,"
    STATUS = "ask its IOMMU group"
    ATTACH = "put its IOMMU group into a container"
    SET_IOMMU = "set up a container"
    GET_DEVICE = "get it from its IOMMU group"
    BIND = "bind it to an iommufd"


_GETS_DEVICE = (_Step.GET_DEVICE, _Step.BIND)
# NVIDIA's driver asks its manager to start the vGPU. EIO: the manager refuses, as it does for a process without a VM's
# UUID on its command line; ETIMEDOUT: no answer in 25 seconds; EFAULT: the vGPU's plugin has ended
# (nv_vgpu_vfio_open() and nv_wait_for_plugin_completion() in kernel/nvidia-vgpu-vfio of the driver for KVM hosts).
_NVIDIA_REFUSALS = (errno.EIO, errno.ETIMEDOUT, errno.EFAULT)


class _Failure(Exception):
    """A step that failed; ``__cause__`` is the kernel's error."""

    def __init__(self, step: _Step, file: Path, code: int) -> None:
        super().__init__(step, file, code)
        self.step = step
        self.file = file
        self.code = code

    def __str__(self) -> str:
        what = "cannot open" if self.step is _Step.OPEN else f"cannot {self.step.value} by"
        return f"{what} {self.file}: {_errno_text(self.code)}"


def open_vgpu(vgpu: Vgpu, paths: Paths = HOST, calls: Syscalls = KERNEL) -> FdDevice:
    """Open a vGPU. After an error nothing stays open.

    Raises DeviceBusy, PermissionDenied, NeedsRunningVm, DeviceGone or OpenFailed. DeviceBusy names the holders in
    ``vgpu``. Scan again to find a process that has opened it since.
    """
    failures: list[_Failure] = []
    for way, nodes in _ways(vgpu, paths):
        try:
            device = way(vgpu, nodes, calls)
        except _Failure as failure:
            failures.append(failure)
            continue
        _log.info("%s: opened by %s", vgpu.name, " and ".join(map(str, nodes)))
        return device
    if not failures:
        if not present(vgpu, paths):
            raise _gone(vgpu)
        raise OpenFailed(f"{vgpu.name} cannot be opened: no IOMMU group and no cdev", "bind it to a VFIO driver")
    failures.sort(key=lambda each: _weight(each, vgpu))
    meaning = _meaning(failures[0], vgpu, paths)
    if len(failures) > 1:
        meaning.message += f" ({failures[1]})"
    raise meaning from failures[0].__cause__


_Nodes = tuple[Path, Path]
_Way = Callable[[Vgpu, _Nodes, Syscalls], FdDevice]


def _ways(vgpu: Vgpu, paths: Paths) -> list[tuple[_Way, _Nodes]]:
    """The ways to open it on this kernel, the better one first: a cdev needs no container."""
    ways: list[tuple[_Way, _Nodes]] = []
    if vgpu.cdev is not None:
        cdev, iommufd = paths.dev / "vfio/devices" / vgpu.cdev, paths.dev / "iommu"
        # Without CONFIG_VFIO_DEVICE_CDEV the name is in sysfs, but there is no node.
        if permissions.exists(cdev) and permissions.exists(iommufd):
            ways.append((_by_cdev, (cdev, iommufd)))
    if vgpu.iommu_group is not None:
        ways.append((_by_group, (paths.dev / "vfio" / str(vgpu.iommu_group), paths.dev / "vfio/vfio")))
    return ways


def _by_cdev(vgpu: Vgpu, nodes: _Nodes, calls: Syscalls) -> FdDevice:
    with ExitStack() as opened:
        iommufd = _open(nodes[1], calls, opened)
        device = _open(nodes[0], calls, opened)
        request = vfio.vfio_device_bind_iommufd(iommufd=iommufd)
        request.argsz = len(bytes(request))
        _ioctl(device, vfio.VFIO_DEVICE_BIND_IOMMUFD, bytearray(request), _Step.BIND, nodes[0], calls)
        opened.pop_all()
        return FdDevice(device, (iommufd,))


def _by_group(vgpu: Vgpu, nodes: _Nodes, calls: Syscalls) -> FdDevice:
    node = nodes[0]
    with ExitStack() as opened:
        container = _open(nodes[1], calls, opened)
        group = _open(node, calls, opened)
        answer = bytearray(vfio.vfio_group_status(argsz=8))
        _ioctl(group, vfio.VFIO_GROUP_GET_STATUS, answer, _Step.STATUS, node, calls)
        if not vfio.vfio_group_status.from_buffer_copy(answer).flags & vfio.VFIO_GROUP_FLAGS_VIABLE:
            raise _Failure(_Step.VIABLE, node, errno.EINVAL)
        _ioctl(group, vfio.VFIO_GROUP_SET_CONTAINER, struct.pack("=i", container), _Step.ATTACH, node, calls)
        _ioctl(container, vfio.VFIO_SET_IOMMU, vfio.VFIO_TYPE1v2_IOMMU, _Step.SET_IOMMU, nodes[1], calls)
        name = bytearray(vgpu.name.encode() + b"\0")
        value = _ioctl(group, vfio.VFIO_GROUP_GET_DEVICE_FD, name, _Step.GET_DEVICE, node, calls)
        try:
            device = new_fd(value)
        except OSError as error:
            raise _Failure(_Step.GET_DEVICE, node, error.errno or 0) from error
        opened.callback(calls.close, device)
        os.set_inheritable(device, False)
        opened.pop_all()
        return FdDevice(device, (group, container))


def _open(file: Path, calls: Syscalls, opened: ExitStack) -> int:
    try:
        fd = calls.open(file, os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        raise _Failure(_Step.OPEN, file, error.errno or 0) from error
    opened.callback(calls.close, fd)
    return fd


def _ioctl(fd: int, request: int, argument: Any, step: _Step, file: Path, calls: Syscalls) -> int:
    try:
        result = calls.ioctl(fd, request, argument)
    except OSError as error:
        raise _Failure(step, file, error.errno or 0) from error
    return result if isinstance(result, int) else 0


def _weight(failure: _Failure, vgpu: Vgpu) -> int:
    """A sort key for the failures of two ways: the failure that tells most about the device comes first."""
    telling = (_is_busy(failure), _needs_vm(failure, vgpu), _has_no_type(failure, vgpu), _is_denied(failure))
    return telling.index(True) if True in telling else len(telling)


def _is_busy(failure: _Failure) -> bool:
    # vfio_df_open() answers EINVAL to the second process that binds a cdev; an open by group answers EBUSY.
    return failure.code == errno.EBUSY or (failure.step is _Step.BIND and failure.code == errno.EINVAL)


def _needs_vm(failure: _Failure, vgpu: Vgpu) -> bool:
    # intel_vgpu_open_device() in drivers/gpu/drm/i915/gvt/kvmgt.c: no KVM is associated with the file.
    refusals = (errno.ESRCH, *_NVIDIA_REFUSALS) if is_nvidia(vgpu) else (errno.ESRCH,)
    return failure.step in _GETS_DEVICE and failure.code in refusals


def _has_no_type(failure: _Failure, vgpu: Vgpu) -> bool:
    # nv_vfio_pci_open_device() in kernel/nvidia-vgpu-vfio: "current_vgpu_type of VF not configured".
    return failure.step in _GETS_DEVICE and failure.code == errno.ENODEV and is_nvidia(vgpu) and vgpu.uuid is None


def _is_denied(failure: _Failure) -> bool:
    return failure.step is _Step.OPEN and failure.code in (errno.EACCES, errno.EPERM)


def _meaning(failure: _Failure, vgpu: Vgpu, paths: Paths) -> MdevviewError:
    if not present(vgpu, paths):
        return _gone(vgpu)
    if _is_busy(failure):
        return _busy(vgpu)
    if _needs_vm(failure, vgpu):
        return needs_vm(vgpu, "" if failure.code == errno.ESRCH else _errno_text(failure.code))
    if _has_no_type(failure, vgpu):
        return OpenFailed(f"{vgpu.name} has no vGPU type any more", type_remedy(vgpu.name))
    if _is_denied(failure):
        return _denied(failure, vgpu)
    return OpenFailed(f"{vgpu.name}: {failure}", _REMEDIES.get((failure.step, failure.code), "see 'mdevview doctor'"))


_REMEDIES = {
    (_Step.VIABLE, errno.EINVAL): "another device of its IOMMU group has a host driver: bind that one to VFIO as well",
    (_Step.SET_IOMMU, errno.ENODEV): "load the IOMMU driver of VFIO: sudo modprobe vfio_iommu_type1",
    (_Step.ATTACH, errno.EPERM): "this host's IOMMU cannot isolate interrupts: see 'sudo dmesg'",
    (_Step.OPEN, errno.ENOENT): "load VFIO (sudo modprobe -a vfio vfio_iommu_type1), or look for what keeps udev",
}


def needs_vm(vgpu: Vgpu, refusal: str = "") -> NeedsRunningVm:
    """The error for a vGPU whose driver opens it for a VM only. ``refusal`` is the driver's answer to an open."""
    words = f"; if a VM gets this error, too, see {NVIDIA_WORDS}" if is_nvidia(vgpu) else ""
    return NeedsRunningVm(
        f"{vgpu.name}: its driver ({vgpu.driver}) opens it only for a running VM's own process"
        + (f": {refusal}" if refusal else ""),
        f"start the VM; 'mdevview view --wait' shows it as soon as it runs{words}",
    )


def _gone(vgpu: Vgpu) -> DeviceGone:
    return DeviceGone(f"{vgpu.name} was removed", "'mdevview list' shows what is there")


def _busy(vgpu: Vgpu) -> DeviceBusy:
    by = holders_text(vgpu.holders) or unseen_text(vgpu.claims)
    return DeviceBusy(f"{vgpu.name} is in use by {by}", "a vGPU opens only once: end that process first")


def _denied(failure: _Failure, vgpu: Vgpu) -> PermissionDenied:
    return PermissionDenied(
        f"{vgpu.name}: permission denied: {failure.file} ({permissions.owner_and_mode(failure.file)})",
        permissions.remedy(failure.file),
    )


def device_from_fd(fd: int) -> FdDevice:
    """Take over a device fd that the parent process left open: duplicate it and close the original.

    Raises UsageError if the fd is not open or no VFIO device; then it stays open.
    """
    try:
        kind, _ = vfio_class(f"/proc/self/fd/{fd}")
    except OSError as error:
        raise UsageError(f"fd:{fd} is not open in this process", "let the parent process pass it on") from error
    if kind != "vfio-dev":
        # No ioctl before this is known: another file may do something else with it, or never answer.
        raise UsageError(
            f"fd:{fd} is no VFIO device: it is {_file_of(fd)}",
            "pass on the fd that VFIO_GROUP_GET_DEVICE_FD returned, or a cdev that is bound to an iommufd",
        )
    device = FdDevice(fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 3))
    try:
        device_info(device)
    except OSError as error:
        device.close()
        raise UsageError(
            f"fd:{fd} is no usable VFIO device: it is {_file_of(fd)} ({_errno_text(error.errno or 0)})",
            "pass on the fd that VFIO_GROUP_GET_DEVICE_FD returned, or a cdev that is bound to an iommufd",
        ) from error
    # A second fd would keep the device open after its close, and a VM's next start would fail.
    if fd > 2:
        os.close(fd)
        return device
    # The next file that is opened must not become a standard file.
    null = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    os.dup2(null, fd)
    os.close(null)
    return device


def _file_of(fd: int) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{fd}")  # noqa: PTH115
    except OSError:
        return "unknown"


def _errno_text(code: int) -> str:
    return f"{os.strerror(code)} ({errno.errorcode.get(code, code)})"
