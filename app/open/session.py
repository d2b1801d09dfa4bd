"""A session is the result of opening a target. Users of a session use its members and never check its kind."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from app.device.device_facts import DeviceFacts
from app.diagnosis.picture.host_facts import HostFacts
from app.edid.mode import Limits, Mode
from app.errors import ResolutionRefused
from app.host.gpu import RenderNode
from app.host.vgpu import Vgpu
from app.host.vm import Vm
from app.planes.buffer_facts import BufferFacts
from app.planes.display_facts import DisplayFacts
from app.planes.frame import Frame
from app.planes.frame_source import FrameSource
from app.planes.plane_document import Document
from app.planes.status import Status
from app.vm.input_route import InputRoute


class ResolutionControl(Protocol):
    """Sets the resolution of the guest. No call waits. All calls come from one thread."""

    @property
    def refusal(self) -> ResolutionRefused | None:
        """Why the resolution cannot be set; None if it can."""
        ...

    @property
    def limits(self) -> Limits:
        """The limits for a mode. Raises ResolutionRefused if the resolution cannot be set."""
        ...

    def check(self, mode: Mode) -> None:
        """Raises ResolutionRefused if this mode cannot be set."""
        ...

    def is_set(self, mode: Mode) -> bool:
        """Whether this mode is already the preferred mode of the guest's screen. Raises ResolutionRefused."""
        ...

    def begin(self, mode: Mode, dpi: float) -> None:
        """Prepare to set a mode. Finishes an earlier change first. Raises ResolutionRefused."""
        ...

    def step(self) -> int | None:
        """Do the step that is due. Returns the nanoseconds until the next step, None if none.

        Raises OSError, or ResolutionRefused where only the guest's screen itself can tell that it takes no mode.
        """
        ...

    def finish(self) -> None:
        """Finish a change at once, so that the guest does not stay without a screen. More calls do nothing."""
        ...


class Playback(Protocol):
    """Controls a recording that is played. All times are nanoseconds from its start. All calls come from one thread."""

    @property
    def duration_ns(self) -> int: ...

    @property
    def position_ns(self) -> int: ...

    @property
    def paused(self) -> bool: ...

    @property
    def speed(self) -> float:
        """1 is that of the recording; 0 shows each event as soon as the one before was shown."""
        ...

    def pause(self) -> None: ...

    def resume(self) -> None:
        """Play on; at the end, from the start."""
        ...

    def step(self) -> None:
        """Pause, and go to the next event."""
        ...

    def seek(self, position_ns: int) -> None: ...

    def set_speed(self, speed: float) -> None: ...


class Clipboard(Protocol):
    """Shares text with the guest's clipboard. No call waits. All calls come from one thread."""

    @property
    def why_not(self) -> str:
        """Why nothing is or can be shared now; empty if it can."""
        ...

    def share(self, changed: Callable[[], None] | None) -> None:
        """Share from now on; None: share no longer (the default).

        ``changed`` is called on any thread when the guest has a new text, or :attr:`why_not` a reason, which ends it.
        """
        ...

    def offer(self, text: str) -> str:
        """The text of this desktop's clipboard: the guest gets it if it asks. Returns why it does not; else "".

        Does nothing while nothing is shared.
        """
        ...

    def fetch(self, done: Callable[[str | None, str], None]) -> None:
        """Ask for the guest's text. ``done`` is called once, on any thread: the text, or None and why it is not.

        There is no reason to tell if that is empty.
        """
        ...


@dataclass(frozen=True, slots=True)
class ConsoleChoice:
    """A screen of the VM: words for a menu, the target that opens it, and whether it is the one that is shown."""

    text: str
    target: str
    shown: bool


@dataclass(frozen=True, slots=True)
class Session:
    """Owns its frame source, and thereby the device or connection of the source."""

    target: str
    """The target that opens it again."""
    label: str
    """Its name for a person."""
    source: FrameSource
    vgpu: Vgpu | None
    """None if there is none, or if it is unknown; so is ``vm``."""
    vm: Vm | None
    resolution: ResolutionControl
    """May be used while the source is open."""
    input: InputRoute
    """The route of input to the guest."""
    describe: Callable[[], Document]
    """Makes the parts "display" and "device" of an ``inspect`` document, and those that only its kind of source has.

    A device has at least "name", "type", "driver", "module" and "simulated".
    """
    ended: Callable[[], Status | None]
    """Tells, without a poll, why no more frames will come; None while some may."""
    true_flip_ns: Callable[[Frame], int | None] | None = None
    """When the guest flipped to what the newest frame shows, in nanoseconds of ``time.monotonic_ns()``.

    None if only the guest knows, as with all devices but simulated ones; so is ``flips_lost``.
    """
    flips_lost: Callable[[], int] | None = None
    """How many flips of the guest no poll saw, because others came before the next poll."""
    buffers: Callable[[], tuple[BufferFacts, ...]] = tuple
    """The buffers that the source holds."""
    host_facts: Callable[[], HostFacts] = HostFacts
    """Reads what the host knows about the device and its VM.

    It may take two seconds, and may be called on any thread, also after the source was closed.
    """
    device_facts: Callable[[], DeviceFacts] = DeviceFacts
    """Reads what the device tells beside its planes, in the source's thread; it does not wait."""
    playback: Playback | None = None
    """Controls a recording that is played; None for a live source."""
    exporter: RenderNode | None = None
    """The GPU that exports the source's dma-bufs; None if they are in the host's memory, or if it is not known."""
    display_facts: Callable[[], DisplayFacts | None] = lambda: None
    """What a pushed source saw on its connection, in the source's thread; None for a source that is polled."""
    consoles: Callable[[], tuple[ConsoleChoice, ...]] = tuple
    """The screens of the VM, this one among them, if the VM tells them."""
    clipboard: Clipboard | None = None
    """Shares text with the guest; None where that is not possible."""

    guest_name: str = ""
    """The guest's name, where it has one and neither ``vm`` nor ``vgpu`` is known."""

    def close(self) -> None:
        """Share the clipboard no longer, finish a change of the resolution, close the source. More calls do nothing."""
        if self.clipboard is not None:
            self.clipboard.share(None)
        self.resolution.finish()
        self.source.close()
