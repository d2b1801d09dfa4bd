"""The order of doctor's findings, and its verdict in one sentence. Pure."""

from collections.abc import Iterable, Sequence

from app.diagnosis.finding import Finding, Severity
from app.diagnosis.host.vgpu_findings import can_be_shown

# What makes vGPUs, or could make them.
_ABOUT_VGPUS = {"gpu-without-vgpus", "sample-drivers", "mdev-parent", "vgpu", "vfio"}
_WEIGHTS = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2, Severity.OK: 3}


def ranked(findings: Iterable[Finding]) -> list[Finding]:
    """Problems first. Among findings of one weight, each comes after those on which it depends."""
    return sorted(findings, key=lambda each: _WEIGHTS[each.severity])


def vgpus_first(findings: Iterable[Finding]) -> list[Finding]:
    """Ranked, but for somebody who asks why there is no vGPU: after the errors comes what makes vGPUs or does not."""
    return sorted(ranked(findings), key=_place_for_vgpus)


def _place_for_vgpus(finding: Finding) -> int:
    if finding.severity is Severity.ERROR:
        return 0
    return 1 if finding.key in _ABOUT_VGPUS and finding.severity is not Severity.OK else 2


def has_failed(findings: Iterable[Finding]) -> bool:
    return any(each.severity is Severity.ERROR for each in findings)


def verdict(findings: Sequence[Finding], vgpus: int, displays: int = 0) -> str:
    """What mdevview can show here.

    ``vgpus`` is the number of vGPUs with a display that this host has, ``displays`` that of its VMs that have a D-Bus
    display by their command lines.
    """
    vms = f"{displays} VM{'s' * (displays > 1)} with a D-Bus display" if displays else ""
    if _first(findings, {"xen"}, Severity.OK) and _first(findings, {"xen-modules"}, Severity.OK):
        vms = f"{vms} and guests of Xen with a vdispl" if vms else "guests of Xen with a vdispl"
    shown = sum(map(can_be_shown, findings))
    graphics = _first(findings, {"egl", "opengl", "numpy", "qt", "qt-platform", "xcb-cursor"}, Severity.ERROR)
    if graphics is not None:
        what = "its vGPUs" if shown else "any screen"
        return f"mdevview cannot show {what} here, because {_lower(graphics.message)}."
    if shown:
        rest = f" of {vgpus}" if vgpus > shown else ""
        text = f"mdevview can show {shown}{rest} vGPU{'s' if shown > 1 or rest else ''} of this host"
        text += f", and {vms}" if vms else ""
        trouble = _first(findings, {"wrong-gpu", "dmabuf-import", "driver-trap", "egl"}, Severity.WARNING)
        return f"{text}, but {_lower(trouble.message)}." if trouble is not None else f"{text}."
    if vgpus:
        refused = _first(findings, {"vgpu"}, Severity.ERROR) or _first(findings, {"vgpu"}, Severity.INFO)
        why = f": {refused.message}" if refused is not None else ""
        refusal = f"the vGPU{'s' if vgpus > 1 else ''} of this host{why}."
        return f"mdevview can show {vms}, but not {refusal}" if vms else f"mdevview cannot show {refusal}"
    hardware = _first(findings, {"gpu-without-vgpus"}, Severity.WARNING) or _first(
        findings, {"gpu-without-vgpus"}, Severity.INFO
    )
    why = f" ({hardware.message})" if hardware is not None else ""
    if vms:
        return f"mdevview can show {vms}; this host has no vGPU{why}."
    return f"mdevview can show simulated vGPUs only, because this host has no vGPU{why} and no VM with a D-Bus display."


def _first(findings: Iterable[Finding], keys: set[str], severity: Severity) -> Finding | None:
    return next((each for each in findings if each.key in keys and each.severity is severity), None)


def _lower(message: str) -> str:
    """The message in the middle of a sentence: names such as EGL and Qt keep their case."""
    word = message.partition(" ")[0]
    return (
        message
        if word[1:] != word[1:].lower() or word in ("Qt", "Mesa", "Mesa's")
        else message[:1].lower() + message[1:]
    )
