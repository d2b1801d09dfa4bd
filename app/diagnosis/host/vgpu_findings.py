"""Findings about the vGPUs of the host: whether this user may open them or attach to their VMs."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from app.attach.helper_installation import INSTALL
from app.diagnosis.finding import Finding, Severity
from app.host import permissions
from app.host.drivers import KnownDisplay, display_advice, known_display, opens_only_for_vm
from app.host.paths import HOST, Paths
from app.host.ptrace import SCOPE_NO_ATTACH, PtracePermission, owner_of
from app.host.vgpu import Holder, Use, Vgpu
from app.host.wording import claims_text, process_text

_CREATE = (
    "create one: 'mdevctl types' lists what can be made, 'sudo mdevctl start --parent PARENT --type TYPE' makes it"
)


def vgpu_findings(
    vgpus: Sequence[Vgpu], permission: PtracePermission, helper_usable: bool, paths: Paths = HOST
) -> Iterator[Finding]:
    """One finding for each vGPU. ``helper_usable`` is whether root's helper can attach to VMs of other users."""
    if not vgpus:
        has_parents = any((paths.sys / "class/mdev_bus").glob("*"))
        remedy = _CREATE if has_parents else ""
        yield Finding("vgpu", Severity.INFO, "no vGPU on this host", "", remedy)
    for vgpu in vgpus:
        subject = f"{vgpu.name} ({vgpu.type_id or vgpu.driver})"
        if known_display(vgpu) is KnownDisplay.NONE:
            yield Finding("vgpu", Severity.INFO, f"{subject} has no display", "", display_advice(vgpu))
        elif vgpu.use is Use.IN_USE:
            yield _in_use(vgpu, subject, permission, helper_usable, paths)
        else:
            yield _node(vgpu, subject, paths)


def _in_use(vgpu: Vgpu, subject: str, permission: PtracePermission, helper_usable: bool, paths: Paths) -> Finding:
    """The holders of a vGPU in use, and how this user can see its screen."""
    owners = [owner_of(each.pid, paths) for each in vgpu.holders]
    if any(map(permission.may_attach, owners)):
        remedy = f"'mdevview view {vgpu.name}' attaches to it"
    elif permission.scope == SCOPE_NO_ATTACH:
        remedy = "nobody can attach to it here: see the ptrace rules below"
    elif helper_usable:
        remedy = f"'mdevview view {vgpu.name}' has root's helper attach to it"
    else:
        remedy = f"you have no permission to attach to it: install root's helper ({INSTALL})"
    evidence = ", ".join(map(_holder_text, vgpu.holders, owners))
    return Finding("vgpu", Severity.INFO, f"{subject} is in use", evidence, remedy)


def _holder_text(holder: Holder, owner: int | None) -> str:
    uid = holder.uid if holder.uid is not None else owner
    user = f" of {permissions.user_name(uid)}" if uid is not None else ""
    return process_text(holder.process, holder.pid, holder.vm_name, vm_id=holder.vm_id) + user


def _node(vgpu: Vgpu, subject: str, paths: Paths) -> Finding:
    """Whether this user can open the device node of a free vGPU."""
    node = device_node(vgpu, paths)
    if node is None:
        return Finding(
            "vgpu",
            Severity.ERROR,
            f"{subject} has no device node",
            f"IOMMU group {vgpu.iommu_group}, cdev {vgpu.cdev}",
            "check that it is bound to its VFIO driver, and that udev or devtmpfs runs",
        )
    evidence = f"{node} {permissions.owner_and_mode(node)}"
    if vgpu.claims:
        evidence += f"; perhaps in use by {claims_text(vgpu.claims)}"
    if os.access(node, os.R_OK | os.W_OK):
        if opens_only_for_vm(vgpu):
            message = f"{subject} can be opened by a VM of yours; its driver opens it for nothing else"
            return Finding("vgpu", Severity.OK, message, evidence)
        return Finding("vgpu", Severity.OK, f"{subject} can be opened", evidence)
    message = f"{subject} cannot be opened: permission denied"
    return Finding("vgpu", Severity.ERROR, message, evidence, permissions.remedy(node))


def device_node(vgpu: Vgpu, paths: Paths) -> Path | None:
    """The node that an open would use. If there are two, the one that this user may open."""
    nodes = [paths.dev / "vfio/devices" / vgpu.cdev] if vgpu.cdev else []
    nodes += [paths.dev / "vfio" / str(vgpu.iommu_group)] if vgpu.iommu_group is not None else []
    nodes = [each for each in nodes if permissions.exists(each)]
    usable = [each for each in nodes if os.access(each, os.R_OK | os.W_OK)]
    return next(iter(usable or nodes), None)


def can_be_shown(finding: Finding) -> bool:
    """Whether a finding is about a vGPU that this user can open, or whose VM this user can attach to."""
    return finding.key == "vgpu" and (finding.severity is Severity.OK or finding.remedy.startswith("'mdevview view "))
