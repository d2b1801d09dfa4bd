"""The processes that have a VFIO device open."""

from app.host.scan import HostScan
from app.host.vgpu import Holder, Way
from app.qemu.pci_address import addresses_in


def holders(scan: HostScan, device: str, group: int | None, cdev: str | None, alone: bool = True) -> tuple[Holder, ...]:
    """The processes that are seen to have the device of that sysfs name open.

    ``alone`` says whether it is the only device of its group. Then the one device fd of a process is its fd.
    """
    result: list[Holder] = []
    for each in scan.processes:
        fd = each.fd_of(device)
        if cdev is not None and cdev in each.cdevs:
            result.append(Holder(each.pid, each.name, each.cdevs[cdev], each.vm_name, Way.CDEV, each.uid, each.vm_id))
        elif fd is not None or (group is not None and group in each.groups):
            if fd is None and alone and len(each.groups) == 1 and len(each.device_fds) == 1:
                (only,) = each.device_fds
                fd = only.fd if only.device is None else None
            result.append(Holder(each.pid, each.name, fd, each.vm_name, Way.GROUP, each.uid, each.vm_id))
    return tuple(result)


def claims(scan: HostScan, device: str) -> tuple[Holder, ...]:
    """The VMs whose files are hidden, and whose command lines name the device.

    Any process may have such a command line, so this is no evidence. Nothing may be decided by it.
    """
    return tuple(
        Holder(each.pid, each.name, None, each.vm_name, None, each.uid, each.vm_id)
        for each in scan.hidden_vms
        if _names(each.command_line, device)
    )


def claimed_addresses(scan: HostScan) -> frozenset[str]:
    """The PCI addresses on the command lines of the VMs whose files are hidden, in the form of sysfs.

    They need not be those of devices of this host; see :func:`claims`.
    """
    return frozenset().union(*(addresses_in(each.command_line) for each in scan.hidden_vms))


def _names(command_line: bytes, device: str) -> bool:
    if device.encode() in command_line:
        return True
    # The search for all addresses takes long, so it is left out where the short form does not occur.
    short = device.removeprefix("0000:").encode()
    return short in command_line.lower() and device in addresses_in(command_line)
