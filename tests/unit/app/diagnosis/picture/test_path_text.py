"""What the window says about the path of the pixels."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.diagnosis.picture.diagnose import diagnose
from app.diagnosis.picture.path_text import path_cause, path_text, path_tip
from app.planes.outcome import PixelPath
from app.planes.status import Reason
from tests.unit.app.diagnosis.picture.facts import PRIMARY, ROUTE, not_imported, picture, shown


def test_of_a_copied_picture_it_says_what_it_costs_why_what_was_tried_and_what_to_do() -> None:
    findings = diagnose(picture(not_imported(Reason.IMPORT_FAILED)))
    assert path_tip(PixelPath.COPY, PRIMARY, findings).replace("\N{NO-BREAK SPACE}", " ").splitlines() == [
        "copy: The GPU does not import the guest's buffer, so the CPU copies it: 1.2 MB for each new picture; "
        "60 pictures a second are 73.7 MB a second.",
        "Why: The import failed; frames are copied.",
        "Seen: explicit-modifier: the display does not take it (EGL_BAD_MATCH)",
        "What to do: Name the GPU that exports the buffer with --gpu; 'mdevview doctor' lists the GPUs.",
    ]


def test_another_finding_is_not_the_reason_of_the_copy() -> None:
    facts = picture(not_imported(Reason.IMPORT_FAILED))
    findings = diagnose(facts)
    others = tuple(replace(each, key="one-colour") for each in findings)
    cause = path_cause(PixelPath.COPY, (*others, *findings))
    assert cause is not None and cause.key == "import-failed"
    assert path_cause(PixelPath.COPY, others) is None
    assert path_cause(PixelPath.EGL_IMAGE, findings) is None, "nothing is copied"


def test_a_bridged_picture_names_both_gpus() -> None:
    bridged = picture(shown(path=PixelPath.BRIDGE, bridge=ROUTE))
    tip = path_tip(PixelPath.BRIDGE, PRIMARY, diagnose(bridged))
    assert f"Seen: exporting: {ROUTE.gpu}, {ROUTE.node}; drawing: " in tip


@pytest.mark.parametrize("path", PixelPath)
@given(stride=st.integers(1, 1 << 20), height=st.integers(1, 1 << 14))
def test_every_path_is_explained_with_the_cost_of_a_copy(path: PixelPath, stride: int, height: int) -> None:
    text = path_text(path, replace(PRIMARY, stride=stride, height=height))
    assert ("for each new picture" in text) is (path in (PixelPath.COPY, PixelPath.REGION))
    assert text.endswith(".") and len(text) < 260
