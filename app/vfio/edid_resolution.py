"""Sets the resolution of a guest through the EDID region of its VFIO device."""

from app.device.edid_mode import edid_for, edid_region
from app.device.edid_region import EdidRegion
from app.device.edid_writer import EdidWriter
from app.device.info import RegionInfo
from app.device.seam import Device
from app.edid.make import timing_for
from app.edid.mode import Limits, Mode
from app.edid.parse import parse_edid
from app.errors import ResolutionRefused


class EdidResolution:
    """A :class:`app.open.session.ResolutionControl`. Does not own ``device``, which must be open at every call.

    It reads the EDID region at the first call that needs it.
    """

    def __init__(self, device: Device) -> None:
        self._device = device
        self._region: tuple[RegionInfo, EdidRegion] | None = None
        self._refusal: ResolutionRefused | None = None
        self._writer: EdidWriter | None = None

    @property
    def refusal(self) -> ResolutionRefused | None:
        if self._region is None and self._refusal is None:
            try:
                self._region = edid_region(self._device)
            except ResolutionRefused as refusal:
                self._refusal = refusal
        return self._refusal

    @property
    def limits(self) -> Limits:
        return self._opened()[1].limits

    def check(self, mode: Mode) -> None:
        edid_for(mode, self.limits)

    def is_set(self, mode: Mode) -> bool:
        try:
            preferred = parse_edid(self._opened()[1].blob).preferred
            return preferred is not None and preferred == timing_for(mode, self.limits)
        except ValueError:
            return False

    def begin(self, mode: Mode, dpi: float) -> None:
        region, now = self._opened()
        blob = edid_for(mode, now.limits, dpi)
        self.finish()
        self._writer = EdidWriter(self._device, region, blob)

    def step(self) -> int | None:
        if self._writer is None:
            return None
        try:
            left = self._writer.step()
        except OSError:
            self._writer = None
            raise
        if left is None:
            self._writer = None
        return left

    def finish(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()

    def _opened(self) -> tuple[RegionInfo, EdidRegion]:
        refusal = self.refusal
        if refusal is not None:
            raise refusal
        assert self._region is not None
        return self._region
