"""Starting VMs with NVIDIA's vGPUs, which are mdevs or SR-IOV functions."""

import os
from pathlib import Path

import pytest

from app.errors import NoSuchDevice
from app.vm.started_vm import StartOptions, start_vm
from tests.unit.fake_qemu import FakeQemu
from tests.unit.hosts import UUID_A, Host

pytestmark = pytest.mark.usefixtures("runtime")


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path / "host")


def _options(fake_qemu: FakeQemu, *more: str, **wanted: str) -> StartOptions:
    return StartOptions((str(fake_qemu.program), *more), wanted.get("uuid"), wanted.get("type"))


@pytest.mark.parametrize("kind", ["mdev", "function"])
def test_nvidias_vgpu_is_added_with_a_vm_uuid_that_no_other_vm_has(host: Host, tmp_path: Path, kind: str) -> None:
    name = UUID_A if kind == "mdev" else "0000:41:00.4"
    if kind == "mdev":
        host.mdev(UUID_A, "nvidia-558", 7)
    else:
        host.nvidia_function(name, "0000:41:00.0", 7, 1152)
    bus = {"mdev": "mdev", "function": "pci"}[kind]
    fake_qemu = FakeQemu(tmp_path)
    given = []
    for other in (None, UUID_A):
        if other is not None:
            host.process(60, "qemu-system-x86", ["qemu-system-x86_64", "-uuid", other.upper()])
        running = start_vm(_options(fake_qemu), host.paths)
        try:
            arguments = fake_qemu.reported(running)["arguments"]
            fake_qemu.report.unlink()
        finally:
            running.close()
        assert f"vfio-pci,sysfsdev={host.paths.sys}/bus/{bus}/devices/{name},display=off" in arguments
        given.append(arguments[arguments.index("-uuid") + 1])
        assert "journalctl -u nvidia-vgpu-mgr" in running.failure_hint
    assert (given[0] == UUID_A) is (kind == "mdev")
    assert UUID_A not in given[1:]


@pytest.mark.parametrize(
    ("more", "wanted"),
    [
        (("-device", "vfio-pci,host=41:00.4"), {}),
        ((), {"uuid": "0000:41:00.4"}),
        (("-device", "vfio-pci,host=03:00.0"), {"uuid": "41:00.4"}),
        ((), {"type": "nvidia-1152"}),
    ],
)
def test_nvidia_function_without_a_type_is_told_before_the_start(
    host: Host, tmp_path: Path, more: tuple[str, ...], wanted: dict[str, str]
) -> None:
    host.nvidia_function("0000:41:00.4", "0000:41:00.0", 7, 0, {1152: "NVIDIA L40S-8Q"})
    fake_qemu = FakeQemu(tmp_path)
    with pytest.raises(NoSuchDevice, match=r"tee /sys/bus/pci/devices/0000:41:00\.4/nvidia/current_vgpu_type"):
        start_vm(_options(fake_qemu, *more, **wanted), host.paths)
    assert not fake_qemu.report.exists()


@pytest.mark.parametrize(("uid", "counts"), [(os.getuid(), True), (0, True), (65534, False)])
def test_a_uuid_that_another_users_process_claims_changes_nothing(
    host: Host, tmp_path: Path, uid: int, counts: bool
) -> None:
    """Any user's process may be named like QEMU, and the guest's licences depend on the UUID."""
    host.mdev(UUID_A, "nvidia-558", 7)
    host.process(60, "qemu-system-x86", ["qemu-system-x86_64", "-uuid", UUID_A], uid=uid)
    fake_qemu = FakeQemu(tmp_path)
    running = start_vm(_options(fake_qemu), host.paths)
    try:
        arguments = fake_qemu.reported(running)["arguments"]
    finally:
        running.close()
    assert (arguments[arguments.index("-uuid") + 1] != UUID_A) is counts
