"""The window for the guest's picture. OpenGL draws into it; without a picture it is dark."""

import logging
import time
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import QEvent, QPointF, QRectF, Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QGuiApplication, QMouseEvent, QPainter
from PyQt6.QtOpenGL import QOpenGLWindow

from app.host.gpu import AUTO, GpuChoice
from app.input.pointer import device_pixel
from app.input.signed_cursor_source import SentPointer
from app.measure.record.picture_rates import PictureRates, Rates
from app.open.session import Session
from app.planes.frame import Frame
from app.planes.outcome import PixelPath
from app.planes.pixel_samples import Look
from app.planes.placement import WHOLE_PICTURE, Placement, Zoom
from app.planes.plane_document import Document
from app.planes.status import Reason, State, Status
from gl.bridge_choice import bridge_origin
from gl.context import CurrentContext
from gl.errors import GlError, GraphicsError
from gl.inspection import inspect_document
from gl.render_target import RenderTarget
from gl.renderer import DrawResult, Renderer
from ui.window.picture.draw_requests import DrawRequests
from ui.window.picture.frame_times import FrameTimes
from ui.window.picture.gl_surface import device_size, display_origin, made_current
from ui.window.picture.notice import Notice
from ui.window.picture.picture_diagnosis import PictureDiagnosis
from ui.window.picture.picture_overlays import PictureOverlays
from ui.window.picture.picture_status import cursor_problem, path_name, picture_status, state_words
from ui.window.picture.picture_text import PICTURE_BACKGROUND
from ui.window.picture.qt_frame_loop import QtFrameLoop
from ui.window.picture.view_notice import loupe_notice, view_notices
from ui.window.picture.view_options import ViewOptions

_log = logging.getLogger(__name__)


class PictureWindow(QOpenGLWindow):
    """Draws the frames of a loop. Owns the renderer, whose GL objects belong to this window's context.

    ``unusable`` says why OpenGL cannot be used at all. ``state_changed`` fires when the state changed, ``placed``
    after a draw with another :attr:`placement`.
    """

    menu_wanted = pyqtSignal()
    placed = pyqtSignal()
    state_changed = pyqtSignal()
    unusable = pyqtSignal(str)

    def __init__(self, loop: QtFrameLoop, label: str, gpu: GpuChoice = AUTO) -> None:
        super().__init__(QOpenGLWindow.UpdateBehavior.NoPartialUpdate)
        self._loop = loop
        self._label = label
        self._gpu = gpu
        self._session: Session | None = None
        # Whether the renderer knows over which GPU the buffers of this session come.
        self._bridge_set = False
        self._options = ViewOptions()
        self._zoom = WHOLE_PICTURE
        self._draw_options = self._options.draw_options()
        self._render_target = RenderTarget(0, 0)
        self._renderer: Renderer | None = None
        self._drawn: DrawResult | None = None
        self._shown: Frame | None = None
        self._cursor_seen = False
        self._rates = PictureRates()
        self._failure: Status | None = None
        self._logged: tuple[object, ...] = ()
        self.shown_notice = Notice(self)
        self.shown_notice.changed.connect(self.update)
        self.frameSwapped.connect(self._on_swapped)
        self.times = FrameTimes(self)
        self.diagnosis = PictureDiagnosis(self, self, partial(made_current, self))
        self.diagnosis.told.connect(lambda text: self.notice(text, lambda: bool(self.diagnosis.findings)))
        self.state_changed.connect(self.diagnosis.state_changed)
        self.overlays = PictureOverlays(self, self.times)
        self._requests = DrawRequests(self, loop)
        self.overlays.due.connect(self._requests.ask)
        self._connect(loop)

    def _connect(self, loop: QtFrameLoop) -> None:
        self.diagnosis.forget(sees_pixels=loop.sees_pixels)
        self.times.watch(loop)
        loop.set_probe(self._look)
        loop.gone.connect(self._release_buffers)
        loop.frame_changed.connect(self._on_frame_changed)

    def set_loop(self, loop: QtFrameLoop, label: str) -> None:
        """Show the frames of another loop. The old one is released and closed first."""
        self._release_buffers()
        self._loop.close()
        self._loop.deleteLater()
        self._loop, self._label = loop, label
        self._drawn, self._shown, self._failure = None, None, None
        self._cursor_seen, self._rates = False, PictureRates()
        self._requests.set_loop(loop)
        self._connect(loop)
        self.state_changed.emit()
        self.update()

    @property
    def frame(self) -> Frame:
        return self._loop.frame

    @property
    def pointer(self) -> SentPointer:
        """Is told where the user's pointer was sent."""
        return self._loop.pointer

    @property
    def status(self) -> Status:
        return picture_status(self.frame, self._drawn, self._failure)

    @property
    def shows_picture(self) -> bool:
        """Whether there is a plane that can be shown; one that waits for the trial of its import cannot yet."""
        return self.frame.primary is not None and self.status.state not in (State.ERROR, State.WAITING)

    @property
    def path(self) -> str:
        """See :func:`ui.window.picture.picture_status.path_name`."""
        return path_name(self._drawn)

    @property
    def cursor_problem(self) -> Status | None:
        """Why the guest's cursor plane cannot be shown; None where it can, or where there is none."""
        return cursor_problem(self.frame, self._drawn)

    @property
    def drawn_size(self) -> tuple[int, int]:
        """Width and height of the last drawn picture in device pixels, with the free area around it."""
        return self._render_target.width, self._render_target.height

    @property
    def placement(self) -> Placement | None:
        """Where the guest's picture is in the window, in device pixels; None where there is none."""
        return self._drawn.placement if self._drawn is not None and self.frame.primary is not None else None

    def device_point(self, position: QPointF) -> tuple[float, float]:
        """A position of Qt's in the window, in device pixels."""
        ratio = self.devicePixelRatio()
        return (device_pixel(position.x(), ratio), device_pixel(position.y(), ratio))

    @property
    def guest_draws_cursor(self) -> bool:
        """Whether the window shows the guest's own cursor.

        When the cursor plane disappears, the guest has hidden it. This stays true until the picture itself disappears.
        """
        return self._cursor_seen and self.cursor_problem is None

    @property
    def last_draw(self) -> tuple[Frame | None, DrawResult | None]:
        """The frame that was drawn last, and what the renderer made of it."""
        return self._shown, self._drawn

    def rates(self) -> Rates:
        """What the pictures of the last second showed. A frame drawn again does not count."""
        return self._rates.rates(time.monotonic_ns())

    @property
    def options(self) -> ViewOptions:
        return self._options

    def set_options(self, options: ViewOptions) -> None:
        before, self._options = self._options, options
        self._draw_options = options.draw_options(self._zoom)
        self.update()
        for text in view_notices(before, options, self.frame.primary):
            self.notice(text, lambda: self._options.inspection == options.inspection)

    @property
    def zoom(self) -> Zoom:
        return self._zoom

    def set_zoom(self, zoom: Zoom) -> None:
        self._zoom = zoom
        self._draw_options = self._options.draw_options(zoom)
        self.update()

    def show_loupe(self, on: bool) -> None:
        """Show the pixels below the pointer over the picture, or no more."""
        self.overlays.show_loupe(on)
        if on:
            self.notice(loupe_notice(), lambda: self.overlays.shows_loupe)

    def notice(self, text: str, holds: Callable[[], bool] | None = None) -> None:
        """Show a notice over the picture for some seconds, at most while it ``holds``, and log it."""
        self.shown_notice.show(text, holds)

    def capture(self) -> NDArray[np.uint8] | None:
        """The composite at the guest's size, RGBA8; None when there is no picture. Raises GlError."""
        if self._renderer is None or self.frame.primary is None or not self.isValid():
            return None
        with made_current(self):
            return self._renderer.capture(self.frame, options=self._draw_options)

    @property
    def target(self) -> str:
        """What is shown: the session's target, or the label while nothing is open."""
        return self._session.target if self._session is not None else self._label

    @property
    def session(self) -> Session | None:
        """The session of the loop's source, which the caller of :meth:`set_session` owns; None while there is none."""
        return self._session

    def set_session(self, session: Session | None) -> None:
        self._session, self._bridge_set = session, False
        self.times.session = session

    @property
    def renderer(self) -> Renderer | None:
        """None before the first draw. Its context must be current to use it (:mod:`ui.window.picture.gl_surface`)."""
        return self._renderer

    def inspect(self) -> Document:
        """What ``inspect`` tells of the picture; only the target before the first draw."""
        if self._renderer is None or self._session is None or not self.isValid():
            return {"target": self.target}
        with made_current(self):
            return inspect_document(self._session.target, self.frame, self._session.describe(), self._renderer)

    def shut_down(self) -> None:
        """Release the GL objects, then the device. More calls do nothing."""
        self.overlays.release()
        renderer, self._renderer = self._renderer, None
        try:
            if renderer is not None:
                with made_current(self):
                    self.times.release()
                    renderer.release()
        finally:
            self.times.close()
            self.diagnosis.shut_down()
            self._loop.close()

    def _on_swapped(self) -> None:
        self.times.swapped()
        self._loop.shown()

    def _look(self, frame: Frame) -> Look | None:
        """Look whether the guest changed pixels of the frame on the screen."""
        renderer = self._renderer
        if renderer is None or self._failure is not None:
            return None
        with made_current(self) if renderer.look_needs_context else nullcontext():
            look = renderer.look(frame)
        if look is not None:
            self.diagnosis.looked(look)
            if look.previous_ns is not None:
                self._rates.pixels_changed()
        return look

    def wake(self) -> None:
        """The guest will probably change its screen soon: it got input."""
        self._loop.wake()

    def _on_frame_changed(self, frame: Frame) -> None:
        self._requests.saw(frame)
        self.diagnosis.saw(frame)
        self._rates.found(frame)
        self._update_cursor_seen(frame)
        if frame.primary is None:
            self._log_state()

    def _update_cursor_seen(self, frame: Frame) -> None:
        seen = frame.primary is not None and (self._cursor_seen or frame.cursor is not None)
        if seen is not self._cursor_seen:
            self._cursor_seen = seen
            self.state_changed.emit()

    def _release_buffers(self) -> None:
        """Release the loop's buffers, and the images made from them, because they keep the VM's memory in use."""
        self._loop.release_buffers()
        if self._renderer is not None:
            with made_current(self):
                self._renderer.drop_released()

    def _log_state(self) -> None:
        """Log each change of the state or the path once, and tell the window to update its title."""
        status = self.status
        primary = self.frame.primary
        logged = (status, primary.plane.import_key if primary else None, self.path)
        if logged != self._logged:
            self._logged = logged
            _log.info("%s: %s", self._label, state_words(status, primary.plane if primary else None, self.path))
            self.state_changed.emit()

    def initializeGL(self) -> None:  # noqa: N802  (Qt's name)
        try:
            self._renderer = Renderer(CurrentContext(display_origin(QGuiApplication.platformName())))
        except GraphicsError as error:
            self.unusable.emit(str(error))

    def paintGL(self) -> None:  # noqa: N802  (Qt's name)
        if self._renderer is None:
            return
        self._requests.drawing()
        frame = self._loop.newest()
        if frame.primary is not None:
            self._draw(self._renderer, frame)
        shown = self.shows_picture
        if not shown or self.shown_notice.text:
            self._paint(covered=not shown)
        # Without a plane the renderer was not asked: what it would try again is of an older frame.
        retry_ns = self._renderer.retry_ns if frame.primary is not None else None
        self._loop.drawn(retry_ns, failed=frame.primary is not None and not shown)

    def _draw(self, renderer: Renderer, frame: Frame) -> None:
        # Computed each time: a window that moves to another screen may change its pixel ratio but not its size.
        ratio, size = self.devicePixelRatio(), device_size(self)
        if min(size) < 1:
            return
        resized = size != (self._render_target.width, self._render_target.height)
        if resized:
            self._render_target = RenderTarget(*size, self.defaultFramebufferObject())
        if not self._bridge_set:
            exporter = self._session.exporter if self._session is not None else None
            renderer.set_bridge(bridge_origin(renderer.context, self._gpu, exporter))
            self._bridge_set = True
        self.times.begin(renderer.context)
        try:
            target, options = self._render_target, self._draw_options
            drawn = renderer.draw(frame, target, options)
            self.overlays.draw(renderer, frame, drawn.placement, target, ratio, options, self.path)
        except GlError as error:
            self.times.failed()
            # The next frame is drawn as usual: a driver may recover, and the window must not close.
            self._failure = Status(Reason.RENDER_FAILED, str(error))
            self._log_state()
            return
        self.times.drawn(frame, renderer.import_ns)
        self._failure = None
        if resized and PixelPath.BRIDGE in (each.path for each in (drawn.primary, drawn.cursor) if each is not None):
            # A bridge makes the window's surface current between two draws too. Mesa's Wayland platform then gives it
            # the next buffer at once, with the size that the window has at that time: so this one may be too large.
            self.update()
        self._rates.drawn(time.monotonic_ns())
        if frame is not self._shown or drawn is not self._drawn:
            placement = self._drawn.placement if self._drawn is not None else None
            self._shown, self._drawn = frame, drawn
            self._log_state()
            if drawn.placement != placement:
                QTimer.singleShot(0, self.placed)

    def _paint(self, *, covered: bool) -> None:
        painter = QPainter(self)
        area = QRectF(0, 0, self.width(), self.height())
        if covered:
            painter.fillRect(area, PICTURE_BACKGROUND)
        self.shown_notice.paint(painter, area)
        painter.end()

    def mousePressEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802  (Qt's name)
        if event is not None and event.button() == Qt.MouseButton.RightButton:
            self.menu_wanted.emit()

    def event(self, event: QEvent | None) -> bool:
        if event is not None and event.type() == QEvent.Type.Expose:
            self._requests.exposed()
        return super().event(event)
