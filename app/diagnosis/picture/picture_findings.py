"""Findings about a picture, made from the status of its planes; and the errors of commands that get no picture."""

from collections.abc import Sequence
from typing import Any

from app.diagnosis.finding import Finding, Severity
from app.diagnosis.picture.picture_keys import SEVERITIES, sentence_of
from app.errors import DeviceGone, MdevviewError, NoPicture
from app.planes.plane import PlaneKind
from app.planes.status import Reason, State, Status


def plane_finding(kind: PlaneKind, status: Status, import_errors: Sequence[dict[str, Any]] = ()) -> Finding | None:
    """Why a plane is not shown or only copied; None if nothing is wrong. The key is that of the status's reason.

    ``import_errors`` are the failed import attempts. Each has ``rung``, ``egl_error`` and ``message``.
    """
    if status.state is State.SHOWING:
        return None
    reason = status.reason
    message = f"{kind.name.lower()} plane: {sentence_of(reason)}"
    # The detail of a copied plane repeats the first import error.
    attempts = [_attempt_text(each) for each in import_errors if each["message"] not in status.detail]
    evidence = "; ".join(each for each in (status.detail, *attempts) if each)
    return Finding(reason.key, SEVERITIES[status.state], message, evidence, reason.remedy)


def _attempt_text(import_error: dict[str, Any]) -> str:
    code = f" ({import_error['egl_error']})" if import_error["egl_error"] else ""
    return f"{import_error['rung']}: {import_error['message']}{code}"


def error_finding(error: MdevviewError) -> Finding:
    """The finding of an error that ends a command, or an opening."""
    return Finding(error.key, Severity.ERROR, error.message, "", error.remedy)


def status_finding(target: str, status: Status) -> Finding:
    """A status in one line, for the error of a command that needed the picture."""
    detail = f", {status.detail}" if status.detail else ""
    message = f"{target}: {status.state.value}: {status.reason.key}{detail}"
    return Finding(status.reason.key, SEVERITIES[status.state], message, status.detail, status.hint)


def no_picture(target: str, status: Status, waited_s: float) -> NoPicture:
    """The error of a command that got no picture within ``waited_s`` seconds. ``status`` is the last status."""
    finding = status_finding(target, status)
    remedy = finding.remedy
    if status.reason is Reason.PLANE_OFF:
        # What the VM lacks, for instance, is no part of a status.
        remedy = f"{remedy} 'mdevview inspect' looks for the reason.".strip()
    return NoPicture(f"{finding.message} (waited {waited_s:g} s)", remedy)


def device_gone(target: str, status: Status) -> DeviceGone:
    """The error of a command whose device was removed or whose VM ended."""
    finding = status_finding(target, status)
    return DeviceGone(finding.message, finding.remedy)
