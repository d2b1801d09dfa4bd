"""Findings about the ways to attach to a VM: the kernel's rules, the user, root's helper and its start."""

from collections.abc import Iterator

from app.attach.helper_installation import INSTALL, INSTALLED, HelperInstallation, trust_problem
from app.diagnosis.finding import Finding, Severity
from app.host import permissions
from app.host.ptrace import SCOPE_NO_ATTACH, PtracePermission


def helper_usable(installation: HelperInstallation = INSTALLED) -> bool:
    """Whether root's helper may be run, and a program to start it is installed."""
    try:
        fault = trust_problem(installation.helper, installation.owner)
    except OSError:
        return False
    return fault is None and any(installation.program(each) for each in ("pkexec", "sudo"))


def attach_findings(permission: PtracePermission, installation: HelperInstallation = INSTALLED) -> Iterator[Finding]:
    """The ways to attach to VMs on this host, even if no VM runs."""
    yield _ptrace(permission.scope)
    if permission.uid == 0:
        yield Finding(
            "root",
            Severity.WARNING,
            "you are root: a window would run with all of root's permissions",
            f"uid {permission.uid}",
            f"run mdevview as a user of the desktop; root's helper attaches it to others' VMs ({INSTALL})",
        )
    elif permission.capable:
        yield Finding("cap-sys-ptrace", Severity.INFO, "you have CAP_SYS_PTRACE: VMs of all users can be attached to")
    yield _helper(installation)
    yield _pkexec(installation)
    yield _sudo(installation)


def _ptrace(scope: int | None) -> Finding:
    evidence = "no yama in this kernel" if scope is None else f"kernel.yama.ptrace_scope = {scope}"
    if not scope:
        return Finding("ptrace", Severity.OK, "VMs of your own user can be attached to", evidence)
    if scope >= SCOPE_NO_ATTACH:
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
        "VMs of your own user can be attached to only if mdevview started them"
        if scope == 1
        else "VMs can be attached to only with CAP_SYS_PTRACE",
        evidence,
        "let root's helper attach to them; or run 'sudo sysctl kernel.yama.ptrace_scope=0', after which each of your "
        "programs may look into all others",
    )


def _helper(installation: HelperInstallation) -> Finding:
    key = "getfd-helper"
    try:
        fault = trust_problem(installation.helper, installation.owner)
    except FileNotFoundError:
        message = "no helper is installed: only root can attach to VMs of other users"
        return Finding(key, Severity.INFO, message, f"no {installation.helper}", INSTALL)
    except OSError as error:
        fault = f"{installation.helper}: {error.strerror}"
    if fault is not None:
        return Finding(key, Severity.ERROR, "the helper must not be run as root", fault, f"install it again: {INSTALL}")
    evidence = f"{installation.helper} {permissions.owner_and_mode(installation.helper)}"
    return Finding(key, Severity.OK, "the helper that attaches to VMs of other users is installed", evidence)


def _pkexec(installation: HelperInstallation) -> Finding:
    program = installation.program("pkexec")
    if program is None:
        message = "no pkexec: it cannot ask in a dialog for permission to run the helper"
        remedy = "install it (Debian: apt-get install pkexec polkitd)"
        return Finding("pkexec", Severity.INFO, message, _not_in_folders(installation), remedy)
    if not installation.action.exists():
        message = "pkexec has no rule for the helper: it asks every time"
        return Finding("pkexec", Severity.INFO, message, f"no {installation.action}", INSTALL)
    message = "pkexec can ask in a dialog for permission to run the helper, for each VM anew"
    return Finding("pkexec", Severity.OK, message, f"{program}, {installation.action}")


def _sudo(installation: HelperInstallation) -> Finding:
    program = installation.program("sudo")
    if program is None:
        message = "no sudo: it cannot ask at a terminal for permission to run the helper"
        return Finding("sudo", Severity.INFO, message, _not_in_folders(installation))
    message = "sudo can ask at a terminal for permission to run the helper"
    return Finding("sudo", Severity.OK, message, f"{program}; the sudoers file says which users may")


def _not_in_folders(installation: HelperInstallation) -> str:
    return f"not in {', '.join(map(str, installation.folders))}"
