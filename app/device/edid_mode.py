"""The mode a user asks for, as an EDID for a device: or one line that says why not."""

from app.device.edid_region import EdidRegion, find_edid_region, read_edid
from app.device.info import RegionInfo
from app.device.seam import Device
from app.edid.make import DEFAULT_DPI, make_edid
from app.edid.mode import Limits, Mode
from app.errors import ResolutionRefused, error_text

_INSIDE = "set the resolution inside the guest"


def edid_region(device: Device) -> tuple[RegionInfo, EdidRegion]:
    """Where the EDID goes, and what is there now. Raises ResolutionRefused for a device that takes none."""
    try:
        region = find_edid_region(device)
        if region is None:
            raise ResolutionRefused("this device has no EDID region", _INSIDE)
        return region, read_edid(device, region)
    except OSError as error:
        raise ResolutionRefused(f"the EDID region cannot be read: {error_text(error)}", _INSIDE) from error


def edid_for(mode: Mode, limits: Limits, dpi: float = DEFAULT_DPI) -> bytes:
    """The EDID to write. Raises ResolutionRefused with the limit that the mode is beyond."""
    try:
        return make_edid(mode, limits, dpi=dpi)
    except ValueError as error:
        raise ResolutionRefused(f"cannot set {mode}: {error}", "ask for a smaller mode") from error


def check_mode(device: Device, mode: Mode) -> None:
    """Raises ResolutionRefused where the device cannot have the mode."""
    _, now = edid_region(device)
    edid_for(mode, now.limits)
