"""The processes that have a VFIO device open."""

from app.host.scan import HostScan
from app.host.vgpu import Holder, Way


def holders(scan: HostScan, device: str, group: int | None, cdev: str | None, alone: bool = True) -> tuple[Holder, ...]:
    """The processes that have the device of that sysfs name open.

    ``alone`` says whether it is the only device of its group. Then the one device fd of a process is its fd.
    """
    result: list[Holder] = []
    for each in scan.processes:
        fd = each.fd_of(device)
        if each.files_hidden:
            if any(device in argument for argument in each.arguments):
                result.append(Holder(each.pid, each.name, None, each.vm_name, None))
        elif cdev is not None and cdev in each.cdevs:
            result.append(Holder(each.pid, each.name, each.cdevs[cdev], each.vm_name, Way.CDEV))
        elif fd is not None or (group is not None and group in each.groups):
            if fd is None and alone and len(each.groups) == 1 and len(each.device_fds) == 1:
                fd = each.device_fds[0].fd
            result.append(Holder(each.pid, each.name, fd, each.vm_name, Way.GROUP))
    return tuple(result)
