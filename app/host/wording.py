"""The text by which all messages name a process."""

import os
from collections.abc import Iterable, Sequence

from app.host import proc
from app.host.paths import HOST, Paths
from app.host.permissions import user_name
from app.host.vgpu import Holder

# Any user may start many processes that claim a device.
_MOST_CLAIMS = 3


def process_text(
    process: str, pid: int, vm_name: str | None = None, uid: int | None = None, vm_id: str | None = None
) -> str:
    """``qemu-system-x86 4711 of bob (VM win10)``; ``kvm 4711 (VM 105, win10)`` if the VM has a number.

    Without the part in brackets if there is no VM or it has no name, and without the user ``uid`` if that is the user
    of this program, or unknown.
    """
    vm = f" (VM {vm_words(vm_name, vm_id)})" if vm_name or vm_id else ""
    return f"{process} {pid}{of_user(uid)}{vm}"


def vm_words(name: str | None, number: str | None) -> str:
    """``105, win10``: the number and the name of a VM, as far as it has them."""
    return ", ".join(each for each in (number, name) if each)


def of_user(uid: int | None) -> str:
    """``" of bob"``; empty for the user of this program, or an unknown one."""
    return f" of {user_name(uid)}" if uid is not None and uid != os.getuid() else ""


def describe_process(pid: int, paths: Paths = HOST) -> str:
    """The text for a process of which only the pid is known; ``process 4711`` if nothing more can be seen."""
    try:
        with proc.open_folder(paths.proc / str(pid)) as folder:
            return process_text(proc.read_name(folder), pid, None, proc.read_uid(folder))
    except OSError:
        return f"process {pid}"


def holder_text(holder: Holder) -> str:
    """One process that has a vGPU open, or claims to."""
    return process_text(holder.process, holder.pid, holder.vm_name, holder.uid, holder.vm_id)


def holders_text(holders: Iterable[Holder]) -> str:
    """All holders of a vGPU, joined by "and"; empty for none."""
    return " and ".join(map(holder_text, holders))


def unseen_text(claims: Sequence[Holder]) -> str:
    """The holder of a vGPU that is in use, but not by a process that can be seen. ``claims`` are ``Vgpu.claims``."""
    return "a process that cannot be seen" + (f"; perhaps {claims_text(claims)}" if claims else "")


def claims_text(claims: Sequence[Holder]) -> str:
    """The first of the processes that claim a vGPU, worded as a claim."""
    more = len(claims) - _MOST_CLAIMS
    texts = [holder_text(each) for each in claims[:_MOST_CLAIMS]] + ([f"{more} more"] if more > 0 else [])
    return f"{' or '.join(texts)} (by {'its' if len(claims) == 1 else 'their'} arguments)"
