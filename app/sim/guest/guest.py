"""The guest of a simulated device. Its scanout depends only on an injected clock.

Flip number n becomes visible n/fps seconds after the opening of the device. A query that finds no new flip draws the
next framebuffer in advance, so that the query that finds the flip does not have to draw. A guest with one framebuffer
draws into the one on the screen when the flip is due; so does a guest that was not queried for a whole flip.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from app.abi import drm_fourcc as drm
from app.formats.decode import Rgba, encode
from app.formats.fourcc import fourcc_text, pixel_format
from app.formats.modifier import modifier_name
from app.sim.config.spec import Spec, in_range
from app.sim.guest.cursor import SIZE, cursor_image, cursor_position
from app.sim.guest.drawing import blend
from app.sim.guest.memory import Memory
from app.sim.guest.screen import Screen

_SECOND = 1_000_000_000

# Faults that a buffer keeps until it is freed. During such a fault the guest uses other framebuffers, and afterwards
# the old ones again: the picture returns, and the number of buffers does not grow.
_STICKY = ("truncated", "read-only", "stale")


@dataclass(frozen=True, slots=True)
class Scanout:
    """A plane of the display engine. Each framebuffer has its own ``address``. ``x`` and ``y`` are signed.

    ``flip_ns`` is when the guest flipped to it, in nanoseconds of the injected clock.
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


class Guest:
    """Owns the memory of everything that the guest shows.

    ``memory_size`` returns the size of the memory for a framebuffer of a given size. ``dma_bufs`` says whether exports
    may be real dma-bufs, ``shared`` whether all modes use the same memory.
    """

    def __init__(
        self,
        spec: Spec,
        clock: Callable[[], int],
        memory_size: Callable[[int], int],
        dma_bufs: bool,
        shared: bool,
    ) -> None:
        self.spec = spec
        self._clock = clock
        self._opened_ns = clock()
        self._memory_size = memory_size
        self._dma_bufs = dma_bufs
        # The mode that was set, and the mode that was drawn last. They differ during the fault "mode".
        self._chosen = (spec.width, spec.height)
        self._mode = self._chosen
        self._plugged = True
        self._retired: list[Screen] = []
        self._screens_made = 0
        self._screens: dict[tuple[int, int], Screen] = {}
        self._one_memory: Memory | None = None
        self._cursor_memory: Memory | None = None
        self._shown_flip = -1
        self._closed = False
        try:
            self._one_memory = self._new_memory(spec.stride * spec.height) if shared else None
            # Drawn now, because it takes long: an open may take long, a query may not.
            self._screen(self.mode()).framebuffer(0, 0)
        except BaseException:
            self.close()
            raise

    def now(self) -> int:
        """Nanoseconds since the opening of the device."""
        return self._clock() - self._opened_ns

    def active(self, fault: str) -> bool:
        """Whether the fault is active now."""
        now = self.now()
        return any(each.name == fault and each.active(now) for each in self.spec.faults)

    def mode(self) -> tuple[int, int]:
        """Width and height now."""
        width, height = self._chosen
        if not self.active("mode"):
            return width, height
        return max(64, width * 3 // 4), max(64, height * 3 // 4)

    def unplug(self) -> None:
        """The monitor was unplugged: the guest turns its planes off."""
        self._plugged = False

    def plug(self, size: tuple[int, int] | None) -> None:
        """A monitor was plugged in. ``size`` is its preferred mode. None or a size out of range changes no mode.

        The guest switches to new framebuffers at once. An old one is freed when nobody holds an export of it.
        """
        self._plugged = True
        if size is None or self._closed:
            return
        width = size[0] // self.spec.format.width_multiple * self.spec.format.width_multiple
        if not in_range(width, size[1]) or (width, size[1]) == self._chosen:
            return
        self._chosen = (width, size[1])
        self._retired += self._screens.values()
        self._screens = {}
        for each in self._retired:
            if not each.exported:
                each.close()
        self._retired = [each for each in self._retired if each.exported]
        # Drawn now, like at the start.
        self._screen(self.mode()).framebuffer(0, self._flip_at(self.now()))

    def primary(self) -> Scanout | None:
        """The primary plane, None while it is off. Draws the flip that is due, or the next one in advance."""
        if self._closed or not self._plugged or self.active("off"):
            return None
        now = self.now()
        flip = self._flip_at(now)
        mode = self.mode()
        screen = self._screen(mode)
        index = flip % self.spec.buffers
        target = screen.framebuffer(index, flip)
        if flip == self._shown_flip and self.spec.buffers > 1 and self.spec.fps:
            screen.framebuffer((flip + 1) % self.spec.buffers, flip + 1)
        self._shown_flip = flip
        return Scanout(
            memory=target.memory,
            address=self._address(screen.number * 16 + index),
            fourcc=self.spec.fourcc,
            modifier=self.spec.modifier,
            width=screen.width,
            height=screen.height,
            stride=screen.stride,
            size=screen.size,
            x=0,
            y=0,
            flip_ns=self._opened_ns + self._due_ns(flip),
        )

    def cursor(self) -> Scanout | None:
        """The cursor plane, None while it is off."""
        if self._closed or not (self.spec.cursor and self._plugged) or self.active("off"):
            return None
        if self._cursor_memory is None:
            self._cursor_memory = self._new_memory(SIZE * SIZE * 4)
            argb = pixel_format(drm.DRM_FORMAT_ARGB8888)
            assert argb is not None
            self._cursor_memory.data[: SIZE * SIZE * 4] = encode(cursor_image(), argb).reshape(-1)
        x, y = self._cursor_position()
        return Scanout(
            memory=self._cursor_memory,
            address=self._address(0xFF),
            fourcc=drm.DRM_FORMAT_ARGB8888,
            modifier=drm.DRM_FORMAT_MOD_LINEAR,
            width=SIZE,
            height=SIZE,
            stride=SIZE * 4,
            size=SIZE * SIZE * 4,
            x=x,
            y=y,
            flip_ns=self._opened_ns,
        )

    def picture(self) -> Rgba | None:
        """The correct picture now, with the cursor, shape (height, width, 4); None while the plane is off.

        Until the clock advances, the framebuffer holds the same picture.
        """
        scanout = self.primary()
        if scanout is None:
            return None
        rgba = self._screen((scanout.width, scanout.height)).picture(self._shown_flip)
        if self.spec.cursor:
            blend(rgba, *self._cursor_position(), cursor_image())
        return rgba

    def flip_times(self, since_ns: int | None = None, until_ns: int | None = None) -> list[int]:
        """The times of the flips from ``since_ns`` up to ``until_ns``, in nanoseconds of the injected clock.

        The default is from the opening of the device until now. The first picture counts as a flip.
        """
        start = 0 if since_ns is None else max(0, since_ns - self._opened_ns)
        end = self.now() if until_ns is None else until_ns - self._opened_ns
        if end < start:
            return []
        first, last = self._flip_at(start), self._flip_at(end)
        times = (self._due_ns(flip) for flip in range(first, last + 1))
        return [self._opened_ns + each for each in times if each >= start]

    def close(self) -> None:
        """Free all memory; more calls do nothing. The planes are off from then on."""
        self._closed = True
        for screen in (*self._screens.values(), *self._retired):
            screen.close()
        self._screens, self._retired = {}, []
        for memory in (self._cursor_memory, self._one_memory):
            if memory is not None:
                memory.close()

    def _screen(self, mode: tuple[int, int]) -> Screen:
        screen = self._screens.get(mode)
        if screen is None:
            spec = self.spec
            own = mode == (spec.width, spec.height)
            stride = spec.stride if own else spec.stride_for(mode[0])
            screen = Screen(
                self._screens_made,
                *mode,
                spec.format,
                spec.modifier,
                stride,
                spec.matrix,
                self._labels(*mode, stride),
                self._memory,
            )
            self._screens_made += 1
            self._screens[mode] = screen
        if mode != self._mode and self._one_memory is not None:
            screen.invalidate()
        self._mode = mode
        return screen

    def _labels(self, width: int, height: int, stride: int) -> tuple[tuple[str, str], ...]:
        """The names and values that the desktop shows."""
        spec = self.spec
        return (
            ("device", f"{spec.profile} (simulated)"),
            ("mode", f"{width}x{height}"),
            ("format", f"{fourcc_text(spec.fourcc)} {spec.format.name}"),
            ("layout", modifier_name(spec.modifier)),
            ("stride", f"{stride} bytes"),
            ("flips", f"{spec.fps:g} per second" if spec.fps else "none"),
            ("buffers", f"{spec.buffers}"),
        )

    def _new_memory(self, size: int) -> Memory:
        return Memory(self._memory_size(size), self._dma_bufs)

    def _memory(self, size: int) -> Memory:
        """Memory for a framebuffer of ``size`` bytes."""
        return self._new_memory(size) if self._one_memory is None else self._one_memory

    def _address(self, place: int) -> int:
        """A framebuffer's address in guest memory. It is different during each of the faults in _STICKY."""
        faults = 0
        for bit, name in enumerate(_STICKY):
            faults |= self.active(name) << bit
        return faults << 48 | place

    def _due_ns(self, flip: int) -> int:
        return math.ceil(flip * _SECOND / self.spec.fps) if flip else 0

    def _flip_at(self, now: int) -> int:
        """The flip that is on the screen. The quotient may be wrong by one, so the due times decide."""
        if not self.spec.fps:
            return 0
        flip = int(now * self.spec.fps / _SECOND)
        while flip and self._due_ns(flip) > now:
            flip -= 1
        while self._due_ns(flip + 1) <= now:
            flip += 1
        return flip

    def _cursor_position(self) -> tuple[int, int]:
        return cursor_position(self.now(), self.spec.fps, *self.mode())
