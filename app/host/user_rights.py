"""What this user may do on this host: groups, locked memory, and the udev rules for VFIO."""

import grp
import os
import pwd
import resource
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from app.host.paths import text_of

RULE_FOLDERS = tuple(
    map(Path, ("/etc/udev/rules.d", "/run/udev/rules.d", "/usr/lib/udev/rules.d", "/lib/udev/rules.d"))
)
_MOST_RULES = 500


@dataclass(frozen=True, slots=True)
class UserRights:
    """``groups`` are those of this process, ``listed_groups`` those that the host's group file gives the user.

    ``locked_memory`` is the limit in bytes of what it may lock (RLIMIT_MEMLOCK), None for no limit.
    """

    name: str
    uid: int
    groups: frozenset[str]
    listed_groups: frozenset[str]
    locked_memory: int | None

    @classmethod
    def read(cls, group_file: Path = Path("/etc/group")) -> Self:
        """Read them for this process. No directory service is asked for its list of groups."""
        uid = os.geteuid()
        try:
            name = pwd.getpwuid(uid).pw_name
        except KeyError:
            name = str(uid)
        soft, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
        return cls(
            name,
            uid,
            frozenset(map(_group_name, {os.getegid(), *os.getgroups()})),
            frozenset(groups_of(name, text_of(group_file) or "")),
            None if soft == resource.RLIM_INFINITY else soft,
        )


def groups_of(name: str, group_file: str) -> Iterable[str]:
    """The groups that a file in the form of group(5) gives a user."""
    for line in group_file.splitlines():
        fields = line.split(":")
        if len(fields) == 4 and name in fields[3].split(","):
            yield fields[0]


def vfio_rules(folders: Iterable[Path] = RULE_FOLDERS) -> list[Path]:
    """The files with a udev rule that sets who may open the nodes of VFIO groups or devices.

    The rule that comes with udev is only about ``/dev/vfio/vfio``, which everyone may open.
    """
    found: dict[Path, Path] = {}
    for folder in folders:
        try:
            files = sorted(folder.glob("*.rules"))[:_MOST_RULES]
        except OSError:
            continue
        for file in files:
            if any(map(_is_about_vfio, (text_of(file) or "").splitlines())):
                # /lib may be a link to /usr/lib.
                found.setdefault(file.resolve(), file)
    return list(found.values())


def _is_about_vfio(line: str) -> bool:
    matches = 'SUBSYSTEM=="vfio"' in line or 'SUBSYSTEM=="vfio-dev"' in line
    return matches and not line.lstrip().startswith("#") and any(each in line for each in ("GROUP", "MODE", "uaccess"))


def _group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
