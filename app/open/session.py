"""A session: what opening a target gives. Its users ask for its members and never for its kind."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from app.edid.mode import Limits, Mode
from app.errors import ResolutionRefused
from app.host.vgpu import Vgpu
from app.host.vm import Vm
from app.planes.frame_source import FrameSource
from app.planes.plane_document import Document
from app.planes.status import Status
from app.vm.input_route import InputRoute


class ResolutionControl(Protocol):
    """How the guest is asked for another resolution. No call waits; all come from one thread."""

    @property
    def refusal(self) -> ResolutionRefused | None:
        """Why the guest cannot be asked; None where it can."""
        ...

    @property
    def limits(self) -> Limits:
        """What a mode has to keep to. Raises ResolutionRefused where the guest cannot be asked."""
        ...

    def check(self, mode: Mode) -> None:
        """Raises ResolutionRefused where the guest cannot be asked for this mode."""
        ...

    def is_set(self, mode: Mode) -> bool:
        """Whether the guest was told to prefer this mode already. Raises ResolutionRefused."""
        ...

    def begin(self, mode: Mode, dpi: float) -> None:
        """Prepare to ask for a mode; what has begun before is finished first. Raises ResolutionRefused."""
        ...

    def step(self) -> int | None:
        """Do what is due. In how many nanoseconds the next step is, None when there is none. Raises OSError."""
        ...

    def finish(self) -> None:
        """Finish at once what has begun, so that the guest is not left without a screen. More calls do nothing."""
        ...


@dataclass(frozen=True, slots=True)
class NoResolution:
    """The resolution of a guest that cannot be asked for one."""

    refusal: ResolutionRefused

    @property
    def limits(self) -> Limits:
        raise self.refusal

    def check(self, _mode: Mode) -> None:
        raise self.refusal

    def is_set(self, _mode: Mode) -> bool:
        raise self.refusal

    def begin(self, _mode: Mode, _dpi: float) -> None:
        raise self.refusal

    def step(self) -> int | None:
        return None

    def finish(self) -> None:
        pass


@dataclass(frozen=True, slots=True)
class Session:
    """Owns its frame source, and with it the device or connection behind; :meth:`close` lets go of all of it.

    ``target`` is what names it again, ``label`` its name for a person. ``vgpu`` and ``vm`` are None where there is
    none, or where they cannot be told. ``resolution`` may be used while the source is open. ``input`` is how input
    reaches the guest. ``describe`` makes the parts "display" and "device" of an ``inspect`` document; a device has at
    least "name", "type", "driver", "module" and "simulated". ``ended`` says, without a poll, why no more frames will
    come; None while some may.
    """

    target: str
    label: str
    source: FrameSource
    vgpu: Vgpu | None
    vm: Vm | None
    resolution: ResolutionControl
    input: InputRoute
    describe: Callable[[], Document]
    ended: Callable[[], Status | None]

    def close(self) -> None:
        """Finish what was begun, then close the source. More calls do nothing."""
        self.resolution.finish()
        self.source.close()
