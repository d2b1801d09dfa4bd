"""``mdevview overview`` on Qt: the window of the overview, and the windows that are opened from it."""

import logging
from collections.abc import Callable

from PyQt6.QtCore import QTimer

from app.errors import MdevviewError
from app.open.spare_fds import allow_many_files
from app.open.target import Default, Target
from ui.window.application import make_application, no_opengl, refresh_interval, run_windows
from ui.window.interrupt import Interrupt
from ui.window.overview.overview_source import Click, OverviewSource
from ui.window.overview.overview_window import OverviewWindow
from ui.window.viewer import Viewer
from ui.window.window_options import WindowOptions

_log = logging.getLogger(__name__)


class Windows:
    """The windows that were opened from the overview. Each has a share of its source, and stays if the overview closes.

    ``refresh`` is the display's refresh interval in nanoseconds.
    """

    def __init__(self, options: WindowOptions, refresh: int) -> None:
        self._options = options
        self._refresh = refresh
        self._viewers: dict[Viewer, OverviewSource] = {}
        # The sources of the overview's tiles.
        self.sources: Callable[[], list[OverviewSource]] = list

    def open(self, source: OverviewSource) -> None:
        """Show a source in a window, or the window that shows it already."""
        for viewer, shown in self._viewers.items():
            if shown is source:
                viewer.window.raise_()
                viewer.window.activateWindow()
                return
        session = source.session_for_window()
        if session is None:
            return
        viewer = Viewer(source.target or Default(), session, self._options, self._refresh, elsewhere=self._show)
        self._viewers[viewer] = source
        viewer.picture.unusable.connect(lambda why: self._on_unusable(viewer, why))
        # Later: the window is still used when it tells that it closes.
        viewer.window.closing.connect(lambda: QTimer.singleShot(0, lambda: self._close(viewer)))
        viewer.window.show()

    def _show(self, target: Target) -> bool:
        """Show a target that a tile has open: a console has one listener in this program."""
        for each in self.sources():
            if each.target == target and each.click is Click.OPEN:
                self.open(each)
                return True
        return False

    def shut_down(self) -> None:
        """Close them all."""
        for viewer in list(self._viewers):
            self._close(viewer)

    def _close(self, viewer: Viewer) -> None:
        if self._viewers.pop(viewer, None) is not None:
            viewer.shut_down()
            viewer.window.deleteLater()
            viewer.deleteLater()

    def _on_unusable(self, viewer: Viewer, why: str) -> None:
        _log.warning("a window cannot use OpenGL: %s", why)
        viewer.window.close()


def overview(targets: list[Target], options: WindowOptions, *, fullscreen: bool) -> int:
    """Show an overview until the last window is closed; the exit status. Raises MdevviewError if OpenGL fails.

    ``options`` are those of the windows that are opened from it.
    """
    allow_many_files()
    application = make_application()
    interrupt = Interrupt(application.closeAllWindows)
    try:
        windows = Windows(options, refresh_interval(application))
        window = OverviewWindow(targets, options.helper, windows.open, options.gpu)
        windows.sources = lambda: window.sources

        def begin(fail: Callable[[MdevviewError], None]) -> None:
            window.unusable.connect(lambda why: fail(no_opengl(why)))
            if fullscreen:
                window.toggle_fullscreen()
            else:
                window.show()

        def end() -> None:
            window.shut_down()
            windows.shut_down()

        return run_windows(application, begin, end)
    finally:
        interrupt.close()
