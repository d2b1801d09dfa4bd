"""A server with two NVIDIA L40S, Linux 6.8 and NVIDIA's driver 550: vGPUs are virtual functions, there is no mdev.

The first GPU is full: three vGPUs of 16 GB, of which a readable VM has one and a VM of libvirt's has another. The
second one has a single vGPU. The other functions have no type. The screen of the server itself is an ASPEED chip.
"""

from tests.unit.hosts import DEVICE_FD, Host, qemu

FIRST, SECOND = "0000:41:00.0", "0000:81:00.0"
TYPES = {1147: "NVIDIA L40S-1Q", 1152: "NVIDIA L40S-8Q", 1154: "NVIDIA L40S-16Q", 1156: "NVIDIA L40S-48Q"}
_NVIDIA, _L40S, _ASPEED = 0x10DE, 0x26B9, 0x1A03
_FUNCTIONS = 32
_LIBVIRT_QEMU = 64055


def lay_out(host: Host) -> None:
    host.gpu("0000:02:00.0", _ASPEED, 0x2000, "ast")
    for gpu in (FIRST, SECOND):
        host.gpu(gpu, _NVIDIA, _L40S, "nvidia", sriov_totalvfs=str(_FUNCTIONS), sriov_numvfs=str(_FUNCTIONS))
    for number in range(_FUNCTIONS):
        # The functions of an L40S start at function 4 of device 0.
        place = f"{(number + 4) // 8:02x}.{(number + 4) % 8}"
        host.nvidia_function(f"0000:41:{place}", FIRST, 100 + number, 1154 if number < 3 else 0)
        current = 1152 if number == 0 else 0
        host.nvidia_function(f"0000:81:{place}", SECOND, 200 + number, current, {1152: TYPES[1152]})
    (host.paths.dev / "vfio/devices").mkdir()
    for each in (host.paths.sys / "class/vfio-dev").iterdir():
        (host.paths.dev / "vfio/devices" / each.name).touch()
    (host.paths.dev / "iommu").touch()
    (host.paths.sys / "class/iommu/ivhd0").mkdir(parents=True)
    (host.paths.sys / "module/nvidia_vgpu_vfio").mkdir(parents=True)
    (host.paths.sys / "class/vfio").mkdir(exist_ok=True)
    (host.paths.proc / "cmdline").write_text("quiet\n")
    files = {20: "/dev/vfio/vfio", 21: "/dev/vfio/100", 22: DEVICE_FD, 30: "anon_inode:kvm-vm"}
    arguments = qemu("render", "-uuid", "5b5a0a4c-0000-4000-8000-000000000001", "-device", "vfio-pci,host=41:00.4")
    host.process(4100, "qemu-system-x86", arguments, files)
    device = '{"driver":"vfio-pci","host":"0000:41:00.5","id":"hostdev0","bus":"pci.5","addr":"0x0"}'
    host.process(4200, "qemu-system-x86", qemu("cad", "-device", device), uid=_LIBVIRT_QEMU)
    host.hide(4200)
