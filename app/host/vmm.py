"""Finds the VM among the processes that hold a device.

Several processes may have a device's fd: the VM, its forks, and viewers, which have a duplicate. A viewer must not be
taken for the VM: its duplicate stays open after the VM has ended.
"""

import os
from collections.abc import Collection, Iterable
from enum import IntEnum

from app.host import permissions
from app.host.paths import HOST, Paths
from app.host.scanned_process import ScannedProcess
from app.host.vm import Vm


class Role(IntEnum):
    """The kind of a holder of a device. The greater the value, the likelier it is the VM.

    An ``OPENER`` opened the device. A ``RECEIVER`` only has its fd: it holds nothing that is needed to open it.
    """

    VIEWER = 0
    RECEIVER = 1
    OPENER = 2
    VMM = 3


def role(process: ScannedProcess) -> Role:
    """The role of a process. A process whose files are hidden counts as one that opened the device."""
    if process.is_vmm or process.kvm:
        return Role.VMM
    if process.is_viewer:
        return Role.VIEWER
    if process.files_hidden or process.groups or (process.cdevs and process.iommufd):
        return Role.OPENER
    return Role.RECEIVER


def ranked(processes: Iterable[ScannedProcess], trusted: Collection[int] = ()) -> list[ScannedProcess]:
    """The processes that may be the VM, the likeliest first: sorted by role, and each process before its forks.

    A process whose files are hidden comes after the others, and before its like if its user is ``trusted``.
    """
    possible = [each for each in processes if role(each) >= Role.OPENER]
    return sorted(
        possible,
        key=lambda each: (
            each.files_hidden,
            each.files_hidden and each.uid not in trusted,
            -role(each),
            _depth(each, possible),
            each.started,
            each.pid,
        ),
    )


def trusted_users(paths: Paths = HOST) -> frozenset[int]:
    """The users that may have opened a VFIO device by themselves: this one, root, and the owners of the nodes."""
    return permissions.vfio_node_owners(paths) | {os.getuid(), 0}


def _depth(process: ScannedProcess, others: list[ScannedProcess]) -> int:
    """How many of the others are its ancestors. Start times are too coarse for this: a fork takes less than a tick."""
    by_pid = {each.pid: each for each in others}
    depth = 0
    above = by_pid.get(process.parent)
    while above is not None and depth < len(others):
        depth += 1
        above = by_pid.get(above.parent)
    return depth


def vm_of(process: ScannedProcess, paths: Paths = HOST) -> Vm:
    """The VM that runs in a process."""
    try:
        cwd = os.readlink(paths.proc / str(process.pid) / "cwd")  # noqa: PTH115
    except OSError:
        cwd = None
    return Vm(
        process.pid,
        process.name,
        process.vm_name,
        process.arguments,
        cwd,
        process.arguments_cut,
        process.uid,
        process.vm_id,
    )
