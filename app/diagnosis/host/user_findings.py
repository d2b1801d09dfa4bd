"""Findings about this user: groups, udev rules, and locked memory."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from app.diagnosis.finding import Finding, Severity
from app.host import permissions
from app.host.paths import HOST, Paths
from app.host.user_rights import UserRights

_RULES = 'SUBSYSTEM=="vfio", GROUP="kvm", MODE="0660"', 'SUBSYSTEM=="vfio-dev", GROUP="kvm", MODE="0660"'
_ADD_RULES = (
    f"printf '%s\\n' {' '.join(repr(each) for each in _RULES)} | sudo tee /etc/udev/rules.d/70-vfio-kvm.rules"
    " && sudo udevadm control --reload"
    " && sudo udevadm trigger --subsystem-match=vfio --subsystem-match=vfio-dev"
)
# A guest of that size can be pinned.
_MUCH_MEMORY = 1 << 30


def user_findings(rights: UserRights, rules: Sequence[Path], paths: Paths = HOST) -> Iterator[Finding]:
    """``rules`` are the files with udev rules about VFIO."""
    nodes = _nodes(paths)
    yield _groups(rights, nodes)
    yield _udev_rule(rights, rules, nodes)
    yield _memlock(rights)


def _nodes(paths: Paths) -> list[Path]:
    """The nodes of VFIO devices, of iommufd and of GPUs."""
    found = [paths.dev / "iommu"]
    for folder, pattern in (("vfio", "[0-9]*"), ("vfio/devices", "vfio*"), ("dri", "renderD*")):
        try:
            found += sorted((paths.dev / folder).glob(pattern))
        except OSError:
            continue
    return [each for each in found if permissions.exists(each)]


def _groups(rights: UserRights, nodes: Sequence[Path]) -> Finding:
    closed = [each for each in nodes if not os.access(each, os.R_OK | os.W_OK)]
    wanted = {group for each in closed if (group := permissions.group_that_may(each)) is not None}
    evidence = f"yours: {', '.join(sorted(rights.groups))}"
    if wanted:
        evidence += f"; closed nodes want: {', '.join(sorted(wanted))}"
    late = sorted(wanted & rights.listed_groups - rights.groups)
    if late:
        message = f"you are a member of {', '.join(late)}, but this login does not know it yet"
        return Finding(
            "groups", Severity.WARNING, message, evidence, f"log in again (in this terminal: newgrp {late[0]})"
        )
    missing = sorted(wanted - rights.groups)
    if missing:
        message = f"you are no member of {', '.join(missing)}, so {len(closed)} device nodes are closed to you"
        remedy = f"sudo usermod -aG {','.join(missing)} $USER, then log in again"
        return Finding("groups", Severity.WARNING, message, evidence, remedy)
    return Finding("groups", Severity.OK if not closed else Severity.INFO, "your groups", evidence)


def _udev_rule(rights: UserRights, rules: Sequence[Path], nodes: Sequence[Path]) -> Finding:
    if rules:
        message = "udev has rules for VFIO's nodes"
        return Finding("udev-rule", Severity.OK, message, ", ".join(str(each) for each in rules))
    closed = [each for each in nodes if "vfio" in each.parts and not os.access(each, os.R_OK | os.W_OK)]
    message = "udev has no rule for VFIO's nodes: only root can open vGPUs that no VM uses"
    severity = Severity.WARNING if closed and rights.uid != 0 else Severity.INFO
    return Finding("udev-rule", severity, message, "no file in rules.d sets GROUP or MODE for vfio", _ADD_RULES)


def _memlock(rights: UserRights) -> Finding:
    limit = rights.locked_memory
    if limit is None or limit >= _MUCH_MEMORY or rights.uid == 0:
        text = "no limit" if limit is None else f"{limit >> 20} MiB"
        return Finding("memlock", Severity.OK, "VMs that you start may lock memory for VFIO", f"ulimit -l: {text}")
    return Finding(
        "memlock",
        Severity.INFO,
        "VMs that you start may lock little memory: one that has a physical VFIO device needs the guest's whole size",
        f"ulimit -l: {limit >> 20} MiB; mdevview itself needs none",
        'echo "$USER - memlock unlimited" | sudo tee /etc/security/limits.d/vfio.conf, then log in again',
    )
