"""What tests of findings share: the findings of a host, this process's rights on it, and root's programs."""

import os
from pathlib import Path

from app.attach.helper_installation import INSTALLED
from app.attach.helper_installation import HelperInstallation as Setup
from app.diagnosis.finding import Finding
from app.diagnosis.host.host_findings import host_findings
from app.host.discovery import discover
from tests.unit.hosts import Host


def examine(host: Host, setup: Setup = INSTALLED) -> list[Finding]:
    return host_findings(discover(host.scan()), host.paths, setup)


def finding_of(host: Host, key: str, setup: Setup = INSTALLED) -> Finding:
    """The only finding of that key."""
    (finding,) = [each for each in examine(host, setup) if each.key == key]
    return finding


def set_rights(host: Host, uid: int, capabilities: str, scope: str | None) -> None:
    """As for a process of that user, with capabilities in hexadecimal; ``scope`` is kernel.yama.ptrace_scope."""
    own = host.paths.proc / "self"
    own.mkdir()
    (own / "status").write_text(f"Name:\tmdevview\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\nCapEff:\t{capabilities}\n")
    if scope is not None:
        yama = host.paths.proc / "sys/kernel/yama"
        yama.mkdir(parents=True)
        (yama / "ptrace_scope").write_text(f"{scope}\n")


def setup_of(folder: Path, installed: bool) -> Setup:
    """Root's programs, owned by the user that runs the test."""
    (folder / "bin").mkdir(exist_ok=True)
    files = (folder / "bin/pkexec", folder / "bin/sudo", folder / "mdevview-getfd", folder / "action.policy")
    for each in files if installed else ():
        each.touch(0o755)
    return Setup(files[2], files[3], (folder / "bin",), os.getuid())
