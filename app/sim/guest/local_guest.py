"""A guest that draws inside the calls of its device. Its scanout depends only on an injected clock.

Flip number n becomes visible n/fps seconds after the opening of the device. A query that finds no new flip draws the
next framebuffer in advance, so that the query that finds the flip does not have to draw. A guest with one framebuffer
draws into the one on the screen when the flip is due; so does a guest that was not queried for a whole flip.
"""

from collections.abc import Callable

from app.abi import drm_fourcc as drm
from app.device.guest_memory import Memory
from app.formats.decode import Rgba, encode
from app.formats.fourcc import pixel_format
from app.sim.config.spec import Spec, in_range
from app.sim.guest.cursor import SIZE, TIP, cursor_image, cursor_position
from app.sim.guest.drawing import blend
from app.sim.guest.guest import CURSOR_PLACE, Flip, Scanout, cursor_scanout, framebuffer_place
from app.sim.guest.screen import Screen, make_screen
from app.sim.guest.timetable import Timetable


class LocalGuest:
    """Owns the memory of everything that the guest shows (:class:`app.sim.guest.guest.Guest`).

    ``new_memory`` returns memory for a framebuffer of a given size, ``shared`` says whether all modes use the same.
    """

    process = None

    def __init__(self, spec: Spec, clock: Callable[[], int], new_memory: Callable[[int], Memory], shared: bool) -> None:
        self.spec = spec
        self.clock = clock
        self.timetable = Timetable(spec, clock, clock())
        self._new_memory = new_memory
        # The mode that was set, and the mode that was drawn last. They differ during the fault "mode".
        self._chosen = (spec.width, spec.height)
        self._drawn_last: tuple[int, int, bool] = (*self._chosen, self.active("one-colour"))
        self._plugged = True
        self._retired: list[Screen] = []
        self._screens_made = 0
        # By the size, and whether the screen has one colour.
        self._screens: dict[tuple[int, int, bool], Screen] = {}
        self._one_memory: Memory | None = None
        self._cursor_memory: Memory | None = None
        # The picture that the last query returned.
        self.shown_flip = -1
        self._closed = False
        try:
            self._one_memory = self._new_memory(spec.stride * spec.height) if shared else None
            # Drawn now, because it takes long: an open may take long, a query may not.
            self._screen(self.mode()).framebuffer(0, 0)
        except BaseException:
            self.close()
            raise

    def now(self) -> int:
        return self.timetable.now()

    def active(self, fault: str) -> bool:
        return self.timetable.active(fault)

    def present(self) -> bool:
        return not self.active("gone")

    def mode(self) -> tuple[int, int]:
        return self.timetable.mode(self._chosen)

    def unplug(self) -> None:
        self._plugged = False

    def plug(self, size: tuple[int, int] | None) -> None:
        """Like the guest's :meth:`~app.sim.guest.guest.Guest.plug`. The new framebuffer is drawn before it returns."""
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
        self._screen(self.mode()).framebuffer(0, self.timetable.flip_at(self.now()))

    def primary(self) -> Scanout | None:
        """The primary plane, None while it is off. Draws the flip that is due, or the next one in advance."""
        if self._closed or not self._plugged or self.timetable.off:
            return None
        now = self.now()
        flip = self.timetable.flip_at(now)
        mode = self.mode()
        screen = self._screen(mode)
        index = flip % self.spec.buffers
        target = screen.framebuffer(index, flip)
        if flip == self.shown_flip:
            self.draw_ahead()
        self.shown_flip = flip
        return Scanout(
            memory=target.memory,
            address=self.timetable.address(framebuffer_place(screen.number, index)),
            fourcc=self.spec.fourcc,
            modifier=self.spec.modifier,
            width=screen.width,
            height=screen.height,
            stride=screen.stride,
            size=screen.size,
            x=0,
            y=0,
            flip_ns=self.timetable.opened_ns + self.timetable.due_ns(flip),
            flips=flip + 1,
        )

    def draw_ahead(self) -> None:
        """Draw the next flip into its framebuffer, unless there is only one, or it is drawn already."""
        if self.spec.buffers > 1 and self.spec.fps and not self._closed:
            flip = self.shown_flip + 1
            self._screen(self.mode()).framebuffer(flip % self.spec.buffers, flip)

    def cursor(self) -> Scanout | None:
        if self._closed or not (self.spec.cursor and self._plugged) or self.timetable.off:
            return None
        if self._cursor_memory is None:
            self._cursor_memory = self._new_memory(SIZE * SIZE * 4)
            argb = pixel_format(drm.DRM_FORMAT_ARGB8888)
            assert argb is not None
            self._cursor_memory.data[: SIZE * SIZE * 4] = encode(cursor_image(), argb).reshape(-1)
        place = self.timetable.address(CURSOR_PLACE)
        return cursor_scanout(self._cursor_memory, place, *self._cursor_position(), self.timetable.opened_ns)

    def picture(self) -> Rgba | None:
        """The correct picture now. Until the clock advances, the framebuffer holds the same picture."""
        scanout = self.primary()
        if scanout is None:
            return None
        rgba = self._screen((scanout.width, scanout.height)).picture(self.shown_flip)
        if self.spec.cursor:
            blend(rgba, *self._cursor_position(), cursor_image())
        return rgba

    def flips(self, since_ns: int | None = None, until_ns: int | None = None) -> list[Flip]:
        """The flips that were due: a query finds each one made."""
        table = self.timetable
        start = 0 if since_ns is None else max(0, since_ns - table.opened_ns)
        end = self.now() if until_ns is None else until_ns - table.opened_ns
        if end < start:
            return []
        due = {flip: table.due_ns(flip) for flip in range(table.flip_at(start), table.flip_at(end) + 1)}
        # A frozen guest did not make the flips that were due meanwhile.
        made = (each for flip, each in due.items() if each >= start and table.flip_at(each) == flip)
        return [Flip(*[table.opened_ns + each] * 3) for each in made]

    def flips_made(self) -> int:
        return self.timetable.flip_at(self.now()) + 1

    def close(self) -> None:
        self._closed = True
        for screen in (*self._screens.values(), *self._retired):
            screen.close()
        self._screens, self._retired = {}, []
        for memory in (self._cursor_memory, self._one_memory):
            if memory is not None:
                memory.close()

    def _screen(self, mode: tuple[int, int]) -> Screen:
        key = (*mode, self.active("one-colour"))
        screen = self._screens.get(key)
        if screen is None:
            screen = make_screen(self.spec, self._screens_made, mode, self._memory, one_colour=key[2])
            self._screens_made += 1
            self._screens[key] = screen
        if key != self._drawn_last and self._one_memory is not None:
            screen.invalidate()
        self._drawn_last = key
        return screen

    def _memory(self, size: int) -> Memory:
        """Memory for a framebuffer of ``size`` bytes."""
        return self._new_memory(size) if self._one_memory is None else self._one_memory

    def _cursor_position(self) -> tuple[int, int]:
        width, height = self.mode()
        if self.active("cursor-outside"):
            return width + SIZE, height + SIZE
        if self.active("cursor-at-edge"):
            return -TIP[0], height // 2 - TIP[1]
        return cursor_position(self.now(), self.spec.fps, width, height)
