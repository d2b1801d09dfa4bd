"""What lies over the picture when the user wants it: frame times, and the pixel loupe."""

from PyQt6.QtCore import QObject, QTimer, pyqtSignal
from PyQt6.QtOpenGL import QOpenGLWindow

from app.planes.frame import Frame
from app.planes.placement import Placement
from gl.draw_options import DrawOptions
from gl.render_target import RenderTarget
from gl.renderer import Renderer
from ui.window.picture.frame_overlay import FrameOverlay
from ui.window.picture.frame_times import FrameTimes
from ui.window.picture.gl_surface import made_current
from ui.window.picture.loupe import Loupe

# The overlay also tells that nothing changes.
_TIMES_MS = 250
_SECOND_NS = 1_000_000_000


class PictureOverlays(QObject):
    """Owns the overlays over ``window``; none exists while it is off. ``due`` asks for a picture."""

    due = pyqtSignal()

    def __init__(self, window: QOpenGLWindow, times: FrameTimes) -> None:
        super().__init__(window)
        self._window = window
        self._times = times
        self._frame_times: FrameOverlay | None = None
        self._loupe: Loupe | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(_TIMES_MS)
        self._timer.timeout.connect(self.due)

    def show_times(self, on: bool) -> None:
        """Show the frame rate, the latency and a graph, or no more."""
        overlay, self._frame_times = self._frame_times, None
        if overlay is not None:
            self._times.drop(overlay.add)
            with made_current(self._window):
                overlay.release()
        if on:
            screen = self._window.screen()
            rate = screen.refreshRate() if screen is not None else 0
            self._frame_times = FrameOverlay(round(_SECOND_NS / rate) if rate >= 1 else _SECOND_NS // 60)
            self._times.want(self._frame_times.add, polls=False)
            self._timer.start()
        else:
            self._timer.stop()
        self._window.update()

    def show_loupe(self, on: bool) -> None:
        """Show the pixels below the pointer, or no more."""
        loupe, self._loupe = self._loupe, None
        if loupe is not None:
            with made_current(self._window):
                loupe.release()
        if on:
            self._loupe = Loupe(self._window)
            self._loupe.due.connect(self.due)
        self._window.update()

    @property
    def shows_loupe(self) -> bool:
        return self._loupe is not None

    def draw(
        self,
        renderer: Renderer,
        frame: Frame,
        placement: Placement | None,
        target: RenderTarget,
        ratio: float,
        options: DrawOptions,
        path: str,
    ) -> None:
        """Draw over the frame that was just drawn. ``path`` is how its primary plane got to the GPU."""
        if self._frame_times is not None:
            self._frame_times.draw(renderer.context, target, ratio, path)
        if self._loupe is not None:
            self._loupe.draw(renderer, frame, placement, target, ratio, options)

    def release(self) -> None:
        """Show none any more; more calls do nothing."""
        if self._frame_times is not None:
            self.show_times(False)
        if self._loupe is not None:
            self.show_loupe(False)
