"""From the facts about a picture to findings, the most important first. Pure.

One finding explains one thing: where a specific one tells why, the general one of the status is not listed.
"""

from collections.abc import Iterator
from dataclasses import replace

from app.diagnosis.finding import Finding, Severity
from app.diagnosis.picture.cursor_findings import cursor_findings
from app.diagnosis.picture.display_findings import display_findings, explains
from app.diagnosis.picture.import_findings import import_findings, is_import_status, wrong_gpu_finding
from app.diagnosis.picture.mode_findings import mode_finding
from app.diagnosis.picture.picture_facts import PictureFacts, PlaneFacts
from app.diagnosis.picture.picture_findings import plane_finding
from app.diagnosis.picture.picture_keys import key_of, rank_of
from app.diagnosis.picture.plane_off_findings import plane_off_findings
from app.diagnosis.picture.recording_findings import recording_findings
from app.diagnosis.picture.still_findings import still_findings
from app.diagnosis.picture.vm_findings import kernel_message_findings, vm_finding
from app.host.drivers import display_advice
from app.planes.outcome import PixelPath
from app.planes.plane import Backing, PlaneKind
from app.planes.status import Reason, State

_PLANE_OFF = (Reason.PLANE_OFF, Reason.NOT_INITIALIZED)
_QUERY_FAILS = (Reason.QUERY_REJECTED, Reason.FRAMEBUFFER_UNMAPPED, Reason.OUT_OF_MEMORY, Reason.DEVICE_FAULT)

# mbochs_dmabuf_export() in samples/vfio-mdev/mbochs.c answers EINVAL then.
_EXPORTS_WHOLE_PAGES = ("mbochs", "mbochs_rw")
_NOT_ON_A_PAGE = (
    "mbochs exports a framebuffer only if it starts on a page of memory, which that of a BIOS after a reboot may not"
)

# A guest that changes its mode has no plane for a few frames.
_MODE_SWITCH_S = 1.5
_LASTING_REMEDY = (
    "Restart the guest's graphics driver, or the guest. If it stays, report it with a recording: "
    "mdevview capture TARGET -o FILE --duration 5"
)


def diagnose(facts: PictureFacts) -> tuple[Finding, ...]:
    """All findings about a picture, ranked: the first one is what a person should read first."""
    return tuple(sorted(_findings(facts), key=rank_of))


def _findings(facts: PictureFacts) -> Iterator[Finding]:
    yield from recording_findings(facts.host)
    planes = {each.kind: each for each in facts.planes}
    primary = planes.get(PlaneKind.PRIMARY, PlaneFacts(PlaneKind.PRIMARY, facts.status))
    # How a picture came is no news of a VM that ended.
    gone = primary.status.state is State.GONE
    yield from (each for each in display_findings(facts.display) if not gone or each.severity is not Severity.INFO)
    if primary.status.state in (State.WAITING, State.GONE) and not is_import_status(primary.status):
        yield from _of_status(primary)
        return
    vm = vm_finding(facts.host.vm)
    if vm is not None:
        yield vm
    yield from _primary(facts, primary)
    if primary.path is not None:
        late = mode_finding(facts, primary)
        if late is not None:
            yield late
        yield from cursor_findings(facts, primary, planes.get(PlaneKind.CURSOR))
        # Why a picture stays as it is, is told already if the VM does not run.
        if vm is None:
            yield from still_findings(facts, primary)
    # Over a bridge, the exporting GPU has imported it.
    bridged = primary.path is PixelPath.BRIDGE
    if primary.plane is not None and primary.plane.backing is Backing.DMABUF and not bridged:
        wrong = wrong_gpu_finding(facts.host, facts.renderer)
        if wrong is not None:
            yield wrong
    if facts.display is None:
        # The kernel says nothing about what QEMU draws by itself.
        yield from kernel_message_findings(facts.host, shown=primary.path is not None)


def _primary(facts: PictureFacts, primary: PlaneFacts) -> Iterator[Finding]:
    reason = primary.status.reason
    if explains(facts.display, reason):
        return
    if reason in _PLANE_OFF:
        yield from plane_off_findings(facts)
    elif is_import_status(primary.status):
        yield from import_findings(facts, primary)
    elif reason in _QUERY_FAILS:
        counts = ", ".join(f"{name} {count} times" for name, count in facts.history.query_errors)
        evidence = f"{counts} in {facts.history.watched_s:.1f} s" if counts else ""
        detail = primary.status.detail
        off_s = facts.history.off_s or 0.0
        lasts = off_s >= _MODE_SWITCH_S and reason in (Reason.QUERY_REJECTED, Reason.FRAMEBUFFER_UNMAPPED)
        yield key_of(reason).finding(
            "; ".join(each for each in (detail, evidence) if each),
            _LASTING_REMEDY if lasts else reason.remedy,
            f"{reason.meaning.partition('. ')[0]}. It has lasted for {off_s:.1f} s, so it is no mode switch."
            if lasts
            else "",
        )
    elif reason is Reason.NO_DISPLAY and facts.vgpu is not None:
        yield key_of(reason).finding(primary.status.detail, display_advice(facts.vgpu))
    else:
        for found in _of_status(primary):
            why = _NOT_ON_A_PAGE if _is_unaligned(facts, primary) else ""
            yield replace(found, evidence="; ".join(each for each in (found.evidence, why) if each))


def _is_unaligned(facts: PictureFacts, plane: PlaneFacts) -> bool:
    vgpu, status = facts.vgpu, plane.status
    if vgpu is None or status.reason is not Reason.FETCH_FAILED:
        return False
    return (vgpu.module or vgpu.driver) in _EXPORTS_WHOLE_PAGES and "EINVAL" in status.detail


def _of_status(plane: PlaneFacts) -> Iterator[Finding]:
    found = plane_finding(plane.kind, plane.status)
    if found is not None:
        yield found
