"""A finding about a mode that the guest was asked for and did not take."""

from app.diagnosis.finding import Finding
from app.diagnosis.picture.picture_facts import PictureFacts, PlaneFacts
from app.diagnosis.picture.picture_keys import PictureKey
from app.host.vgpu import Vgpu

# Up to Linux 6.12 the connector of bochs-drm reads the EDID when the driver is loaded, and never again
# (bochs_connector_init() in drivers/gpu/drm/tiny/bochs.c).
_BOCHS = (
    "A Linux guest up to 6.12 reads the size of this screen only when its driver, bochs-drm, is loaded: restart the "
    "guest, or set the mode inside it."
)
_ANY = "Its driver may ignore the change, or its user chose another mode: set the mode inside the guest."


def mode_finding(facts: PictureFacts, primary: PlaneFacts) -> Finding | None:
    """None if the guest took the mode, or still has time to."""
    request, plane = facts.late_mode, primary.plane
    if request is None or plane is None:
        return None
    asked, shown = f"{request.width}x{request.height}", f"{plane.width}x{plane.height}"
    still = "still " if request.before == (plane.width, plane.height) else ""
    return PictureKey.MODE_NOT_TAKEN.finding(
        f"asked for {asked}; shown {shown}",
        _BOCHS if _is_bochs(facts.vgpu) else _ANY,
        f"The guest was asked for {asked} and {still}shows {shown}.",
    )


def _is_bochs(vgpu: Vgpu | None) -> bool:
    """Whether the guest sees the display device of bochs: samples/vfio-mdev/mbochs.c, or a changed module of it."""
    return vgpu is not None and (vgpu.module or "").startswith("mbochs")
