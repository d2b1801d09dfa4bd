"""The view *difference*: what changed in the primary plane since the frame before, amplified.

Each frame is copied into one of two pictures of our own, and the window shows how it differs from the other one. A
picture that is drawn again without a change keeps its difference: the pictures are exchanged only for a flip, for
damage that the source tells, or when a look at the pixels found a change in the buffer on the screen. The eight looks
that see every pixel (:mod:`app.planes.pixel_samples`) may each find a part of one change. So after an exchange, a
change that may be the same only fills the newer picture again, and one that is certainly newer leads to the next
exchange.

The cursor plane is left out: it moves more often than the guest draws, and would hide what the guest drew.

The first frame, and the first one after the size or the format changed, shows no difference. The pictures have 8 bits a
channel, as the window has.
"""

from collections.abc import Callable
from dataclasses import replace

from app.planes.frame import Frame
from app.planes.pixel_samples import Look
from app.planes.placement import Scaling
from gl.canvas import Canvas
from gl.compositor import Compositor, Image, Steps, run_steps
from gl.context import Context
from gl.draw_options import DrawOptions
from gl.errors import GlError
from gl.formats import Decode
from gl.render_target import RenderTarget
from gl.scene import Scene
from gl.surface_cache import LoadedSurface


class Difference:
    """Owns the two pictures, which exist only while the view is on. The context must be current."""

    def __init__(self, context: Context, compositor: Compositor, clock: Callable[[], int]) -> None:
        self._context = context
        self._compositor = compositor
        self._clock = clock
        self._layout: tuple[object, ...] = ()
        self._pictures: tuple[tuple[Canvas, Scene], ...] = ()
        # What is drawn, by the newer picture and whether there is an older one.
        self._drawn: dict[tuple[int, bool], LoadedSurface] = {}
        self._newer = 0
        self._steps: Steps = ()
        self._stale = True
        self._frames = 0
        self._frame: Frame | None = None
        self._exchanged_ns = 0

    def of(self, frame: Frame, primary: LoadedSurface, options: DrawOptions) -> tuple[LoadedSurface, Steps]:
        """What to draw instead of the primary plane, and the steps that copy that plane before.

        Raises :class:`GlError`.
        """
        plane, image = primary.surface.plane, primary.image
        assert image is not None
        layout = (image.width, image.height, plane.fourcc, plane.modifier, options.matrix)
        if layout != self._layout:
            self.release()
            # At the guest's size nothing is filtered.
            self._make_pictures(image, DrawOptions(scaling=Scaling.ACTUAL, matrix=options.matrix))
            self._layout = layout
        before, self._frame = self._frame, frame
        damaged = frame is not before and bool(frame.damage)
        if before is None or frame.primary is not before.primary or damaged:
            self._newer = 1 - self._newer
            self._frames += 1
            self._exchanged_ns = self._clock()
            self._stale = True
        canvas, scene = self._pictures[self._newer]
        self._steps = scene.steps(frame, primary, None)
        key = (self._newer, self._frames > 1)
        drawn = self._drawn.get(key)
        if drawn is None:
            older = self._pictures[1 - self._newer][0] if self._frames > 1 else canvas
            size = (image.width, image.height)
            shown = Image(canvas.texture, image.pixel_format, Decode.COLOUR, *size, before=older.texture)
            drawn = self._drawn[key] = replace(primary, image=shown)
        return drawn, ((self._copy, ()),)

    def _copy(self) -> int:
        if self._stale:
            run_steps(self._steps)
            self._stale = False
        # As a call of OpenGL that returns nothing.
        return 0

    def looked(self, look: Look) -> bool:
        """The pixels of the frame that was drawn last were looked at. Whether its next draw must be prepared anew."""
        self._stale = self._stale or look.draw
        if self._frame is None or look.previous_ns is None or look.previous_ns < self._exchanged_ns:
            return False
        self._frame = None
        return True

    def _make_pictures(self, image: Image, options: DrawOptions) -> None:
        made: list[tuple[Canvas, Scene]] = []
        try:
            for _ in range(2):
                canvas = Canvas(self._context, image.width, image.height)
                target = RenderTarget(image.width, image.height, canvas.framebuffer, top_down=True)
                made.append((canvas, Scene(self._compositor, target, options)))
        except GlError:
            for canvas, _ in made:
                canvas.release()
            raise
        self._pictures = tuple(made)

    def drop_layers(self) -> None:
        """Drop what draws the planes, because some of their textures were deleted."""
        for _, scene in self._pictures:
            scene.drop_layers()
        self._steps, self._stale = (), True

    def release(self) -> None:
        """Delete the pictures; more calls do nothing."""
        pictures, self._pictures = self._pictures, ()
        for canvas, _ in pictures:
            canvas.release()
        self._drawn.clear()
        self._steps, self._stale = (), True
        self._layout, self._frame, self._frames = (), None, 0
