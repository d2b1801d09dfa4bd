"""Makes the EDID that sets a mode on a device, or gives the reason why the device cannot have the mode."""

from app.device.edid_region import EdidRegion, find_edid_region, read_edid
from app.device.info import RegionInfo
from app.device.seam import Device
from app.edid.make import DEFAULT_DPI, make_edid
from app.edid.mode import Limits, Mode
from app.errors import ResolutionRefused, error_text

_REMEDY = "set the resolution inside the guest"


def edid_region(device: Device) -> tuple[RegionInfo, EdidRegion]:
    """The device's EDID region and its contents. Raises ResolutionRefused if it has none."""
    try:
        region = find_edid_region(device)
        if region is None:
            raise ResolutionRefused("this device has no EDID region", _REMEDY)
        return region, read_edid(device, region)
    except OSError as error:
        raise ResolutionRefused(f"the EDID region cannot be read: {error_text(error)}", _REMEDY) from error


def edid_for(mode: Mode, limits: Limits, dpi: float = DEFAULT_DPI) -> bytes:
    """The EDID to write. Raises ResolutionRefused with the limit that the mode exceeds."""
    try:
        return make_edid(mode, limits, dpi=dpi)
    except ValueError as error:
        raise ResolutionRefused(f"cannot set {mode}: {error}", "choose a smaller mode") from error


def check_mode(device: Device, mode: Mode) -> None:
    """Raises ResolutionRefused if the device cannot have the mode."""
    _, contents = edid_region(device)
    edid_for(mode, contents.limits)
