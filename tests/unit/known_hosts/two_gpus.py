"""A laptop whose desktop may run on either of two GPUs.

An Intel one makes vGPUs with GVT-g: one has a QEMU of this user, another is free. An NVIDIA one (GeForce) makes none.
"""

import os

from tests.unit.hosts import DEVICE_FD, UUID_A, UUID_B, Host, qemu

INTEL, NVIDIA = "0000:00:02.0", "0000:01:00.0"
_TYPES = {"i915-GVTg_V5_8": ("GVTg_V5_8", "4"), "i915-GVTg_V5_4": ("GVTg_V5_4", "1")}
_VM = 4711


def lay_out(host: Host) -> None:
    intel = host.gpu(INTEL, 0x8086, 0x591B, "i915", 0)
    # Intel's third region is the aperture: 256 MiB.
    (intel / "resource").write_text("0x0 0x0 0x0\n0x0 0x0 0x0\n0x40000000 0x4fffffff 0x14220c\n")
    host.gpu(f"0000:00:01.0/{NVIDIA}", 0x10DE, 0x1C8D, "nvidia", 1)
    bus = host.paths.sys / "class/mdev_bus"
    bus.mkdir(parents=True)
    (bus / INTEL).symlink_to(intel)
    for kind, (name, left) in _TYPES.items():
        host.mdev_type(INTEL, kind, left, name)
    for uuid, group in ((UUID_A, 11), (UUID_B, 12)):
        _gvt_vgpu(host, uuid, group)
    parameters = host.paths.sys / "module/i915/parameters"
    parameters.mkdir(parents=True)
    (parameters / "enable_gvt").write_text("Y\n")
    (host.paths.sys / "class/iommu/dmar0").mkdir(parents=True)
    (host.paths.proc / "cmdline").write_text("root=/dev/sda2 quiet i915.enable_gvt=1 intel_iommu=on\n")
    device = f"vfio-pci,sysfsdev=/sys/bus/mdev/devices/{UUID_A},display=off,x-igd-opregion=on"
    files = {20: "/dev/vfio/11", 21: DEVICE_FD}
    host.process(_VM, "qemu-system-x86", qemu("win10", "-device", device), files, uid=os.getuid())


def _gvt_vgpu(host: Host, uuid: str, group: int) -> None:
    kind = "i915-GVTg_V5_4"
    folder = host.mdev(uuid, kind, group, parent=f"pci0000:00/{INTEL}")
    (folder / "mdev_type/name").write_text(f"{_TYPES[kind][0]}\n")
    # The names since Linux 5.19 (drivers/gpu/drm/i915/gvt/kvmgt.c).
    (folder / "driver").unlink()
    (folder / "driver").symlink_to(host._driver("intel_vgpu_mdev", "kvmgt"))
