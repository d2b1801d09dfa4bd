"""Tells who may open a device node, and how a user gets the permission."""

import grp
import os
import pwd
import stat
from contextlib import suppress
from pathlib import Path

from app.host.paths import HOST, Paths

_READ_WRITE = 0o6


def exists(file: Path) -> bool:
    """Whether a node exists. True also if this user may not search its folder: only an open can tell then."""
    try:
        file.stat()
    except PermissionError:
        return True
    except OSError:
        return False
    return True


def owner_and_mode(file: Path) -> str:
    """Owner, group and mode in words: ``root:kvm 0660``."""
    try:
        info = file.stat()
    except OSError as error:
        return f"unknown owner: {error.strerror}"
    return owner_and_mode_text(info.st_uid, info.st_gid, info.st_mode)


def owner_and_mode_text(uid: int, gid: int, mode: int) -> str:
    """What stat(2) tells, as :func:`owner_and_mode` says it."""
    return f"{user_name(uid)}:{_group(gid)} {stat.S_IMODE(mode):04o}"


def remedy(file: Path) -> str:
    """How the user gets access to a node of ``/dev``."""
    try:
        info = file.stat()
    except OSError:
        return "you may not search its folder, or it was removed: ask root"
    if os.access(file, os.R_OK | os.W_OK):
        return "its mode allows it: check the container, cgroup or security module that you are in"
    group_may = info.st_mode >> 3 & _READ_WRITE == _READ_WRITE
    # A member of root's group has many of root's permissions, so the remedy never says to join it.
    if group_may and info.st_gid != 0:
        if info.st_gid in os.getgroups():
            return "an access list or a security module refuses you"
        return f"join its group (sudo usermod -aG {_group(info.st_gid)} $USER) and log in again"
    return f'give a group access by a udev rule: {_udev_match(file)}, GROUP="kvm", MODE="0660"'


def group_that_may(file: Path) -> str | None:
    """The group that may read and write a node, None if none may or it is root's."""
    try:
        info = file.stat()
    except OSError:
        return None
    return _group(info.st_gid) if info.st_mode >> 3 & _READ_WRITE == _READ_WRITE and info.st_gid != 0 else None


def _udev_match(file: Path) -> str:
    if file.parent.name == "devices":
        return 'SUBSYSTEM=="vfio-dev"'
    if file.parent.name == "vfio":
        return 'SUBSYSTEM=="vfio"'
    return f'KERNEL=="{file.name}"'


def vfio_node_owners(paths: Paths = HOST) -> frozenset[int]:
    """The users that own the node of a VFIO group or device. libvirt gives a VM's nodes to the user of the VM."""
    owners: set[int] = set()
    for folder in (paths.dev / "vfio", paths.dev / "vfio/devices"):
        with suppress(OSError), os.scandir(folder) as nodes:
            owners.update(each.stat(follow_symlinks=False).st_uid for each in nodes)
    return frozenset(owners)


def user_name(uid: int) -> str:
    """The name of a user, or the number if there is no name."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
