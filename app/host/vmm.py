"""Which of the processes that hold a device is its VM.

A device's fd may be in several processes: those a VM forked, and viewers, which hold a duplicate of it. A duplicate
outlives the VM, so that a viewer that is taken for the VM would be followed for ever.
"""

import os
from collections.abc import Iterable
from enum import IntEnum

from app.host.paths import HOST, Paths
from app.host.scan import ScannedProcess
from app.host.vm import Vm


class Role(IntEnum):
    """What a holder of a device is; the larger, the more it is the VM.

    A ``RECEIVER`` has the device's fd and nothing that it could have opened it with. An ``OPENER`` opened it.
    """

    VIEWER = 0
    RECEIVER = 1
    OPENER = 2
    VMM = 3


def role(process: ScannedProcess) -> Role:
    """What the process is. One whose files are hidden may have opened the device."""
    if process.is_vmm or process.kvm:
        return Role.VMM
    if process.is_viewer:
        return Role.VIEWER
    if process.files_hidden or process.groups or (process.cdevs and process.iommufd):
        return Role.OPENER
    return Role.RECEIVER


def ranked(processes: Iterable[ScannedProcess]) -> list[ScannedProcess]:
    """Those that may be the VM, the likeliest first: by role, and of a process and its forks the oldest."""
    possible = [each for each in processes if role(each) >= Role.OPENER]
    return sorted(possible, key=lambda each: (-role(each), _depth(each, possible), each.started, each.pid))


def _depth(process: ScannedProcess, others: list[ScannedProcess]) -> int:
    """How many of the others it descends from. Start times alone are too coarse: a fork takes less than a tick."""
    by_pid = {each.pid: each for each in others}
    depth = 0
    above = by_pid.get(process.parent)
    while above is not None and depth < len(others):
        depth += 1
        above = by_pid.get(above.parent)
    return depth


def vm_of(process: ScannedProcess, paths: Paths = HOST) -> Vm:
    """The VM that a process is; what cannot be seen is left out."""
    try:
        cwd = os.readlink(paths.proc / str(process.pid) / "cwd")  # noqa: PTH115
    except OSError:
        cwd = None
    return Vm(process.pid, process.name, process.vm_name, process.arguments, cwd, process.arguments_cut)
