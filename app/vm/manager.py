"""Which program that starts VMs needs a VM's QMP socket, too: told by the socket's path.

QEMU serves one client of a QMP socket at a time. A manager wants to connect at any moment, to ask for the VM's state or
to shut it down, and gives up after some seconds.
"""

from app.qemu.qmp_address import QmpAddress, UnixAddress

# Folders, as each manager names them. The first that the path has counts: KubeVirt and oVirt run libvirt.
_FOLDERS = (
    # /run/qemu-server/105.qmp: qmp_socket() in PVE/QemuServer/Helpers.pm
    ("qemu-server", "Proxmox VE"),
    # /var/run/kubevirt-private/libvirt/qemu/lib/domain-1-vm/monitor.sock in the VM's container
    ("kubevirt-private", "KubeVirt"),
    ("kubevirt", "KubeVirt"),
    # /var/lib/libvirt/qemu/domain-1-vm/monitor.sock
    ("libvirt", "libvirt"),
    # /run/incus/vm/qemu.monitor, /var/log/lxd/vm/qemu.monitor
    ("incus", "Incus"),
    ("lxd", "LXD"),
    # /run/ganeti/kvm-hypervisor/ctrl/vm.qmp
    ("ganeti", "Ganeti"),
)


def manager_of(address: QmpAddress) -> str:
    """The name of the manager; empty if the address tells none. The path is a claim of the VM, and this only words.

    A path through ``/proc/PID/root``, into a container, counts as well.
    """
    if not isinstance(address, UnixAddress) or address.abstract:
        return ""
    folders = address.path.split("/")[:-1]
    return next((name for folder, name in _FOLDERS if folder in folders), "")
