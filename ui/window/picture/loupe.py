"""The pixel loupe: follows the pointer over the picture, and shows the guest's pixels below it.

It only watches the pointer, so it works while input goes to the guest. While the guest has grabbed the pointer, the
window sees no motion and the loupe stays where the pointer was.
"""

import logging
import time
from collections.abc import Callable

from PyQt6.QtCore import QEvent, QObject, QPointF, QTimer, pyqtSignal
from PyQt6.QtGui import QCursor, QEnterEvent, QMouseEvent, QWindow

from app.formats.fourcc import fourcc_text
from app.input.pointer import device_pixel
from app.planes.frame import Frame
from app.planes.placement import Placement
from app.planes.plane import PlaneKind
from gl.draw_options import DrawOptions
from gl.errors import GlError
from gl.overlay import Overlay
from gl.pixel_inspector import PixelInspector
from gl.render_target import RenderTarget
from gl.renderer import Renderer
from ui.window.picture.loupe_picture import CELLS, WIDTH, PlaneReading, Reading, as_seen, height_of, loupe_picture

_log = logging.getLogger(__name__)

_MS = 1_000_000
# Thirty times a second at most.
_INTERVAL_NS = 33 * _MS
# Between the pointer and the loupe, in device-independent pixels.
_GAP = 28
_NAMES = {PlaneKind.PRIMARY: "Primary", PlaneKind.CURSOR: "Cursor"}


class Loupe(QObject):
    """Watches the pointer over ``window``. ``due`` asks for a picture, because the loupe must change.

    Its GL objects belong to the context of the renderer that :meth:`draw` gets. That must be current for
    :meth:`release`.
    """

    due = pyqtSignal()

    def __init__(self, window: QWindow, clock: Callable[[], int] = time.monotonic_ns) -> None:
        super().__init__()
        self._window = window
        self._clock = clock
        self._overlay: Overlay | None = None
        self._inspector: PixelInspector | None = None
        self._position: QPointF | None = None
        self._read_ns = -_INTERVAL_NS
        self._failed = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.due)
        window.installEventFilter(self)
        # Known before the first motion, except where the window system does not tell it.
        position = QPointF(window.mapFromGlobal(QCursor.pos()))
        if 0 <= position.x() < window.width() and 0 <= position.y() < window.height():
            self._position = position

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802  (Qt's name)
        """Note where the pointer is; never takes an event."""
        if isinstance(event, QMouseEvent | QEnterEvent):
            self._position = event.position()
            self._ask()
        return False

    def _ask(self) -> None:
        """Ask for a picture as soon as the loupe may change again."""
        if not self._timer.isActive():
            rest = self._read_ns + _INTERVAL_NS - self._clock()
            self._timer.start(max(0, -(-rest // _MS)))

    def draw(
        self,
        renderer: Renderer,
        frame: Frame,
        placement: Placement | None,
        target: RenderTarget,
        ratio: float,
        options: DrawOptions,
    ) -> None:
        """Draw over the frame that was just drawn. A failure of OpenGL is logged, and nothing more is drawn."""
        if self._failed or self._position is None or placement is None:
            return
        position = (device_pixel(self._position.x(), ratio), device_pixel(self._position.y(), ratio))
        pixel = placement.guest_pixel(*position)
        if pixel is None:
            return
        try:
            if self._overlay is None or self._inspector is None:
                self._overlay, self._inspector = Overlay(renderer.context), PixelInspector(renderer)
            if self._clock() - self._read_ns >= _INTERVAL_NS:
                self._read_ns = self._clock()
                reading = self._reading(self._inspector, frame, placement, pixel, options)
                size = (round(WIDTH * ratio), round(height_of(len(reading.planes)) * ratio))
                left, top = beside(position, size, (target.width, target.height), round(_GAP * ratio))
                self._overlay.set("loupe", loupe_picture(reading, ratio), left, top)
            else:
                # This picture may differ from the one that was read.
                self._ask()
            self._overlay.draw(target)
        except GlError as error:
            self._failed = True
            _log.info("the loupe cannot be drawn: %s", error)

    def _reading(
        self,
        inspector: PixelInspector,
        frame: Frame,
        placement: Placement,
        pixel: tuple[int, int],
        options: DrawOptions,
    ) -> Reading:
        x, y = pixel
        pixels = inspector.around(frame, options, x, y, CELLS)
        seen = as_seen(pixels, placement.rotation, flip_x=placement.flip_x, flip_y=placement.flip_y)
        planes = []
        for surface in (frame.primary, frame.cursor if options.cursor else None):
            if surface is not None:
                plane = surface.plane
                at = (x, y) if plane.kind is PlaneKind.PRIMARY else (x - plane.x, y - plane.y)
                value = inspector.value(surface, options, *at)
                if value is not None:
                    planes.append(PlaneReading(_NAMES[plane.kind], fourcc_text(plane.fourcc), *at, value))
        return Reading(x, y, seen, tuple(planes))

    def release(self) -> None:
        """Delete the GL objects and watch the pointer no more; more calls do nothing."""
        self._timer.stop()
        self._window.removeEventFilter(self)
        overlay, self._overlay = self._overlay, None
        if overlay is not None:
            overlay.release()
        inspector, self._inspector = self._inspector, None
        if inspector is not None:
            inspector.release()


def beside(position: tuple[float, float], size: tuple[int, int], target: tuple[int, int], gap: int) -> tuple[int, int]:
    """The top-left corner of a box near a point: right of it and below, or on the other side where there is no room.

    It never lies over the point if the target has room beside it. All values are device pixels.
    """
    corner = []
    for at, length, limit in zip(position, size, target, strict=True):
        after, before = round(at) + gap, round(at) - gap - length
        fits = after + length <= limit or before < 0
        corner.append(max(0, min(after, limit - length)) if fits else before)
    return corner[0], corner[1]
