"""What is certain about a plane that is off, and what is only likely."""

from dataclasses import replace

import pytest

from app.diagnosis.picture.diagnose import diagnose
from app.diagnosis.picture.host_facts import VmFacts
from app.diagnosis.picture.picture_facts import HistoryFacts
from app.host.vgpu import Vgpu
from tests.unit.app.diagnosis.picture.facts import GVT, MBOCHS, RUNNING, YOUNG, off, picture

NEVER_SHOWN = HistoryFacts(watched_s=0.5)


@pytest.mark.parametrize(
    ("vgpu", "vm", "told"),
    [
        (GVT, YOUNG, True),
        (replace(GVT, type_id="nvidia-105", driver="nvidia"), replace(YOUNG, ramfb=False), True),
        (MBOCHS, YOUNG, False),
        (MBOCHS, replace(YOUNG, ramfb=False), False),
        (MBOCHS, replace(YOUNG, firmware_screen="VGA"), True),
    ],
)
def test_the_firmware_draws_into_the_sample_drivers_vgpus(vgpu: Vgpu, vm: VmFacts, told: bool) -> None:
    found = diagnose(picture(off(), vm=vm, vgpu=vgpu, history=NEVER_SHOWN))
    assert ("firmware-screen-elsewhere" in [each.key for each in found]) is told


def test_gvt_g_has_no_boot_screen_and_ramfb_shows_it_in_qemus_own_display() -> None:
    for vgpu, vm, no_boot_screen, has_remedy in (
        (GVT, replace(YOUNG, ramfb=False), True, True),
        (GVT, replace(YOUNG, ramfb=True), True, False),
        (GVT, replace(YOUNG, firmware_screen="VGA"), True, False),
        (MBOCHS, replace(YOUNG, firmware_screen="VGA"), False, False),
    ):
        found = {each.key: each for each in diagnose(picture(off(), vm=vm, vgpu=vgpu, history=NEVER_SHOWN))}
        finding = found["firmware-screen-elsewhere"]
        assert ("no boot screen" in finding.message) is no_boot_screen
        # The property ramfb is only that of the device that cannot be unplugged.
        assert ("-device ramfb" in finding.remedy) is has_remedy
        assert ("vfio-pci-nohotplug" in finding.remedy and "display=on,ramfb=on" in finding.remedy) is has_remedy


def test_a_command_line_without_the_option_does_not_prove_that_the_opregion_is_missing() -> None:
    vm = replace(RUNNING, opregion=None, opregion_unset=True, age_s=30.0)
    perhaps, never, _ = diagnose(picture(off(), vm=vm, history=NEVER_SHOWN))
    assert (perhaps.key, never.key) == ("opregion-missing", "plane-never-enabled")
    assert perhaps.message.startswith("Perhaps ") and "10.1" in perhaps.evidence
    (certain, _) = diagnose(picture(off(), vm=replace(vm, opregion=False, opregion_unset=False)))
    assert "erhaps" not in certain.message and "x-igd-opregion=off" in certain.evidence
    assert "opregion-missing" not in [each.key for each in diagnose(picture(off(), vm=vm, vgpu=MBOCHS))]
