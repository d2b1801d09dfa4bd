"""What is said of a mode that the guest did not take."""

import pytest

from app.diagnosis.finding import Finding
from app.diagnosis.picture.diagnose import diagnose
from app.diagnosis.picture.picture_facts import ModeRequest
from app.host.vgpu import Vgpu
from app.planes.status import Reason
from tests.unit.app.diagnosis.picture.facts import GVT, MBOCHS, not_imported, off, picture


def late(vgpu: Vgpu | None, before: tuple[int, int] | None) -> Finding:
    (finding,) = diagnose(picture(vgpu=vgpu, late_mode=ModeRequest(1920, 1080, before)))
    return finding


@pytest.mark.parametrize(("vgpu", "is_bochs"), [(MBOCHS, True), (GVT, False), (None, False)])
def test_only_of_bochs_it_says_that_a_restart_helps(vgpu: Vgpu | None, is_bochs: bool) -> None:
    finding = late(vgpu, (640, 480))
    assert finding.message == "The guest was asked for 1920x1080 and still shows 640x480."
    assert ("6.12" in finding.remedy) is is_bochs
    assert "inside" in finding.remedy


def test_a_guest_that_took_another_mode_does_not_still_show_its_old_one() -> None:
    assert late(GVT, (800, 600)).message == "The guest was asked for 1920x1080 and shows 640x480."


def test_it_comes_before_a_copy_and_without_a_picture_nothing_is_said() -> None:
    request = ModeRequest(1920, 1080, None)
    keys = [each.key for each in diagnose(picture(not_imported(Reason.IMPORT_FAILED), late_mode=request))]
    assert keys[:2] == ["mode-not-taken", "import-failed"]
    assert "mode-not-taken" not in [each.key for each in diagnose(picture(off(), late_mode=request))]
