"""Sets the resolution of a guest through the EDID region of its VFIO device."""

from collections.abc import Callable

from app.device.edid_region import EdidRegion, find_edid_region, read_edid
from app.device.edid_writer import EdidWriter
from app.device.info import RegionInfo
from app.device.link_guard import LinkGuard
from app.device.seam import Device
from app.edid.make import DEFAULT_DPI, make_edid, timing_for
from app.edid.mode import Limits, Mode
from app.edid.parse import parse_edid
from app.errors import ResolutionRefused, error_text
from app.host.larger_type import SizedType, larger_type

_REMEDY = "set the resolution inside the guest"


class EdidResolution:
    """A :class:`app.open.session.ResolutionControl`. Does not own ``device``, which must be open at every call.

    It reads the EDID region at the first call that needs it, and again after it was written. ``vm_fd`` returns the
    pidfd of the VM that has the device, -1 without one: at its end the guard of the link closes the device. ``types``
    are the other types of vGPU that could be made in place of this one.
    """

    def __init__(
        self, device: Device, vm_fd: Callable[[], int] = lambda: -1, types: tuple[SizedType, ...] = ()
    ) -> None:
        self._device = device
        self._vm_fd = vm_fd
        self._types = types
        self._region: tuple[RegionInfo, EdidRegion] | None = None
        self._refusal: ResolutionRefused | None = None
        self._writer: EdidWriter | None = None

    @property
    def refusal(self) -> ResolutionRefused | None:
        if self._region is None and self._refusal is None:
            try:
                self._region = _read(self._device)
            except ResolutionRefused as refusal:
                self._refusal = refusal
        return self._refusal

    @property
    def limits(self) -> Limits:
        return self._opened()[1].limits

    def check(self, mode: Mode) -> None:
        self._make(mode, self.limits, DEFAULT_DPI)

    def is_set(self, mode: Mode) -> bool:
        try:
            preferred = parse_edid(self._opened()[1].blob).preferred
            return preferred is not None and preferred == timing_for(mode, self.limits)
        except ValueError:
            return False

    def begin(self, mode: Mode, dpi: float) -> None:
        region, now = self._opened()
        blob = self._make(mode, now.limits, dpi)
        self.finish()
        self._writer = EdidWriter(
            self._device,
            region,
            blob,
            start_guard=lambda before: LinkGuard.start(self._device, region, before, self._vm_fd()),
        )

    def step(self) -> int | None:
        if self._writer is None:
            return None
        try:
            left = self._writer.step()
        except OSError:
            self._written()
            raise
        if left is None:
            self._written()
        return left

    def finish(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._written()

    def _written(self) -> None:
        self._writer = None
        self._region = None

    def _make(self, mode: Mode, limits: Limits, dpi: float) -> bytes:
        """The EDID to write. Raises ResolutionRefused with the limit that the mode exceeds."""
        try:
            return make_edid(mode, limits, dpi=dpi)
        except ValueError as error:
            larger = larger_type(mode, limits, self._types) if not limits.allow(mode.width, mode.height) else ""
            remedy = f"choose a smaller mode; {larger}" if larger else "choose a smaller mode"
            raise ResolutionRefused(f"cannot set {mode}: {error}", remedy) from error

    def _opened(self) -> tuple[RegionInfo, EdidRegion]:
        refusal = self.refusal
        if refusal is not None:
            raise refusal
        assert self._region is not None
        return self._region


def _read(device: Device) -> tuple[RegionInfo, EdidRegion]:
    """The device's EDID region and its contents. Raises ResolutionRefused if it has none."""
    try:
        region = find_edid_region(device)
        if region is None:
            raise ResolutionRefused("this device has no EDID region", _REMEDY)
        return region, read_edid(device, region)
    except OSError as error:
        raise ResolutionRefused(f"the EDID region cannot be read: {error_text(error)}", _REMEDY) from error
