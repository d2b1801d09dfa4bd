"""Creates and removes mediated devices through sysfs (Documentation/driver-api/vfio-mediated-device.rst)."""

import errno
import logging
import os
import re
import select
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.errors import DeviceBusy, MdevviewError, NoSuchDevice, PermissionDenied, UsageError, error_text
from app.host import permissions
from app.host.discovery import find_mdev, refresh
from app.host.paths import HOST, Paths, names_in, number_of, text_of
from app.host.scan import HostScan
from app.host.vgpu import Use, Vgpu
from app.host.wording import holders_text, unseen_text

_log = logging.getLogger(__name__)

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# The time between two checks of a device.
_PAUSE_S = 0.05
# udev sets the owner of a new device's node. Before that only root may open it.
_UDEV_PATIENCE_S = 3.0

# A write to `remove` waits in the kernel until nobody uses the device, and no signal ends that wait
# (vfio_unregister_group_dev() in drivers/vfio/vfio_main.c). A waiting thread would keep this program from ending, so
# another process does the write.
_REMOVER = """
import os, sys
try:
    os.write(os.open(sys.argv[1], os.O_WRONLY), b"1")
except OSError as error:
    sys.exit(error.errno)
"""


@dataclass(frozen=True, slots=True)
class MdevType:
    """A type of mdev that a parent device can create.

    ``left`` is the number of devices that can still be created, None if the driver does not tell it. ``id`` is the
    kernel's name: the name of the parent's driver and that of the driver's type ("i915-GVTg_V5_4").
    """

    parent: str
    id: str
    name: str | None
    left: int | None
    folder: Path


def is_uuid(text: str) -> bool:
    """Whether the text is a complete UUID in the form that sysfs shows."""
    return _UUID.fullmatch(text) is not None


def mdev_types(paths: Paths = HOST, only_parent: str | None = None) -> tuple[MdevType, ...]:
    """All types that the parent devices of this host, or the given one, can create, sorted by parent and name."""
    types = []
    for parent in names_in(paths.sys / "class/mdev_bus"):
        if only_parent not in (None, parent):
            continue
        folder = paths.sys / "class/mdev_bus" / parent / "mdev_supported_types"
        for each in names_in(folder):
            left = number_of(text_of(folder / each / "available_instances"))
            types.append(MdevType(parent, each, text_of(folder / each / "name"), left, folder / each))
    return tuple(types)


def choose_type(wanted: str, parent: str | None, known: Sequence[MdevType]) -> MdevType:
    """The type that a user names by its id, or by the part of the id after the driver's name.

    Raises NoSuchDevice if nothing fits, UsageError if the user must also give the parent or the driver.
    """
    if not known:
        raise NoSuchDevice(f"no type {wanted}: no device of this host makes mdevs", "'mdevview doctor' says why")
    at_parent = [each for each in known if parent in (None, each.parent)]
    if not at_parent:
        parents = ", ".join(sorted({each.parent for each in known}))
        raise NoSuchDevice(f"{parent} makes no mdevs", f"the parents of this host: {parents}")
    fitting = [each for each in at_parent if each.id == wanted]
    fitting = fitting or [each for each in at_parent if each.id.partition("-")[2] == wanted]
    if not fitting:
        raise NoSuchDevice(f"no type {wanted}", f"there are: {_enumerated(at_parent)}")
    if len(fitting) > 1:
        places = ", ".join(f"--type {each.id} --parent {each.parent}" for each in fitting)
        raise UsageError(f"{wanted} fits {len(fitting)} types", f"give one of: {places}")
    return fitting[0]


def create(kind: MdevType, uuid: str) -> None:
    """Create an mdev. Raises UsageError, PermissionDenied, NoSuchDevice or MdevviewError."""
    if not is_uuid(uuid):
        raise UsageError(
            f"{uuid!r} is no whole UUID", "give a new vGPU all of it, or leave --uuid out for a random one"
        )
    file = kind.folder / "create"
    try:
        _write(file, uuid)
    except OSError as error:
        raise _not_created(error, kind, uuid, file) from error
    _log.info("created %s, a %s of %s", uuid, kind.id, kind.parent)


def _not_created(error: OSError, kind: MdevType, uuid: str, file: Path) -> MdevviewError:
    what = f"cannot create a {kind.id} on {kind.parent}"
    match error.errno:
        case errno.EEXIST:
            return UsageError(f"{what}: {uuid} exists", "leave --type out to use it, or give another --uuid")
        # EUSERS comes from the mdev core, ENOSPC from drivers that count memory instead of devices.
        case errno.EUSERS | errno.ENOSPC:
            return MdevviewError(
                f"{what}: none left ({error_text(error)})", "remove another one, or take a smaller type"
            )
        case errno.EACCES | errno.EPERM:
            return PermissionDenied(
                f"{what}: permission denied: {file} ({permissions.owner_and_mode(file)})",
                f"let root do it: sudo mdevctl start --uuid {uuid} --parent {kind.parent} --type {kind.id}; "
                f"then give --uuid {uuid} alone",
            )
        case errno.ENOENT | errno.ENODEV:
            return NoSuchDevice(f"{what}: its driver was unloaded", "'mdevview doctor' looks into it")
    return MdevviewError(f"{what}: {error_text(error)}", "see 'sudo dmesg'")


def await_nodes(uuid: str, paths: Paths = HOST, patience_s: float = _UDEV_PATIENCE_S) -> None:
    """Wait some seconds until this user may open a new device. The later open tells if he still may not."""
    vgpu = find_mdev(uuid, paths)
    if vgpu is None:
        return
    nodes = [paths.dev / "vfio" / str(vgpu.iommu_group), paths.dev / "vfio/devices" / str(vgpu.cdev)]
    until = time.monotonic() + patience_s
    while not any(os.access(each, os.R_OK | os.W_OK) for each in nodes) and time.monotonic() < until:
        time.sleep(_PAUSE_S)


def remove(uuid: str, paths: Paths = HOST, patience_s: float = 5.0) -> None:
    """Remove an mdev that nobody uses any more. Does nothing if it does not exist. Waits 2 * ``patience_s`` at most.

    Raises PermissionDenied, and DeviceBusy if it is in use for longer. Then it is not removed now; the kernel may
    remove it later.
    """
    folder = paths.sys / "bus/mdev/devices" / uuid
    vgpu = find_mdev(uuid, paths)
    if vgpu is None:
        return
    vgpu = refresh(vgpu, HostScan.take(paths))
    until = time.monotonic() + patience_s
    while vgpu.use is Use.IN_USE and time.monotonic() < until:
        time.sleep(_PAUSE_S)
        vgpu = refresh(vgpu, HostScan.take(paths))
    by_hand = f"once it is free: echo 1 | sudo tee {folder / 'remove'}"
    if vgpu.use is Use.IN_USE:
        raise DeviceBusy(f"{uuid} was not removed: it is in use by {_holders(vgpu)}", by_hand)
    status = _removed(folder / "remove", patience_s)
    if status in (errno.EACCES, errno.EPERM):
        where = folder / "remove"
        raise PermissionDenied(
            f"{uuid} was not removed: permission denied: {where} ({permissions.owner_and_mode(where)})", by_hand
        )
    if status is None:
        raise DeviceBusy(
            f"{uuid} is still open by {_holders(refresh(vgpu, HostScan.take(paths)))}",
            "the kernel removes it as soon as it is closed",
        )
    if status not in (0, errno.ENOENT, errno.ENODEV):
        raise MdevviewError(f"{uuid} was not removed: {os.strerror(status)}", by_hand)
    _log.info("removed %s", uuid)


def _removed(file: Path, patience_s: float) -> int | None:
    """Write to the file in another process. Returns the errno of the write, 0 for success, None if it still waits."""
    nowhere = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in range(3)]
    command = [sys.executable, "-I", "-S", "-c", _REMOVER, str(file)]
    pid = os.posix_spawn(
        sys.executable, command, os.environ, file_actions=nowhere, setsid=True, setsigdef=[signal.SIGINT]
    )
    fd = os.pidfd_open(pid)
    try:
        ended = select.poll()
        ended.register(fd, select.POLLIN)
        if not ended.poll(patience_s * 1000):
            return None
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    finally:
        os.close(fd)


def _holders(vgpu: Vgpu) -> str:
    return holders_text(vgpu.holders) or unseen_text(vgpu.claims)


def _write(file: Path, text: str) -> None:
    # sysfs takes the value in one write. Without O_CREAT, a missing attribute is an error.
    fd = os.open(file, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def _enumerated(types: Sequence[MdevType]) -> str:
    return ", ".join(f"{each.id} ({_described(each)})" for each in types)


def _described(kind: MdevType) -> str:
    left = "" if kind.left is None else f", {kind.left} left"
    return f"on {kind.parent}{left}"
