"""What to do about a device that has no display depends on the device."""

from app.diagnosis.picture.diagnose import diagnose
from app.host.vgpu import Vgpu
from app.planes.status import Reason
from tests.unit.app.diagnosis.picture.facts import off, picture


def test_advice_about_a_missing_display_is_for_the_device() -> None:
    for vgpu, advice in (
        (Vgpu("0000:00:02.1", parent="0000:00:02.0", driver="vfio-pci"), "SR-IOV functions have no display"),
        (Vgpu("0000:03:00.0", driver="vfio-pci"), "devices that are passed through have no display"),
        (Vgpu(name="m", uuid="m", type_id="mtty-1", driver="mtty"), "choose a type that has a display"),
        (None, "Choose a vGPU type that does"),
    ):
        (finding,) = diagnose(picture(off(Reason.NO_DISPLAY), vm=None, vgpu=vgpu))
        assert (finding.key, finding.remedy[: len(advice)]) == ("no-display", advice)
