"""A Proxmox VE host: VMs known by number, with vGPUs of GVT-g, of NVIDIA, and a GPU that is passed through.

The command lines have the form that qemu-server makes (config_to_command() in PVE/QemuServer.pm), and the UUIDs of the
mdevs that of generate_mdev_uuid() in pve-common: the index of hostpciN, then the VM's number. For an NVIDIA vGPU
qemu-server gives the VM that UUID, too (``-uuid``).
"""

from collections.abc import Sequence

from tests.unit.hosts import DEVICE_FD, Host

GVT_PARENT, NVIDIA_PARENT, PASSED_THROUGH = "0000:00:02.0", "0000:41:00.0", "0000:01:00.0"
ALSO_RESERVED = "0000:02:00.0"


def mdev_uuid(number: int, index: int = 0) -> str:
    return f"{index:08}-0000-0000-0000-{number:012}"


def lay_out(host: Host) -> None:
    """VMs 105 and 106 have GVT-g vGPUs, 107 an NVIDIA vGPU, 108 a whole GPU; the vGPU of VM 109 is free.

    ALSO_RESERVED waits for a VM that does not run.
    """
    groups = {105: 11, 106: 12, 107: 13, 109: 15}
    for number in (105, 106, 109):
        _mdev_of(host, number, "i915-GVTg_V5_4", "GVTg_V5_4", groups[number], GVT_PARENT)
    _mdev_of(host, 107, "nvidia-63", "GRID P4-1Q", groups[107], NVIDIA_PARENT)
    host.gpu(GVT_PARENT, 0x8086, 0x3E98, "i915", 0)
    host.gpu(NVIDIA_PARENT, 0x10DE, 0x1BB3, "nvidia")
    host.mdev_type(GVT_PARENT, "i915-GVTg_V5_4", "0", "GVTg_V5_4")
    host.mdev_type(NVIDIA_PARENT, "nvidia-63", "7", "GRID P4-1Q")
    for name in ("vfio", "mdev", "vfio_iommu_type1", "kvmgt", "nvidia_vgpu_vfio"):
        (host.paths.sys / "module" / name).mkdir(exist_ok=True)
    (host.paths.sys / "class/vfio").mkdir(exist_ok=True)
    (host.paths.sys / "class/iommu/dmar0").mkdir(parents=True)
    host.pci(PASSED_THROUGH, "vfio-pci", 14)
    host.pci(ALSO_RESERVED, "vfio-pci", 16)
    _vm(host, 105, "win11", groups[105], [*_readconfig(), *_mdev(GVT_PARENT, 105)])
    _vm(host, 106, "win11", groups[106], [*_readconfig(), *_mdev(GVT_PARENT, 106)])
    _vm(host, 107, "cad", groups[107], [*_readconfig(), *_mdev(NVIDIA_PARENT, 107), "-uuid", mdev_uuid(107)])
    whole = f"vfio-pci,host={PASSED_THROUGH},id=hostpci0,bus=ich9-pcie-port-1,addr=0x0"
    _vm(host, 108, "games", 14, [*_readconfig(), "-device", whole])


def _mdev_of(host: Host, number: int, kind: str, name: str, group: int, parent: str) -> None:
    folder = host.mdev(mdev_uuid(number), kind, group, f"pci0000:00/{parent}")
    (folder / "mdev_type/name").write_text(f"{name}\n")


def _readconfig() -> list[str]:
    return ["-readconfig", "/usr/share/qemu-server/pve-q35-4.0.cfg"]


def _mdev(parent: str, number: int) -> list[str]:
    path = f"/sys/bus/pci/devices/{parent}/{mdev_uuid(number)}"
    return ["-device", f"vfio-pci,sysfsdev={path},id=hostpci0,bus=ich9-pcie-port-1,addr=0x0"]


def command_line(number: int, name: str, more: Sequence[str]) -> list[str]:
    sockets = "/var/run/qemu-server"
    return [
        *("/usr/bin/kvm", "-id", str(number), "-name", f"{name},debug-threads=on", "-no-shutdown"),
        *(
            "-chardev",
            f"socket,id=qmp,path={sockets}/{number}.qmp,server=on,wait=off",
            "-mon",
            "chardev=qmp,mode=control",
        ),
        *("-chardev", "socket,id=qmp-event,path=/var/run/qmeventd.sock,reconnect-ms=5000"),
        *("-mon", "chardev=qmp-event,mode=control", "-pidfile", f"{sockets}/{number}.pid", "-daemonize"),
        *(
            "-smbios",
            f"type=1,uuid=2f3e6d1c-9a52-4c2e-8a70-00000000{number:04}",
            "-smp",
            "4,sockets=1,cores=4,maxcpus=4",
        ),
        *("-nodefaults", "-boot", "menu=on,strict=on,reboot-timeout=1000,splash=/usr/share/qemu-server/bootsplash.jpg"),
        *("-vnc", f"unix:{sockets}/{number}.vnc,password=on", "-cpu", "host,+kvm_pv_eoi", "-m", "8192"),
        *more,
        *("-machine", "type=pc-q35-9.2+pve1"),
    ]


def _vm(host: Host, number: int, name: str, group: int, more: Sequence[str]) -> None:
    files = {10: "/dev/vfio/vfio", 11: f"/dev/vfio/{group}", 12: DEVICE_FD, 13: "anon_inode:kvm-vm"}
    host.process(number * 100, "kvm", command_line(number, name, more), files, uid=0)
