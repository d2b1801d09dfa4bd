"""The application around the window: Qt set up so that EGL serves, one source shown, Ctrl-C heard."""

import logging
import os
import sys
import time
from typing import TYPE_CHECKING

from PyQt6.QtCore import QMessageLogContext, QtMsgType, qInstallMessageHandler
from PyQt6.QtGui import QSurfaceFormat
from PyQt6.QtWidgets import QApplication

from app.device.errors import AmbiguousTarget
from app.device.target import Default, Target
from app.pacing import Pace, Pacer
from app.source import Source, open_resolved, open_source
from ui.window.chooser import choose_device
from ui.window.feed import Feed
from ui.window.interrupt import Interrupt
from ui.window.main_window import MainWindow
from ui.window.options import ViewOptions
from ui.window.picture import PictureWindow

if TYPE_CHECKING:
    from PyQt6.QtGui import QScreen

_log = logging.getLogger("qt")

_LEVELS = {
    QtMsgType.QtDebugMsg: logging.DEBUG,
    QtMsgType.QtInfoMsg: logging.INFO,
    QtMsgType.QtWarningMsg: logging.WARNING,
    QtMsgType.QtCriticalMsg: logging.ERROR,
}


def view(target: Target, options: ViewOptions, *, fullscreen: bool = False) -> int:
    """Show a target until the window is closed; the exit status. Raises MdevviewError when it cannot be opened."""
    source: Source | None = None
    ambiguous: AmbiguousTarget | None = None
    # Opened before Qt: what goes wrong here is a line on the terminal, not a window that comes and goes.
    try:
        source = open_source(target)
    except AmbiguousTarget as error:
        if not isinstance(target, Default):
            raise
        ambiguous = error
    application = _make_application()
    if source is None:
        assert ambiguous is not None
        chosen = choose_device()
        if chosen is None:
            return 0
        source = open_resolved(chosen)
    return _show(application, source, options, fullscreen=fullscreen)


def _make_application() -> QApplication:
    # EGL on X11 as well: without it there is no dma-buf to import. Read when the application is made.
    os.environ.setdefault("QT_XCB_GL_INTEGRATION", "xcb_egl")
    surface = QSurfaceFormat()
    surface.setRenderableType(QSurfaceFormat.RenderableType.OpenGLES)
    surface.setVersion(3, 0)
    surface.setDepthBufferSize(0)
    surface.setStencilBufferSize(0)
    QSurfaceFormat.setDefaultFormat(surface)
    qInstallMessageHandler(_hear)
    application = QApplication(["mdevview"])
    application.setApplicationName("mdevview")
    application.setDesktopFileName("io.github.mdevview.mdevview")
    return application


def _hear(kind: QtMsgType, _context: QMessageLogContext, text: str | None) -> None:
    """Qt's messages go to the log. Qt aborts after a fatal one, which is no way to say that there is no display."""
    if kind is QtMsgType.QtFatalMsg:
        why = " ".join((text or "").split())
        sys.stderr.write(f"mdevview: cannot open a window: {why}; see 'mdevview doctor'\n")
        os._exit(1)
    _log.log(_LEVELS.get(kind, logging.WARNING), "%s", text)


def _show(application: QApplication, source: Source, options: ViewOptions, *, fullscreen: bool) -> int:
    feed = Feed(source.poller(), Pacer(Pace(redraw=_refresh_interval(application)), time.monotonic_ns()))
    picture = PictureWindow(feed, source.label)
    window = MainWindow(picture, source.label, options, None)
    interrupt = Interrupt(window.close)
    if fullscreen:
        window.start_fullscreen()
    else:
        window.show()
    feed.start()
    try:
        return application.exec()
    finally:
        interrupt.close()
        picture.shut_down()


def _refresh_interval(application: QApplication) -> int:
    screen: QScreen | None = application.primaryScreen()
    rate = screen.refreshRate() if screen is not None else 60.0
    return round(1e9 / rate) if rate >= 1 else Pace.redraw
