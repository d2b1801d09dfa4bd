"""The application around the window: Qt set up so that EGL serves, one source shown, Ctrl-C heard."""

import logging
import os
import sys
import time
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING

from PyQt6.QtCore import QMessageLogContext, QSocketNotifier, Qt, QTimer, QtMsgType, qInstallMessageHandler
from PyQt6.QtGui import QSurfaceFormat
from PyQt6.QtWidgets import QApplication, QMessageBox
from PyQt6.sip import voidptr

from app.device.errors import AmbiguousTarget, MdevviewError
from app.device.target import Default, Simulated, Target
from app.device.vgpu import Vgpu
from app.pacing import Pace, Pacer
from app.planes.state import State
from app.source import Source, open_resolved, open_source
from app.vm.address import QmpAddress
from ui.window.chooser import choose_device
from ui.window.feed import Feed
from ui.window.interrupt import Interrupt
from ui.window.main_window import MainWindow
from ui.window.options import ViewOptions
from ui.window.picture import PictureWindow
from ui.window.session import need_opengl, why_not
from ui.window.vm_monitor import VmMonitor

if TYPE_CHECKING:
    from PyQt6.QtGui import QScreen

_log = logging.getLogger("qt")

_LEVELS = {
    QtMsgType.QtDebugMsg: logging.DEBUG,
    QtMsgType.QtInfoMsg: logging.INFO,
    QtMsgType.QtWarningMsg: logging.WARNING,
    QtMsgType.QtCriticalMsg: logging.ERROR,
}


def view(target: Target, options: ViewOptions, *, fullscreen: bool = False, qmp: QmpAddress | None = None) -> int:
    """Show a target until the window is closed; the exit status. Raises MdevviewError when it cannot be opened.

    ``qmp`` is where its VM takes input.
    """
    # Opened before Qt: what goes wrong here is a line on the terminal, not a window that comes and goes.
    try:
        source: Source | None = open_source(target)
    except AmbiguousTarget:
        if not isinstance(target, Default):
            raise
        source = None
    application = make_application()
    interrupt = Interrupt(application.closeAllWindows)
    try:
        if source is None:
            chosen = choose_device()
            if chosen is None:
                return 0
            source = open_resolved(chosen)
        return _show(application, source, options, fullscreen=fullscreen, qmp=qmp)
    finally:
        interrupt.close()


def show(
    application: QApplication,
    source: Source,
    options: ViewOptions,
    *,
    fullscreen: bool = False,
    until: Sequence[int] = (),
    qmp: QmpAddress | None = None,
) -> int:
    """Show what was opened until the window is closed, or one of the fds ``until`` can be read; the exit status."""
    interrupt = Interrupt(application.closeAllWindows)
    watches = [QSocketNotifier(voidptr(fd), QSocketNotifier.Type.Read) for fd in until]

    def unwatch() -> None:
        for watch in watches:
            watch.setEnabled(False)

    def over() -> None:
        unwatch()
        application.closeAllWindows()

    try:
        for watch in watches:
            watch.activated.connect(over)
        return _show(application, source, options, fullscreen=fullscreen, qmp=qmp)
    finally:
        unwatch()
        interrupt.close()


def make_application() -> QApplication:
    """Qt, connected to its display. Raises MdevviewError without OpenGL; without a display the process ends."""
    # EGL on X11 as well: without it there is no dma-buf to import. Read when the application is made.
    os.environ.setdefault("QT_XCB_GL_INTEGRATION", "xcb_egl")
    # In fullscreen the picture covers its parent, which then gets no frame callbacks on Wayland; after this time
    # Qt takes parent and picture for hidden and stops drawing both. The picture is paced by callbacks of its own.
    os.environ.setdefault("QT_WAYLAND_FRAME_CALLBACK_TIMEOUT", "-1")
    # On X11 Qt waits 5 ms before it lets a window draw; when to draw is decided here (app/pacing.py).
    os.environ.setdefault("QT_QPA_UPDATE_IDLE_TIME", "0")
    surface = QSurfaceFormat()
    surface.setRenderableType(QSurfaceFormat.RenderableType.OpenGLES)
    surface.setVersion(3, 0)
    surface.setDepthBufferSize(0)
    surface.setStencilBufferSize(0)
    QSurfaceFormat.setDefaultFormat(surface)
    qInstallMessageHandler(_hear_at_start)
    application = QApplication(["mdevview"])
    need_opengl()
    qInstallMessageHandler(_hear)
    application.setApplicationName("mdevview")
    application.setDesktopFileName("io.github.mdevview.mdevview")
    return application


def _hear(kind: QtMsgType, _context: QMessageLogContext, text: str | None) -> None:
    """Qt's messages go to the log. Qt aborts after a fatal one, which is no way to say that there is no display."""
    if kind is QtMsgType.QtFatalMsg:
        sys.stderr.write(f"mdevview: cannot open a window: {why_not(text or '')}\n")
        os._exit(1)
    _log.log(_LEVELS.get(kind, logging.WARNING), "%s", text)


def _hear_at_start(kind: QtMsgType, context: QMessageLogContext, text: str | None) -> None:
    """While it starts, Qt warns of displays that it tries in vain before it finds one or gives up."""
    _hear(QtMsgType.QtInfoMsg if kind is QtMsgType.QtWarningMsg else kind, context, text)


class _Viewer:
    """One window and the source in it, which the user may exchange for another."""

    def __init__(self, application: QApplication, source: Source, options: ViewOptions, qmp: QmpAddress | None) -> None:
        self._source = source
        self._pace = Pace(redraw=_refresh_interval(application))
        feed = self._feed(source)
        self.picture = PictureWindow(feed, source.label)
        self.window = MainWindow(self.picture, source.label, options, self._choose)
        self.monitor = VmMonitor(self.window)
        if qmp is not None:
            self.monitor.open(qmp)
        feed.start()

    def _feed(self, source: Source) -> Feed:
        return Feed(source.poller(), Pacer(self._pace, time.monotonic_ns()))

    def _choose(self) -> None:
        chosen = choose_device(self.window)
        if chosen is None or _is_shown(chosen, self._source, self.picture.frame.status.state):
            return
        try:
            source = open_resolved(chosen)
        except MdevviewError as error:
            warning = QMessageBox(QMessageBox.Icon.Warning, "mdevview", f"{error.message}\n\n{error.remedy}")
            # It may name a process, which chooses its name, and Qt takes what looks like markup for markup.
            warning.setTextFormat(Qt.TextFormat.PlainText)
            warning.setParent(self.window, warning.windowFlags())
            warning.exec()
            return
        self._source = source
        self.monitor.none("this device was chosen without its VM's QMP socket")
        feed = self._feed(source)
        self.picture.set_feed(feed, source.label)
        self.window.set_source(source.label)
        feed.start()


def _is_shown(chosen: Vgpu | Simulated, source: Source, state: State) -> bool:
    """Whether the choice is what the window has open: opened again it would be busy, held by this very program."""
    is_same = isinstance(chosen, Vgpu) and source.vgpu is not None and chosen.name == source.vgpu.name
    return is_same and state is not State.GONE


def _show(
    application: QApplication, source: Source, options: ViewOptions, *, fullscreen: bool, qmp: QmpAddress | None
) -> int:
    viewer = _Viewer(application, source, options, qmp)
    failures: list[str] = []

    def fail(why: str) -> None:
        failures.append(why)
        # Not at once: Qt does not survive its end in the middle of a draw.
        QTimer.singleShot(0, lambda: application.exit(1))

    viewer.picture.unusable.connect(fail)
    # PyQt aborts the process after an exception that nobody caught.
    sys.excepthook = lambda kind, error, trace: fail(_internal(kind, error, trace))
    if fullscreen:
        viewer.window.start_fullscreen()
    else:
        viewer.window.show()
    try:
        status = application.exec()
    finally:
        sys.excepthook = sys.__excepthook__
        viewer.picture.shut_down()
        viewer.monitor.close()
    if failures:
        raise MdevviewError(failures[0], "see 'mdevview doctor'")
    return status


def _internal(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> str:
    _log.debug("internal error", exc_info=(kind, error, trace))
    return f"internal error: {kind.__name__}: {error}"


def _refresh_interval(application: QApplication) -> int:
    screen: QScreen | None = application.primaryScreen()
    rate = screen.refreshRate() if screen is not None else 60.0
    return round(1e9 / rate) if rate >= 1 else Pace().redraw
