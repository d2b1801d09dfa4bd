"""The manager that a socket belongs to, by the paths that managers use."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.qemu.qmp_address import QmpAddress, TcpAddress, UnixAddress
from app.vm.manager import manager_of

KUBEVIRT = "/proc/4242/root/var/run/kubevirt-private/libvirt/qemu/lib/domain-1-vm/monitor.sock"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/var/run/qemu-server/105.qmp", "Proxmox VE"),
        ("/run/qemu-server/105.qmp", "Proxmox VE"),
        ("/var/lib/libvirt/qemu/domain-1-win10/monitor.sock", "libvirt"),
        ("/home/u/.config/libvirt/qemu/lib/domain-1-win10/monitor.sock", "libvirt"),
        (KUBEVIRT, "KubeVirt"),
        ("/run/incus/win10/qemu.monitor", "Incus"),
        ("/var/snap/lxd/common/lxd/logs/win10/qemu.monitor", "LXD"),
        ("/run/ganeti/kvm-hypervisor/ctrl/win10.qmp", "Ganeti"),
        ("/run/user/1000/qmp", ""),
        ("/srv/my-libvirt/qmp", ""),
        ("/tmp/libvirt", ""),
    ],
)
def test_a_manager_is_known_by_the_folder_of_its_sockets(path: str, name: str) -> None:
    assert manager_of(UnixAddress(path)) == name


def test_a_port_and_an_abstract_name_tell_no_manager() -> None:
    assert manager_of(TcpAddress("localhost", 4444)) == ""
    assert manager_of(UnixAddress("/run/qemu-server/105.qmp", abstract=True)) == ""


@given(st.builds(UnixAddress, st.text()))
def test_any_path_has_one_name_of_the_closed_set(address: QmpAddress) -> None:
    assert manager_of(address) in ("", "Proxmox VE", "KubeVirt", "libvirt", "Incus", "LXD", "Ganeti")
