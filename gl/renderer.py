"""The facade of this package: frames in, pictures out."""

from dataclasses import dataclass
from enum import Enum

from app.formats import yuv
from app.planes.frame import Frame
from app.planes.layout import Layout, Scaling, place
from gl.capture import capture_layers
from gl.compositor import Colour, Compositor, Layer, Pass, Target
from gl.context import Context
from gl.errors import GlError
from gl.outcome import Outcome
from gl.surfaces import Loaded, SurfaceCache
from gl.textures import Rgba


@dataclass(frozen=True, slots=True)
class Options:
    """How a frame is drawn.

    ``smooth`` filters linearly where pixels do not fall on whole device pixels. ``cursor_outline`` is the colour of a
    line around the cursor's shape. Colours are linear in 0..1 of the target's values.
    """

    scaling: Scaling = Scaling.FIT
    smooth: bool = True
    flip_x: bool = False
    flip_y: bool = False
    cursor: bool = True
    straight_alpha: bool = False
    cursor_outline: Colour | None = None
    background: Colour = (0.0, 0.0, 0.0)
    matrix: yuv.Matrix = yuv.Matrix.BT601


class Which(Enum):
    """What to capture. The values are what users type."""

    COMPOSITE = "composite"
    PRIMARY = "primary"
    CURSOR = "cursor"


@dataclass(frozen=True, slots=True)
class Drawn:
    """What a draw did: what became of each plane, and where the picture lies (None when there is no picture)."""

    primary: Outcome | None
    cursor: Outcome | None
    layout: Layout | None


_DEFAULT_OPTIONS = Options()


class Renderer:
    """Draws frames with one context, which must be current for every call here.

    Owns textures, programs and framebuffers, but not the context.
    """

    def __init__(self, context: Context) -> None:
        self.context = context
        self._gl = context.gl
        self._compositor = Compositor(context)
        self._surfaces = SurfaceCache(context, self._compositor)
        self._key: tuple[Frame, Target, Options] | None = None
        self._pass: Pass | None = None
        self._copied: list[Loaded] = []
        self._drawn = Drawn(None, None, None)

    def draw(self, frame: Frame, target: Target, options: Options = _DEFAULT_OPTIONS) -> Drawn:
        """Draw a frame into the target, which is left bound.

        The same object comes back as long as nothing of it changed. Raises :class:`GlError` when OpenGL reported an
        error. Nothing waits for the GPU here.
        """
        key = self._key
        if (
            key is None
            or key[0] is not frame
            or (key[1] is not target and key[1] != target)
            or (key[2] is not options and key[2] != options)
            or not all(map(self._surfaces.refresh, self._copied))
        ):
            self._prepare(frame, target, options)
        assert self._pass is not None
        self._pass.run()
        code = self._gl.GetError()
        if code:
            self._key = None
            raise GlError("drawing a frame", (code, *self._gl.errors()))
        return self._drawn

    def _prepare(self, frame: Frame, target: Target, options: Options) -> None:
        self._key = None
        self._surfaces.prune(frame.primary, frame.cursor)
        self.context.sweep()
        primary = self._surfaces.get(frame.primary) if frame.primary else None
        cursor = self._surfaces.get(frame.cursor) if frame.cursor and options.cursor else None
        self._copied = [each for each in (primary, cursor) if each and each.copied]
        layout = None
        layers: tuple[Layer, ...] = ()
        if primary and primary.image:
            layout = place(
                (primary.image.width, primary.image.height),
                target.picture_area,
                options.scaling,
                flip_x=options.flip_x,
                flip_y=options.flip_y,
            )
            smooth = options.smooth and not layout.whole
            layers = self._layers(frame, primary, cursor, options, smooth=smooth)
        self._pass = self._compositor.prepare(target, (*options.background, 1.0), layout, layers)
        drawn = Drawn(primary.outcome if primary else None, cursor.outcome if cursor else None, layout)
        if drawn != self._drawn:
            self._drawn = drawn
        self._key = (frame, target, options)

    @staticmethod
    def _layers(
        frame: Frame, primary: Loaded, cursor: Loaded | None, options: Options, *, smooth: bool
    ) -> tuple[Layer, ...]:
        assert primary.image
        lower = Layer(primary.image, opaque=True, smooth=smooth, matrix=options.matrix)
        if not (frame.cursor and cursor and cursor.image):
            return (lower,)
        upper = Layer(
            cursor.image,
            frame.cursor.plane.x,
            frame.cursor.plane.y,
            blend=True,
            straight=options.straight_alpha,
            smooth=smooth,
            outline=options.cursor_outline,
            matrix=options.matrix,
        )
        return (lower, upper)

    def capture(self, frame: Frame, which: Which = Which.COMPOSITE, options: Options = _DEFAULT_OPTIONS) -> Rgba | None:
        """A picture at the guest's size: shape (height, width, 4), top row first; None when the plane has no picture.

        Composite and primary are opaque. The cursor is the whole image wherever it is, with its alpha, colours
        premultiplied or not as the guest left them. Scaling, flips and background do not matter here.
        Raises :class:`GlError`.
        """
        self._key = None
        self._surfaces.prune(frame.primary, frame.cursor)
        self.context.sweep()
        first = frame.cursor if which is Which.CURSOR else frame.primary
        loaded = self._surfaces.get(first) if first else None
        if loaded is None or loaded.image is None:
            return None
        size = (loaded.image.width, loaded.image.height)
        alpha = 1.0
        if which is Which.CURSOR:
            layers: tuple[Layer, ...] = (Layer(loaded.image, matrix=options.matrix),)
            alpha = 0.0
        else:
            composite = which is Which.COMPOSITE and options.cursor
            cursor = self._surfaces.get(frame.cursor) if composite and frame.cursor else None
            layers = self._layers(frame, loaded, cursor, options, smooth=False)
        return capture_layers(self.context, self._compositor, size, layers, alpha)

    def forget(self) -> None:
        """Drop what was made from buffers that were released since, at once."""
        self._key = None
        self._pass = None
        self._copied = []
        self._surfaces.prune()
        self.context.sweep()

    def release(self) -> None:
        """Delete everything; more calls do nothing, but no frame can be drawn afterwards."""
        self.forget()
        self._surfaces.release()
        self._compositor.release()
        self.context.sweep()
