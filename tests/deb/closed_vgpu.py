"""One vGPU in a Debian's root, as a kernel makes it: its IOMMU group belongs to root."""

import os
import shutil
import stat
from pathlib import Path

from tests.deb.debian_root import DebianRoot
from tests.unit.hosts import UUID_A, Host

_GROUP = 11
# Device nodes that anybody may have opened, as there are none of VFIO: the null device, and the one of zeros.
_NODES = (("misc", "vfio", (1, 3), 0o666), ("vfio", str(_GROUP), (1, 5), 0o600))


def add(root: DebianRoot) -> Path:
    """Make it; the file that only root may open."""
    host = Host(root.folder)
    host.mdev(UUID_A, "mbochs-type1", _GROUP)
    for kind, name, (major, minor), mode in _NODES:
        node = root.folder / "dev/vfio" / name
        node.unlink()
        os.mknod(node, stat.S_IFCHR, os.makedev(major, minor))
        node.chmod(mode)
        device = root.folder / f"sys/devices/virtual/{kind}/{name}"
        device.mkdir(parents=True)
        (root.folder / f"sys/class/{kind}").mkdir(parents=True)
        (device / "subsystem").symlink_to(root.folder / f"sys/class/{kind}")
        numbers = root.folder / "sys/dev/char"
        numbers.mkdir(parents=True, exist_ok=True)
        (numbers / f"{major}:{minor}").symlink_to(device)
    for each in (root.folder / "sys").rglob("*"):
        if each.is_symlink():
            target = each.readlink().relative_to(root.folder)
            each.unlink()
            each.symlink_to("/" / target)
    return root.folder / "dev/vfio" / str(_GROUP)


def remove(root: DebianRoot) -> None:
    """Take it away."""
    shutil.rmtree(root.folder / "dev/vfio")
    shutil.rmtree(root.folder / "proc/1")
    for each in (root.folder / "sys").iterdir():
        shutil.rmtree(each)
