"""Draws and captures frames: what the rest of this package is for."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from app.planes.frame import Frame, Surface
from app.planes.outcome import Outcome
from app.planes.pixel_samples import Look
from app.planes.placement import Placement
from app.planes.plane import PlaneKind
from gl.bridge import Bridge
from gl.buffer_thumbnail import BufferThumbnail
from gl.canvas import Rgba
from gl.capture import CaptureKind, PlacedImage, capture_images
from gl.compositor import Image, Steps, Style, run_steps
from gl.context import Context
from gl.difference import Difference
from gl.draw_options import DrawOptions, View
from gl.egl_display import DisplayOrigin
from gl.errors import GlError
from gl.pixel_probe import PixelProbe
from gl.private_copy import PrivateCopy
from gl.render_target import RenderTarget
from gl.retry import FIRST_PAUSE_NS
from gl.scene import Scene
from gl.shared_parts import SharedParts
from gl.surface_cache import LoadedSurface, SurfaceCache


@dataclass(frozen=True, slots=True)
class DrawResult:
    """The outcome of each plane, and the picture's place (None when there is no picture)."""

    primary: Outcome | None
    cursor: Outcome | None
    placement: Placement | None


_DEFAULT_OPTIONS = DrawOptions()
# As many framebuffers as a guest may flip among.
_MOST_FLIPS = 16


@dataclass(frozen=True, slots=True)
class _Flip:
    """What was prepared for a primary plane. It keeps ``surface`` alive, so that no other one gets its id."""

    surface: Surface | None
    steps: Steps
    drawn: DrawResult
    looked_at: tuple[LoadedSurface, ...]


class Renderer:
    """Draws frames with one context, which must be current for every call here.

    Owns textures, programs and framebuffers, but not the context. ``clock`` gives nanoseconds, for the pauses before
    what failed is tried again. ``parts`` belong to the caller, who may give them to other renderers of the context;
    None makes own ones.
    """

    def __init__(
        self, context: Context, clock: Callable[[], int] = time.monotonic_ns, parts: SharedParts | None = None
    ) -> None:
        self.context = context
        self._gl = context.gl
        self._own_parts = SharedParts(context, clock) if parts is None else None
        parts = parts or self._own_parts
        assert parts
        self._parts = parts
        self._compositor = parts.compositor
        self._clock = clock
        self._surfaces = SurfaceCache(context, parts, clock)
        self._bridge: Bridge | None = None
        self._probe = PixelProbe(context, self._compositor)
        self._private_copy = PrivateCopy(context, self._compositor)
        self._difference = Difference(context, self._compositor, clock)
        self._generation = 0
        self._target: RenderTarget | None = None
        self._options = _DEFAULT_OPTIONS
        self._scene: Scene | None = None
        # The frame that was prepared last; None when it must be prepared again.
        self._frame: Frame | None = None
        self._steps: Steps = ()
        self._copied: tuple[LoadedSurface, ...] = ()
        self._retry_ns: int | None = None
        self._import_ns: int | None = None
        self._drawn = DrawResult(None, None, None)
        # What was prepared for primary planes below the cursor plane of now, by the id of their surface.
        self._flips: dict[int, _Flip] = {}
        self._cursor: Surface | None = None
        self._released = False

    def draw(self, frame: Frame, target: RenderTarget, options: DrawOptions = _DEFAULT_OPTIONS) -> DrawResult:
        """Draw a frame into the target, which is left bound.

        Returns the same object as long as nothing in it changed. Raises :class:`GlError` when OpenGL reports an
        error. It does not wait for a GPU; where the CPU draws, it waits until the previous frame is finished.

        The same frame may be drawn again and again: copied planes are uploaded each time, and a plane that failed
        for a passing reason is tried again after a pause.
        """
        self._import_ns = None
        try:
            if (
                frame is not self._frame
                or (target is not self._target and target != self._target)
                or (options is not self._options and options != self._options)
                or (self._retry_ns is not None and self._clock() >= self._retry_ns)
                or (self._copied and not all(map(self._surfaces.refresh, self._copied)))
            ):
                self._prepare(frame, target, options)
            run_steps(self._steps)
            code = self._gl.GetError()
            if code:
                raise GlError("drawing a frame", (code, *self._gl.errors()))
        except GlError:
            self._frame = None
            self._retry_ns = self._clock() + FIRST_PAUSE_NS
            raise
        return self._drawn

    def set_bridge(self, origin: DisplayOrigin | None) -> None:
        """The display of the GPU over which planes come that this one cannot import; None for none.

        What was made from buffers until now is dropped if that is another GPU than before.
        """
        bridge = self._parts.bridge(origin) if origin is not None else None
        if bridge is not self._bridge:
            self._drop_scene()
            self._surfaces.set_bridge(bridge)
            self._bridge = bridge

    @property
    def retry_ns(self) -> int | None:
        """When to draw or capture again what was last, although nothing changed.

        A plane of it is tried again then, or OpenGL failed to draw it. Nanoseconds of the clock; None for never.
        """
        return self._retry_ns

    @property
    def import_ns(self) -> int | None:
        """How long the last draw took to import or upload new surfaces, in nanoseconds; None if there were none."""
        return self._import_ns

    def _prepare(self, frame: Frame, target: RenderTarget, options: DrawOptions) -> None:
        if (
            frame.cursor is self._cursor
            and target is self._target
            and options is self._options
            and self._retry_ns is None
        ):
            flip = self._flips.get(id(frame.primary))
            if flip is not None:
                self._steps, self._drawn, self._frame = flip.steps, flip.drawn, frame
                self._probe.set_surfaces(flip.looked_at)
                return
        else:
            self._flips.clear()
        self._prepare_anew(frame, target, options)
        if len(self._flips) >= _MOST_FLIPS or self._copied:
            self._flips.clear()
        # The private copy of another size replaces the one that the steps draw.
        private = options.tear_free or options.view is View.DIFFERENCE
        if not self._copied and self._retry_ns is None and not private:
            looked_at = self._probe.surfaces
            self._flips[id(frame.primary)] = _Flip(frame.primary, self._steps, self._drawn, looked_at)

    def _prepare_anew(self, frame: Frame, target: RenderTarget, options: DrawOptions) -> None:
        self._frame = None
        self._cursor = frame.cursor
        scene = self._scene
        if scene is None or target != self._target or options != self._options:
            scene = self._scene = Scene(self._compositor, target, options)
            if options.view is not View.DIFFERENCE:
                self._difference.release()
        self._target, self._options = target, options
        surfaces = self._surfaces
        began = self._clock()
        primary = surfaces.get(frame.primary) if frame.primary else None
        cursor = surfaces.get(frame.cursor) if frame.cursor and options.cursor else None
        if surfaces.generation != self._generation:
            self._import_ns = self._clock() - began
            # A surface was loaded: drop what is not needed any more.
            surfaces.prune(frame.primary, frame.cursor)
            self._flips.clear()
            self._generation = surfaces.generation
            scene.drop_layers()
            self._private_copy.forget()
            self._difference.drop_layers()
            self.context.sweep()
        self._probe.set_surfaces((primary, cursor))
        self._copied = ()
        for each in (primary, cursor):
            if each is not None and each.copied is not None:
                self._copied += (each,)
        self._retry_ns = _first_retry(primary, cursor)
        shown, above = primary, cursor
        copying: Steps = ()
        if options.view is View.DIFFERENCE and primary is not None and primary.image is not None:
            shown, copying = self._difference.of(frame, primary, options)
            above = None
        elif options.tear_free and primary is not None and primary.image is not None and primary.copied is None:
            shown, copying = self._private_copy.of(primary, options.matrix)
        elif not options.tear_free:
            self._private_copy.release()
        self._steps = (*copying, *scene.steps(frame, shown, above))
        self._update_drawn(primary.outcome if primary else None, cursor.outcome if cursor else None, scene.placement)
        self._frame = frame

    def look(self, frame: Frame) -> Look | None:
        """Look whether the guest changed pixels of the frame that was drawn last (:mod:`app.planes.pixel_samples`).

        None where nothing is to be seen: another frame was drawn, or the GPU has no answer yet. Raises nothing. The
        context must be current if :attr:`look_needs_context`.
        """
        if frame is not self._frame:
            return None
        look = self._probe.look(self._clock())
        if look is not None and self._difference.looked(look):
            self._frame = None
        return look

    @property
    def look_needs_context(self) -> bool:
        """Whether the next :meth:`look` uses OpenGL: the CPU cannot read the pixels."""
        return self._probe.needs_context

    def _update_drawn(self, primary: Outcome | None, cursor: Outcome | None, placement: Placement | None) -> None:
        drawn = self._drawn
        if primary is not drawn.primary or cursor is not drawn.cursor or placement is not drawn.placement:
            drawn = DrawResult(primary, cursor, placement)
            if drawn != self._drawn:
                self._drawn = drawn

    def capture(
        self, frame: Frame, kind: CaptureKind = CaptureKind.COMPOSITE, options: DrawOptions = _DEFAULT_OPTIONS
    ) -> Rgba | None:
        """A picture at the guest's size: shape (height, width, 4), top row first.

        None when there is no picture: the plane is off or cannot be shown, see :meth:`outcome`. Raises
        :class:`GlError` when OpenGL fails, also when it did not take the plane's pixels.

        Composite and primary are opaque. The cursor is the whole image wherever it is, with its alpha and with its
        colours as they are in the guest, premultiplied or not. Scaling, rotation, flips and background have no effect.
        """
        self._frame = None
        surface = frame.cursor if kind is CaptureKind.CURSOR else frame.primary
        loaded = self._surfaces.get(surface) if surface else None
        self._retry_ns = _first_retry(loaded)
        if loaded is None:
            return None
        if loaded.gl_error is not None:
            raise GlError(loaded.gl_error.operation, loaded.gl_error.codes)
        if loaded.image is None:
            return None
        size = (loaded.image.width, loaded.image.height)
        if kind is CaptureKind.CURSOR:
            cursor_only: PlacedImage = (loaded.image, Style(matrix=options.matrix), 0, 0)
            return capture_images(self.context, self._compositor, size, (cursor_only,), 0.0)
        images: tuple[PlacedImage, ...] = ((loaded.image, Style(opaque=True, matrix=options.matrix), 0, 0),)
        if kind is CaptureKind.COMPOSITE and options.cursor and frame.cursor:
            cursor = self._surfaces.get(frame.cursor)
            if cursor.image is not None:
                style = Style(
                    blend=True,
                    straight=options.straight(frame.cursor.plane),
                    outline=options.cursor_outline,
                    matrix=options.matrix,
                )
                images += ((cursor.image, style, frame.cursor.plane.x, frame.cursor.plane.y),)
        return capture_images(self.context, self._compositor, size, images, 1.0)

    def capture_part(self, surface: Surface, left: int, top: int, width: int, height: int) -> Rgba | None:
        """A rectangle of one plane, opaque: shape (height, width, 4); None when it cannot be drawn. Raises GlError.

        What was drawn last stays prepared, so that :meth:`look` goes on.
        """
        generation = self._surfaces.generation
        image = self._surfaces.get(surface).image
        if self._surfaces.generation != generation:
            # A retry: what was prepared may have used the entry before.
            self._frame = None
        if image is None:
            return None
        placed: PlacedImage = (image, Style(opaque=True), -left, -top)
        return capture_images(self.context, self._compositor, (width, height), (placed,), 1.0)

    def outcome(self, surface: Surface) -> Outcome:
        """The outcome of one plane, which is imported or uploaded, but not drawn."""
        self._frame = None
        loaded = self._surfaces.get(surface)
        self._retry_ns = _first_retry(loaded)
        return loaded.outcome

    def image(self, surface: Surface) -> Image | None:
        """One plane as an image, imported or uploaded anew, for a draw of the caller's own; None if it cannot be drawn.

        It is good until the next call of this renderer.
        """
        self._frame = None
        loaded = self._surfaces.get(surface)
        self._retry_ns = _first_retry(loaded)
        return loaded.image

    @property
    def imports(self) -> Mapping[int, int]:
        """How often each buffer that is not released was imported, by its serial number."""
        return self._surfaces.imports

    def cached_image(self, serial: int) -> Image | None:
        """What was made from the buffer of this serial number, if it is kept. Nothing is imported or uploaded."""
        return self._surfaces.cached_image(serial)

    def buffer_thumbnail(self, width: int, height: int) -> BufferThumbnail:
        """What makes thumbnails of :meth:`cached_image`. The caller releases it before this renderer."""
        return BufferThumbnail(self.context, self._compositor, width, height)

    def drawn_image(self, kind: PlaneKind) -> Image | None:
        """A plane of the frame drawn last, as it was then, for a draw of the caller's own; None if there is none.

        It is good until the next call of this renderer.
        """
        return next((each.image for each in self._probe.surfaces if each.surface.plane.kind is kind), None)

    def drop_released(self) -> None:
        """Delete what was made from released buffers, and make the driver release it now."""
        self._drop_scene()
        self._surfaces.drop_released()

    def _drop_scene(self) -> None:
        self._frame = None
        self._steps = ()
        self._copied = ()
        self._retry_ns = None
        self._scene = None
        self._probe.set_surfaces(())
        self._private_copy.forget()
        self._difference.drop_layers()
        self._flips.clear()

    def release(self) -> None:
        """Delete everything; more calls do nothing. No frame can be drawn afterwards."""
        if self._released:
            return
        self._released = True
        self._drop_scene()
        self._probe.release()
        self._private_copy.release()
        self._difference.release()
        self._surfaces.release()
        if self._own_parts is not None:
            self._own_parts.release()
        self.context.sweep()


def _first_retry(*surfaces: LoadedSurface | None) -> int | None:
    """When the first of them is tried again; None for never."""
    first = None
    for each in surfaces:
        if each is not None and each.retry is not None:
            first = each.retry.due_ns if first is None else min(first, each.retry.due_ns)
    return first
