"""Facts of screen, vGPU and host as documents of a recording, and back. Names of VMs and users are left out."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from app.diagnosis.picture.host_facts import ExporterFacts, HostFacts, RunState, VmFacts
from app.diagnosis.report.private_names import private_names
from app.diagnosis.report.private_text import Redaction
from app.host.vgpu import Use, Vgpu
from app.host.vm import Vm
from app.planes.plane_document import Document
from app.qemu.pci_address import is_pci_address
from app.text.clean import clean_line

_TEXTS = ("name", "uuid", "type_id", "type_name", "parent", "driver", "module")
_NUMBERS = ("iommu_group", "gvt_id")
_MOST_LINES = 100


def vgpu_document(vgpu: Vgpu | None) -> Document | None:
    """What the vGPU is, without the processes that have it open."""
    if vgpu is None:
        return None
    # No process ever has a simulated vGPU open, which is not why its plane is off.
    use = Use.UNKNOWN if vgpu.simulated else vgpu.use
    return {each: getattr(vgpu, each) for each in (*_TEXTS, *_NUMBERS)} | {"use": use.value}


def vgpu_of(document: Document | None) -> Vgpu | None:
    """The recorded vGPU. Values of a wrong type are left out."""
    if document is None:
        return None
    values: dict[str, Any] = {each: _text(document.get(each)) for each in _TEXTS}
    values |= {each: _integer(document.get(each)) for each in _NUMBERS}
    # Who had it open is not in the recording, only whether somebody had.
    is_free = document.get("use") == Use.FREE.value
    return Vgpu(**(values | {"name": values["name"] or "replay", "unseen": not is_free}))


def screen_document(described: Document) -> Document:
    """What kind of screen it is, of what ``Session.describe`` tells, for one that is no vGPU's."""
    device = described["device"]
    return {"type": device["type"], "cursor_plane": device.get("cursor_plane", True)}


def with_screen(described: Document, screen: Document | None) -> Document:
    """What a session describes, with the kind of its screen. Values of a wrong type are left out."""
    if screen is None:
        return described
    kind = {"type": _text(screen.get("type"))}
    without = {"cursor_plane": False} if screen.get("cursor_plane") is False else {}
    return described | {"device": described["device"] | kind | without}


def redaction(vgpu: Vgpu | None, vm: Vm | None, guest_name: str = "") -> Redaction:
    """Replaces the names of this host, its users and VMs in a text. ``guest_name`` is that of a guest without a VM."""
    names = private_names([vgpu] if vgpu is not None else [])
    name = vm.name if vm is not None else guest_name
    return Redaction(replace(names, vms=names.vms | {name}) if name else names)


def host_document(facts: HostFacts, redact: Callable[[str], str]) -> Document:
    """The facts of the host. Of the VM only what matters to its screen: neither its name nor its process."""
    vm, exporter = facts.vm, facts.exporter
    return {
        "vm": None
        if vm is None
        else {
            "state": vm.state.value if vm.state is not None else None,
            "state_evidence": redact(vm.state_evidence),
            "age_s": vm.age_s,
            "opregion": vm.opregion,
            "opregion_unset": vm.opregion_unset,
            "ramfb": vm.ramfb,
            "display": vm.display,
            "firmware_screen": vm.firmware_screen,
        },
        "exporter": None
        if exporter is None
        else {"address": exporter.address, "driver": exporter.driver, "render_node": exporter.render_node},
        "kernel_lines": [redact(each) for each in facts.kernel_lines],
        "kernel_log_refused": facts.kernel_log_refused,
    }


def host_facts_of(document: Document | None) -> HostFacts:
    """The recorded facts. Values of a wrong type are left out."""
    if document is None:
        return HostFacts()
    lines = document.get("kernel_lines")
    texts = [_text(each) for each in lines[:_MOST_LINES]] if isinstance(lines, list) else []
    return HostFacts(
        _vm_of(document.get("vm")),
        _exporter_of(document.get("exporter")),
        tuple(each for each in texts if each),
        _text(document.get("kernel_log_refused")) or "",
    )


def _vm_of(document: object) -> VmFacts | None:
    if not isinstance(document, dict):
        return None
    age = document.get("age_s")
    states = {each.value: each for each in RunState}
    state = document.get("state")
    return VmFacts(
        pid=0,
        state=states.get(state) if isinstance(state, str) else None,
        state_evidence=_text(document.get("state_evidence")) or "",
        age_s=float(age) if isinstance(age, int | float) and 0 <= age < 1e10 else None,
        opregion=_truth(document.get("opregion")),
        ramfb=_truth(document.get("ramfb")),
        display=_text(document.get("display")),
        firmware_screen=_text(document.get("firmware_screen")),
        opregion_unset=document.get("opregion_unset") is True,
    )


def _exporter_of(document: object) -> ExporterFacts | None:
    address = _text(document.get("address")) if isinstance(document, dict) else None
    # A remedy that users paste has the address in it.
    if not isinstance(document, dict) or address is None or not is_pci_address(address):
        return None
    return ExporterFacts(address, _text(document.get("driver")), _text(document.get("render_node")))


def _text(value: object) -> str | None:
    return clean_line(value) if isinstance(value, str) else None


def _integer(value: object) -> int | None:
    return value if type(value) is int and 0 <= value < 1 << 32 else None


def _truth(value: object) -> bool | None:
    return value if isinstance(value, bool) else None
