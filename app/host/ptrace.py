"""The kernel's rules for looking into other processes.

pidfd_getfd(2) duplicates a fd of another process. It needs PTRACE_MODE_ATTACH_REALCREDS for that process: the same user
and the permission of the yama security module, or CAP_SYS_PTRACE (__ptrace_may_access() in kernel/ptrace.c,
yama_ptrace_access_check() in security/yama/yama_lsm.c).
"""

import os
from dataclasses import dataclass
from typing import Self

from app.host.paths import HOST, Paths, number_of, text_of

_CAP_SYS_PTRACE = 19
# Documentation/admin-guide/LSM/Yama.rst: nobody may attach, and the value cannot be changed until the next boot.
SCOPE_NO_ATTACH = 3


@dataclass(frozen=True, slots=True)
class PtracePermission:
    """What decides whether this process may look into others.

    ``uid`` is its effective user. ``capable`` is whether it has CAP_SYS_PTRACE. ``scope`` is
    kernel.yama.ptrace_scope, None if the kernel has no yama.
    """

    uid: int
    capable: bool
    scope: int | None

    @classmethod
    def read(cls, paths: Paths = HOST) -> Self:
        """Read the values from /proc."""
        lines = (text_of(paths.proc / "self/status") or "").splitlines()
        status = {key: value.split() for key, _, value in (line.partition(":") for line in lines)}
        uid = int(status["Uid"][1]) if "Uid" in status else os.geteuid()
        capabilities = int(status["CapEff"][0], 16) if "CapEff" in status else 0
        scope = text_of(paths.proc / "sys/kernel/yama/ptrace_scope")
        return cls(uid, bool(capabilities >> _CAP_SYS_PTRACE & 1), number_of(scope))

    def may_attach(self, owner: int | None) -> bool:
        """Whether the kernel lets this process duplicate fds of a process of the user ``owner``.

        Other security modules may still refuse it, which cannot be seen from here.
        """
        if self.scope == SCOPE_NO_ATTACH:
            return False
        return self.capable or (not self.scope and owner == self.uid)


def owner_of(pid: int, paths: Paths = HOST) -> int | None:
    """The user that a process runs as, None if that cannot be seen.

    For a process that is not dumpable, which even its own user may not look into, the kernel says root
    (task_dump_owner() in fs/proc/base.c).
    """
    try:
        return (paths.proc / str(pid)).stat().st_uid
    except OSError:
        return None
