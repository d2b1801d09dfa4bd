"""What a simulated driver and the measurements see of a guest: its planes, and when it flipped."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from app.abi import drm_fourcc as drm
from app.device.guest_memory import Memory
from app.formats.decode import Rgba
from app.host.process import Process
from app.sim.config.spec import Spec
from app.sim.guest.cursor import SIZE

# Where the cursor's image is in guest memory; no framebuffer is there.
CURSOR_PLACE = 0xFF


@dataclass(frozen=True, slots=True)
class Scanout:
    """A plane of the display engine. Each framebuffer has its own ``address``. ``x`` and ``y`` are signed.

    ``flip_ns`` is when the guest flipped to it, in nanoseconds of the guest's clock, ``flips`` the number of that flip.
    The cursor plane has no flips.
    """

    memory: Memory
    address: int
    fourcc: int
    modifier: int
    width: int
    height: int
    stride: int
    size: int
    x: int
    y: int
    flip_ns: int
    flips: int = 0


class Flip(NamedTuple):
    """A flip that the guest made, in nanoseconds of its clock: when it was due, and the start and end of the change.

    The change is one store in memory. For a guest with one framebuffer it is the drawing into it.
    """

    due_ns: int
    begin_ns: int
    end_ns: int


class Guest(Protocol):
    """A guest whose framebuffers and flips a simulated driver shows. All times are those of one clock.

    No call but :meth:`plug` and :meth:`picture` takes long.
    """

    spec: Spec

    @property
    def clock(self) -> Callable[[], int]:
        """The clock of all times, in nanoseconds."""
        ...

    @property
    def process(self) -> Process | None:
        """The process that draws; None for a guest that draws inside the calls."""
        ...

    def now(self) -> int:
        """Nanoseconds since the opening of the device."""
        ...

    def active(self, fault: str) -> bool:
        """Whether the fault is active now."""
        ...

    def present(self) -> bool:
        """Whether the guest and its device still exist."""
        ...

    def mode(self) -> tuple[int, int]:
        """Width and height now."""
        ...

    def unplug(self) -> None:
        """The monitor was unplugged: the guest turns its planes off."""
        ...

    def plug(self, size: tuple[int, int] | None) -> None:
        """A monitor was plugged in. ``size`` is its preferred mode. None or a size out of range changes no mode.

        The guest switches to new framebuffers. An old one is freed when nobody holds an export of it.
        """
        ...

    def primary(self) -> Scanout | None:
        """The primary plane, None while it is off. Raises OSError if the guest has no memory left."""
        ...

    def cursor(self) -> Scanout | None:
        """The cursor plane, None while it is off. Raises OSError if the guest has no memory left."""
        ...

    def picture(self) -> Rgba | None:
        """The correct picture now, with the cursor, shape (height, width, 4); None while the plane is off."""
        ...

    def flips(self, since_ns: int | None = None, until_ns: int | None = None) -> list[Flip]:
        """The flips that began from ``since_ns`` up to ``until_ns``, in nanoseconds of the clock.

        The default is from the opening of the device until now. The first picture counts as a flip.
        """
        ...

    def flips_made(self) -> int:
        """How many flips there were since the opening of the device."""
        ...

    def close(self) -> None:
        """Free all memory; more calls do nothing. The planes are off from then on."""
        ...


def framebuffer_place(screen: int, index: int) -> int:
    """The place in guest memory of framebuffer ``index`` of the screen of that number."""
    return screen << 8 | index


def cursor_scanout(memory: Memory, address: int, x: int, y: int, flip_ns: int) -> Scanout:
    """The cursor plane with the image in ``memory`` at (x, y)."""
    return Scanout(
        memory=memory,
        address=address,
        fourcc=drm.DRM_FORMAT_ARGB8888,
        modifier=drm.DRM_FORMAT_MOD_LINEAR,
        width=SIZE,
        height=SIZE,
        stride=SIZE * 4,
        size=SIZE * SIZE * 4,
        x=x,
        y=y,
        flip_ns=flip_ns,
    )
