"""Findings about a picture, and the errors of commands that get none."""

import re

import pytest

from app.diagnosis.finding import Finding, Severity
from app.diagnosis.picture.picture_findings import device_gone, no_picture, plane_finding
from app.planes.plane import PlaneKind
from app.planes.status import Reason, State, Status

REFUSED = {"rung": "explicit-modifier", "egl_error": "EGL_BAD_MATCH", "message": "the display does not take it"}
UNKNOWN = {"rung": "no-modifier", "egl_error": None, "message": "the tiling would not be known"}


def test_a_plane_that_is_shown_has_no_finding() -> None:
    assert plane_finding(PlaneKind.PRIMARY, Status(Reason.OK), [REFUSED]) is None


def test_a_plane_that_is_copied_has_every_failed_import_as_evidence() -> None:
    status = Status(Reason.MODIFIER_NOT_IMPORTABLE, REFUSED["message"] or "")
    assert plane_finding(PlaneKind.CURSOR, status, [REFUSED, UNKNOWN]) == Finding(
        "modifier-not-importable",
        Severity.WARNING,
        "cursor plane: This GPU does not import the plane's tiling; frames are copied.",
        "the display does not take it; no-modifier: the tiling would not be known",
        "Name the GPU that exports it with --gpu; 'mdevview doctor' lists the GPUs.",
    )


@pytest.mark.parametrize("reason", [each for each in Reason if each is not Reason.OK])
def test_every_reason_has_a_finding_that_says_what_its_hint_says(reason: Reason) -> None:
    finding = plane_finding(PlaneKind.PRIMARY, Status(reason, "seen"))
    assert finding is not None
    assert finding.key == reason.key
    assert re.fullmatch(r"primary plane: (mdevview |[A-Z]).*\.", finding.message, re.DOTALL), "the remedy may follow"
    assert Status(reason).hint == f"{reason.meaning} {finding.remedy}".strip() != ""
    assert (finding.severity is Severity.ERROR) == (reason.state in (State.ERROR, State.GONE))
    assert finding.evidence == "seen"


def test_no_picture_in_time_is_one_line() -> None:
    status = Status(Reason.UNKNOWN_FORMAT, "fourcc ABCD")
    assert str(no_picture("sim:gvt", status, 0.5)) == (
        f"sim:gvt: error: unknown-format, fourcc ABCD (waited 0.5 s); {status.hint}"
    )


def test_a_plane_that_is_off_leads_to_the_command_that_asks_the_host_too() -> None:
    """A status does not know what the VM lacks, an OpRegion for instance."""
    error = no_picture("83b8f4f2", Status(Reason.PLANE_OFF), 5)
    assert error.remedy == f"{Status(Reason.PLANE_OFF).hint} 'mdevview inspect' looks for the reason."
    assert "inspect" not in no_picture("83b8f4f2", Status(Reason.CURSOR_OFF), 5).remedy


def test_a_device_that_went_away_is_one_line() -> None:
    status = Status(Reason.DEVICE_REMOVED)
    assert str(device_gone("sim:gvt", status)) == f"sim:gvt: gone: device-removed; {status.hint}"
