"""Which VMs of this host may be attached to, and how: the kernel's rules, the user, root's helper and who may ask it.

A VM's fd is duplicated by pidfd_getfd(2), which wants PTRACE_MODE_ATTACH_REALCREDS of the VM's process: the same user,
and yama's consent, or CAP_SYS_PTRACE (__ptrace_may_access() in kernel/ptrace.c, yama_ptrace_access_check() in
security/yama/yama_lsm.c).
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from app.attach.helper_installation import INSTALL, INSTALLED, fault_of
from app.attach.helper_installation import HelperInstallation as Setup
from app.diagnosis.finding import Finding, Severity
from app.host import permissions
from app.host.paths import HOST, Paths, text_of
from app.host.vgpu import Holder
from app.host.wording import process_text

_CAP_SYS_PTRACE = 19
_NO_ATTACH = 3


@dataclass(frozen=True, slots=True)
class Rights:
    """What this process may do to others. ``scope`` is kernel.yama.ptrace_scope, None without yama."""

    uid: int
    ptrace: bool
    scope: int | None

    @classmethod
    def look(cls, paths: Paths = HOST) -> Self:
        lines = (text_of(paths.proc / "self/status") or "").splitlines()
        status = {key: value.split() for key, _, value in (line.partition(":") for line in lines)}
        uid = int(status["Uid"][1]) if "Uid" in status else os.geteuid()
        capabilities = int(status["CapEff"][0], 16) if "CapEff" in status else 0
        scope = text_of(paths.proc / "sys/kernel/yama/ptrace_scope")
        return cls(uid, bool(capabilities >> _CAP_SYS_PTRACE & 1), int(scope) if scope and scope.isdecimal() else None)

    def reaches(self, pid: int, paths: Paths = HOST) -> bool:
        """Whether the kernel lets this process duplicate that one's fds, as far as its rules can be seen."""
        if self.scope == _NO_ATTACH:
            return False
        return self.ptrace or (not self.scope and owner_of(pid, paths) == self.uid)


def owner_of(pid: int, paths: Paths = HOST) -> int | None:
    """The user a process runs as; root for one that is closed to its own user as well (not dumpable)."""
    try:
        return (paths.proc / str(pid)).stat().st_uid
    except OSError:
        return None


def helper_works(setup: Setup = INSTALLED) -> bool:
    """Whether there is a helper that may be run, and something to start it with."""
    try:
        fault = fault_of(setup.helper, setup.owner)
    except OSError:
        return False
    return fault is None and any(setup.program(each) for each in ("pkexec", "sudo"))


def in_use(name: str, about: str, holders: tuple[Holder, ...], paths: Paths, setup: Setup = INSTALLED) -> Finding:
    """A vGPU that VMs have: who they are, and what it takes to see it."""
    rights = Rights.look(paths)
    by = ", ".join(
        process_text(each.process, each.pid, each.vm_name)
        + (f" of {permissions.user_name(owner)}" if (owner := owner_of(each.pid, paths)) is not None else "")
        for each in holders
    )
    if any(rights.reaches(each.pid, paths) for each in holders):
        remedy = f"'mdevview view {name}' attaches to it"
    elif rights.scope == _NO_ATTACH:
        remedy = "it cannot be attached to here: see the ptrace rules below"
    elif helper_works(setup):
        remedy = f"'mdevview view {name}' has root's helper attach to it"
    else:
        remedy = f"it is closed to you: let root's helper attach to it ({INSTALL})"
    return Finding("vgpu", Severity.INFO, f"{about} is in use", by, remedy)


def examine(paths: Paths = HOST, setup: Setup = INSTALLED) -> Iterator[Finding]:
    """The ways to attach on this host, whether or not a VM runs."""
    rights = Rights.look(paths)
    yield _ptrace(rights)
    if rights.uid == 0:
        yield Finding(
            "root",
            Severity.WARNING,
            "you are root: a window would run with all of root's rights",
            f"uid {rights.uid}",
            f"run mdevview as a user of the desktop; root's helper attaches it to others' VMs ({INSTALL})",
        )
    elif rights.ptrace:
        yield Finding("cap-sys-ptrace", Severity.INFO, "you have CAP_SYS_PTRACE: VMs of all users can be attached to")
    yield _helper(setup)
    yield _pkexec(setup)
    yield _sudo(setup)


def _ptrace(rights: Rights) -> Finding:
    scope = rights.scope
    evidence = "no yama in this kernel" if scope is None else f"kernel.yama.ptrace_scope = {scope}"
    if not scope:
        return Finding("ptrace", Severity.OK, "VMs of your own user can be attached to", evidence)
    if scope >= _NO_ATTACH:
        return Finding(
            "ptrace",
            Severity.WARNING,
            "no VM can be attached to, not even by root, until the next boot",
            evidence,
            "boot with kernel.yama.ptrace_scope below 3 (/etc/sysctl.d)",
        )
    return Finding(
        "ptrace",
        Severity.INFO,
        "VMs of your own user can be attached to only where mdevview started them"
        if scope == 1
        else "VMs can be attached to only with CAP_SYS_PTRACE",
        evidence,
        "let root's helper do it; or sudo sysctl kernel.yama.ptrace_scope=0, and each program of yours may look into "
        "all your others",
    )


def _helper(setup: Setup) -> Finding:
    key = "getfd-helper"
    try:
        fault = fault_of(setup.helper, setup.owner)
    except FileNotFoundError:
        what = "no helper is installed: only root can attach to VMs of other users"
        return Finding(key, Severity.INFO, what, f"no {setup.helper}", INSTALL)
    except OSError as error:
        fault = f"{setup.helper}: {error.strerror}"
    if fault is not None:
        return Finding(key, Severity.ERROR, "the helper must not be run as root", fault, f"install it again: {INSTALL}")
    evidence = f"{setup.helper} {permissions.owners(setup.helper)}"
    return Finding(key, Severity.OK, "the helper that attaches to VMs of other users is installed", evidence)


def _pkexec(setup: Setup) -> Finding:
    program = setup.program("pkexec")
    if program is None:
        evidence = f"not in {', '.join(map(str, setup.folders))}"
        remedy = "install it (Debian: apt-get install pkexec polkitd)"
        return Finding("pkexec", Severity.INFO, "no pkexec: the helper cannot be allowed in a dialog", evidence, remedy)
    if not setup.action.exists():
        what = "pkexec has no rule for the helper: it would ask every time"
        return Finding("pkexec", Severity.INFO, what, f"no {setup.action}", INSTALL)
    what = "pkexec can ask for the helper in a dialog, and keeps the answer for some minutes"
    return Finding("pkexec", Severity.OK, what, f"{program}, {setup.action}")


def _sudo(setup: Setup) -> Finding:
    program = setup.program("sudo")
    if program is None:
        evidence = f"not in {', '.join(map(str, setup.folders))}"
        return Finding("sudo", Severity.INFO, "no sudo: the helper cannot be allowed at a terminal", evidence)
    what = "sudo can ask for the helper at a terminal"
    return Finding("sudo", Severity.OK, what, f"{program}; whom it allows is in sudoers")
