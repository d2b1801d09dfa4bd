"""Opening a vGPU against a small kernel that refuses one call at a time."""

import errno
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.abi import vfio
from app.attach import device_node
from app.attach.device_node import Syscalls, device_from_fd, open_vgpu
from app.errors import (
    DeviceBusy,
    DeviceGone,
    MdevviewError,
    NeedsRunningVm,
    OpenFailed,
    PermissionDenied,
    UsageError,
)
from app.host.discovery import discover
from app.host.vgpu import Vgpu
from tests.unit.hosts import DEVICE_FD, UUID_A, Host, close_folder, qemu

GROUP_CALLS = (
    "open vfio",
    "open 7",
    vfio.VFIO_GROUP_GET_STATUS,
    vfio.VFIO_GROUP_SET_CONTAINER,
    vfio.VFIO_SET_IOMMU,
    vfio.VFIO_GROUP_GET_DEVICE_FD,
)
CDEV_CALLS = ("open iommu", "open vfio0", vfio.VFIO_DEVICE_BIND_IOMMUFD)


class Kernel:
    """Hands out real fds, so that what is left open shows. `refuse` maps a call to its errno."""

    def __init__(self) -> None:
        self.refuse: dict[str | int, int] = {}
        self.calls: list[str | int] = []
        self.fds: dict[int, str] = {}
        self.viable = True
        self.device = UUID_A
        self.syscalls = Syscalls(self.open, self.ioctl, self.close)

    def open(self, path: Path, flags: int) -> int:
        assert flags & os.O_CLOEXEC
        self._call(f"open {path.name}")
        return self._new(path.name)

    def ioctl(self, fd: int, request: int, argument: Any) -> int:
        assert request in (*GROUP_CALLS, *CDEV_CALLS), "an open must not touch the device in any other way"
        self._call(request)
        if request == vfio.VFIO_GROUP_GET_STATUS:
            argument[:] = bytes(vfio.vfio_group_status(8, vfio.VFIO_GROUP_FLAGS_VIABLE * self.viable))
        if request == vfio.VFIO_GROUP_GET_DEVICE_FD:
            assert bytes(argument) == self.device.encode() + b"\0"
            return self._new("device")
        if request == vfio.VFIO_DEVICE_BIND_IOMMUFD:
            bind = vfio.vfio_device_bind_iommufd.from_buffer_copy(argument)
            assert (self.fds[fd], self.fds[bind.iommufd], bind.argsz) == ("vfio0", "iommu", 16)
        return 0

    def close(self, fd: int) -> None:
        os.close(fd)

    def _call(self, call: str | int) -> None:
        self.calls.append(call)
        if call in self.refuse:
            raise OSError(self.refuse[call], os.strerror(self.refuse[call]))

    def _new(self, name: str) -> int:
        fd = os.open(os.devnull, os.O_RDWR)
        self.fds[fd] = name
        return fd

    def left_open(self) -> list[str]:
        def is_open(fd: int) -> bool:
            try:
                os.fstat(fd)
            except OSError:
                return False
            return True

        return [name for fd, name in self.fds.items() if is_open(fd)]


@pytest.fixture
def host(tmp_path: Path) -> Host:
    host = Host(tmp_path)
    host.mdev(UUID_A, "mbochs-small", 7, cdev="vfio0")
    return host


@pytest.fixture
def kernel() -> Iterator[Kernel]:
    kernel = Kernel()
    yield kernel
    assert kernel.left_open() == []


def _with_cdevs(host: Host) -> None:
    (host.paths.dev / "vfio/devices").mkdir()
    (host.paths.dev / "vfio/devices/vfio0").touch()
    (host.paths.dev / "iommu").touch()


def _open(host: Host, kernel: Kernel) -> Any:
    return open_vgpu(_vgpu(host), host.paths, kernel.syscalls)


def _vgpu(host: Host) -> Vgpu:
    return discover(host.scan())[0]


def test_group_way_and_the_order_of_closing(host: Host, kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    device = _open(host, kernel)
    assert tuple(kernel.calls) == GROUP_CALLS
    closed: list[str] = []
    really_close = os.close

    def close(fd: int) -> None:
        closed.append(kernel.fds[fd])
        really_close(fd)

    monkeypatch.setattr(os, "close", close)
    device.close()
    device.close()
    assert closed == ["device", "7", "vfio"]


def test_cdev_way_comes_first(host: Host, kernel: Kernel) -> None:
    _with_cdevs(host)
    device = _open(host, kernel)
    assert tuple(kernel.calls) == CDEV_CALLS
    assert sorted(kernel.left_open()) == ["iommu", "vfio0"]
    device.close()


def test_group_way_when_the_cdev_is_refused(host: Host, kernel: Kernel) -> None:
    _with_cdevs(host)
    kernel.refuse = {"open vfio0": errno.EACCES}
    device = _open(host, kernel)
    assert sorted(kernel.left_open()) == ["7", "device", "vfio"]
    device.close()


@pytest.mark.parametrize("call", GROUP_CALLS)
def test_nothing_is_left_open_when_a_call_of_the_group_way_fails(host: Host, kernel: Kernel, call: str | int) -> None:
    for code in (errno.EIO, errno.EMFILE):
        kernel.refuse = {call: code}
        with pytest.raises(OpenFailed, match=errno.errorcode[code]) as caught:
            _open(host, kernel)
        assert isinstance(caught.value.__cause__, OSError)
        assert kernel.left_open() == []


@pytest.mark.parametrize("call", CDEV_CALLS)
def test_both_failures_are_told_and_nothing_is_left_open(host: Host, kernel: Kernel, call: str | int) -> None:
    _with_cdevs(host)
    kernel.refuse = {call: errno.EIO, vfio.VFIO_SET_IOMMU: errno.EPERM}
    with pytest.raises(OpenFailed, match=r"EIO.*EPERM"):
        _open(host, kernel)


@pytest.mark.parametrize(
    ("refuse", "meaning"),
    [
        ({"open 7": errno.EBUSY}, DeviceBusy),
        ({"open 7": errno.EACCES}, PermissionDenied),
        ({"open 7": errno.EPERM}, PermissionDenied),
        ({vfio.VFIO_GROUP_GET_DEVICE_FD: errno.ESRCH}, NeedsRunningVm),
        ({vfio.VFIO_DEVICE_BIND_IOMMUFD: errno.EINVAL, "open 7": errno.EBUSY}, DeviceBusy),
        ({vfio.VFIO_DEVICE_BIND_IOMMUFD: errno.ESRCH, "open 7": errno.EACCES}, NeedsRunningVm),
        ({"open vfio0": errno.EACCES, "open 7": errno.EBUSY}, DeviceBusy),
        ({"open vfio0": errno.EACCES, vfio.VFIO_GROUP_SET_CONTAINER: errno.EINVAL}, PermissionDenied),
    ],
)
def test_what_the_kernels_errors_mean(
    host: Host, kernel: Kernel, refuse: dict[str | int, int], meaning: type[MdevviewError]
) -> None:
    if set(refuse) & set(CDEV_CALLS):
        _with_cdevs(host)
    kernel.refuse = refuse
    with pytest.raises(meaning) as caught:
        _open(host, kernel)
    assert type(caught.value) is meaning


@pytest.mark.parametrize("step", [vfio.VFIO_GROUP_GET_DEVICE_FD, vfio.VFIO_DEVICE_BIND_IOMMUFD])
@pytest.mark.parametrize("code", [errno.EIO, errno.ETIMEDOUT, errno.EFAULT, errno.ESRCH])
def test_nvidias_driver_refuses_without_a_vm_and_its_words_are_named(
    tmp_path: Path, kernel: Kernel, step: int, code: int
) -> None:
    host = Host(tmp_path)
    host.mdev(UUID_A, "nvidia-558", 7, cdev="vfio0")
    kernel.refuse = {step: code}
    if step == vfio.VFIO_DEVICE_BIND_IOMMUFD:
        _with_cdevs(host)
        kernel.refuse["open 7"] = errno.EACCES
    with pytest.raises(NeedsRunningVm, match="only for a running VM") as caught:
        _open(host, kernel)
    for words in ("journalctl -u nvidia-vgpu-mgr", "dmesg | grep nvidia-vgpu-vfio"):
        assert words in caught.value.remedy


def test_nvidia_function_needs_a_vm_and_a_type(tmp_path: Path, kernel: Kernel) -> None:
    host = Host(tmp_path)
    host.nvidia_function("0000:41:00.4", "0000:41:00.0", 7, 1152)
    kernel.device = "0000:41:00.4"
    _open(host, kernel).close()
    kernel.refuse = {vfio.VFIO_GROUP_GET_DEVICE_FD: errno.EIO}
    with pytest.raises(NeedsRunningVm):
        _open(host, kernel)
    kernel.refuse = {vfio.VFIO_GROUP_GET_DEVICE_FD: errno.ENODEV}
    with pytest.raises(OpenFailed, match=r"has no vGPU type any more.*0000:41:00.4/nvidia/current_vgpu_type"):
        _open(host, kernel)


@pytest.mark.parametrize("code", [errno.EIO, errno.ETIMEDOUT, errno.EFAULT])
def test_these_errors_of_other_drivers_mean_no_missing_vm(host: Host, kernel: Kernel, code: int) -> None:
    kernel.refuse = {vfio.VFIO_GROUP_GET_DEVICE_FD: code}
    with pytest.raises(OpenFailed):
        _open(host, kernel)


def test_busy_device_names_the_process_and_its_vm(host: Host, kernel: Kernel) -> None:
    host.process(50, "qemu-system-x86", qemu("win10"), {20: "/dev/vfio/7", 21: DEVICE_FD})
    vgpu = _vgpu(host)
    kernel.refuse = {"open 7": errno.EBUSY}
    with pytest.raises(DeviceBusy, match=r"in use by qemu-system-x86 50 \(VM win10\);"):
        open_vgpu(vgpu, host.paths, kernel.syscalls)


def test_denied_file_is_named_with_its_owners(host: Host, kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    node = host.paths.dev / "vfio/7"
    node.chmod(0o600)
    kernel.refuse = {"open 7": errno.EACCES}
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(PermissionDenied) as caught:
        _open(host, kernel)
    assert f"{node} ({node.owner()}:{node.group()} 0600)" in caught.value.message
    assert 'SUBSYSTEM=="vfio"' in caught.value.remedy


@pytest.mark.parametrize("folder", ["vfio", "vfio/devices"])
def test_closed_folder_is_permission_denied(
    folder: str, host: Host, kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    _with_cdevs(host)
    vgpu = _vgpu(host)
    close_folder(monkeypatch, host.paths.dev / folder)
    kernel.refuse = dict.fromkeys(("open vfio", "open vfio0", "open 7"), errno.EACCES)
    with pytest.raises(PermissionDenied, match=r"may not search its folder|udev rule"):
        open_vgpu(vgpu, host.paths, kernel.syscalls)


def test_group_shared_with_the_host_is_not_viable(host: Host, kernel: Kernel) -> None:
    kernel.viable = False
    with pytest.raises(OpenFailed, match=r"not viable.*host driver"):
        _open(host, kernel)


def test_device_removed_meanwhile_is_gone(host: Host, kernel: Kernel) -> None:
    vgpu = _vgpu(host)
    (host.paths.sys / "bus/mdev/devices" / UUID_A).unlink()
    kernel.refuse = {"open 7": errno.ENOENT}
    with pytest.raises(DeviceGone):
        open_vgpu(vgpu, host.paths, kernel.syscalls)


def _call_all_files_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_node, "vfio_class", lambda _: ("vfio-dev", ""))


def test_inherited_fd_is_taken_over(monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[int] = []

    def ioctl(fd: int, request: int, _: bytearray) -> int:
        assert request == vfio.VFIO_DEVICE_GET_INFO
        answers.append(fd)
        return 0

    monkeypatch.setattr(fcntl, "ioctl", ioctl)
    _call_all_files_devices(monkeypatch)
    inherited = os.open(os.devnull, os.O_RDWR)
    os.set_inheritable(inherited, True)
    device = device_from_fd(inherited)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(inherited)
    (own,) = answers
    assert not os.get_inheritable(own)
    device.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(own)


def test_fd_that_is_no_device_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    with Path(os.devnull).open() as file:
        with pytest.raises(UsageError, match=r"no VFIO device: it is /dev/null"):
            device_from_fd(file.fileno())
        _call_all_files_devices(monkeypatch)
        with pytest.raises(UsageError, match=r"no usable VFIO device.*/dev/null.*ENOTTY"):
            device_from_fd(file.fileno())
        os.fstat(file.fileno())
    monkeypatch.undo()
    with pytest.raises(UsageError, match="is not open in this process"):
        device_from_fd(999_999)
