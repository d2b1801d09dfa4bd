"""How a vGPU is shown where the user chooses one: whose it is, and whether it can be opened."""

import os
from dataclasses import dataclass

from app.diagnosis.host.vgpu_findings import device_node
from app.host import permissions
from app.host.drivers import KnownDisplay, display_advice, known_display, opens_only_for_vm
from app.host.paths import HOST, Paths
from app.host.ptrace import SCOPE_NO_ATTACH, PtracePermission, owner_of
from app.host.vgpu import Holder, Use, Vgpu
from app.host.wording import claims_text, holders_text

_NO_HELPER = "You have no permission to look into this VM, and root's helper is not installed."


@dataclass(frozen=True, slots=True)
class Choice:
    """``vm`` is the VM's name and number, empty for none. ``state`` is one or two words; ``users`` names the processes
    that have it open. ``why_not`` says why it cannot be opened; empty if nothing is known that would keep it from it.
    """

    vm: str
    state: str
    users: str
    why_not: str


def vgpu_choice(vgpu: Vgpu, permission: PtracePermission, helper_usable: bool, paths: Paths = HOST) -> Choice:
    """Looks at the vGPU's nodes and at the owners of its VM, and opens nothing.

    ``helper_usable`` is whether root's helper can attach to VMs of other users.
    """
    holders = vgpu.holders or vgpu.claims
    vm = " and ".join(dict.fromkeys(map(_vm_of, holders)))
    return Choice(
        vm=f"perhaps {vm}" if vm and not vgpu.holders else vm,
        state={Use.FREE: "free", Use.IN_USE: "in use", Use.UNKNOWN: "unknown"}[vgpu.use],
        users=in_use_text(vgpu),
        why_not=_why_not(vgpu, permission, helper_usable, paths),
    )


def in_use_text(vgpu: Vgpu) -> str:
    """Who has the device open; "free" when nobody has."""
    if vgpu.claims:
        return f"unknown; perhaps {claims_text(vgpu.claims)}"
    return holders_text(vgpu.holders) or ("unknown" if vgpu.unseen else "free")


def vm_of(name: str | None, number: str | None, process: str, pid: int) -> str:
    """A VM, the name first: it is what the user knows and searches for."""
    return f"{name} ({number})" if name and number else name or number or f"{process} {pid}"


def _vm_of(holder: Holder) -> str:
    return vm_of(holder.vm_name, holder.vm_id, holder.process, holder.pid)


def _why_not(vgpu: Vgpu, permission: PtracePermission, helper_usable: bool, paths: Paths) -> str:
    if known_display(vgpu) is KnownDisplay.NONE:
        return f"It has no display: {display_advice(vgpu)}."
    if vgpu.use is Use.IN_USE:
        if any(permission.may_attach(owner_of(each.pid, paths)) for each in vgpu.holders):
            return ""
        if permission.scope == SCOPE_NO_ATTACH:
            return "The kernel lets nobody look into a VM here (kernel.yama.ptrace_scope is 3)."
        return "" if helper_usable else _NO_HELPER
    node = device_node(vgpu, paths)
    if node is None:
        return "It has no device node: check that it is bound to its VFIO driver."
    if not os.access(node, os.R_OK | os.W_OK):
        return f"You have no permission to open {node} ({permissions.owner_and_mode(node)})."
    if vgpu.use is Use.FREE and opens_only_for_vm(vgpu):
        return "Its driver opens it only for a running VM: start that VM."
    return ""
