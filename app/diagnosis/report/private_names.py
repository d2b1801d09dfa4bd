"""Reads the names of this host that a bug report must not tell."""

import os
import socket
from collections.abc import Iterable, Sequence
from pathlib import Path

from app.diagnosis.report.private_text import PrivateNames, names_in_passwd
from app.host.dbus_display import DbusDisplay
from app.host.guest_screen import GuestScreen
from app.host.paths import text_of
from app.host.permissions import user_name
from app.host.vgpu import Vgpu

# uid 0, nobody and users of the system are the same on every host.
_LEAST_UID, _NOBODY = 1000, 65534
_PUBLIC_HOSTS = {"localhost", "localhost.localdomain", "(none)"}


def private_names(
    vgpus: Sequence[Vgpu],
    passwd: Path = Path("/etc/passwd"),
    displays: Sequence[DbusDisplay] = (),
    guests: Sequence[GuestScreen] = (),
) -> PrivateNames:
    """The names of people, of this host, of the VMs that have these vGPUs and D-Bus displays, and of these Xen guests.

    A directory service is asked only for this user and the users of those VMs.
    """
    holders = [holder for each in vgpus for holder in (*each.holders, *each.claims)]
    of_vms = [each.uid for each in holders] + [each.vm.uid for each in displays]
    uids = {os.getuid(), os.geteuid(), *(each for each in of_vms if each is not None)}
    vms = [each.vm_name for each in holders] + [each.vm.name for each in displays]
    vms += [each.name for each in guests]
    users = {user_name(each) for each in uids if _LEAST_UID <= each != _NOBODY}
    users |= set(names_in_passwd(text_of(passwd) or ""))
    home = os.path.expanduser("~")  # noqa: PTH111
    return PrivateNames(
        users=_without_empty(users),
        hosts=_without_empty(_host_names()),
        vms=_without_empty(each for each in vms if each is not None),
        homes=_without_empty({home} - {"/", "/root", "~"}),
    )


def _host_names() -> Iterable[str]:
    full = socket.gethostname()
    if full not in _PUBLIC_HOSTS:
        yield full
        yield full.partition(".")[0]


def _without_empty(names: Iterable[str]) -> frozenset[str]:
    return frozenset(each for each in names if each.strip())
