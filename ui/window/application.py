"""The application around the window: sets Qt up for EGL, shows one session, ends at a signal."""

import logging
import os
import sys
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING

from PyQt6.QtCore import QMessageLogContext, QSocketNotifier, QTimer, QtMsgType, qInstallMessageHandler
from PyQt6.QtGui import QSurfaceFormat
from PyQt6.QtWidgets import QApplication
from PyQt6.sip import voidptr

from app.errors import AmbiguousTarget, MdevviewError
from app.host.vgpu import Vgpu
from app.measure.loop.pacing import Pace
from app.open.opening import OpenOptions, open_target
from app.open.session import Session
from app.open.spare_fds import spare_fds
from app.open.target import Default, Target
from app.open.waiter import may_open_later
from ui.window.chooser import choose_device
from ui.window.error_window import ErrorWindow
from ui.window.icon import APPLICATION_ID, window_icon
from ui.window.interrupt import Interrupt
from ui.window.qt_application import new_application
from ui.window.qt_platform import display_error, require_opengl
from ui.window.shown_target import check_resolution
from ui.window.viewer import Viewer
from ui.window.window_options import WindowOptions

if TYPE_CHECKING:
    from PyQt6.QtGui import QScreen

_log = logging.getLogger(__name__)
_qt_log = logging.getLogger("qt")

_SEE_DOCTOR = "see 'mdevview doctor'"
# What Qt, a Wayland display and a device use, beside the files of a command. Where Qt gets none, it crashes.
_FDS_OF_A_WINDOW = 40
_LEVELS = {
    QtMsgType.QtDebugMsg: logging.DEBUG,
    QtMsgType.QtInfoMsg: logging.INFO,
    QtMsgType.QtWarningMsg: logging.WARNING,
    QtMsgType.QtCriticalMsg: logging.ERROR,
}


def view(target: Target, options: WindowOptions) -> int:
    """Show a target until the window is closed; the exit status.

    Raises MdevviewError when it cannot be opened, unless ``options.page`` has the window say so.
    """
    if os.geteuid() == 0:
        _log.info("the window runs as root, with all of root's permissions: run it as the user of the desktop")
    return _view_with_page(target, options) if options.page else _view_or_fail(target, options)


def _view_with_page(target: Target, options: WindowOptions) -> int:
    try:
        application = make_application()
    except MdevviewError as error:
        started = QApplication.instance()
        if not isinstance(started, QApplication):
            raise
        return _show_error(started, error, options)
    return show(application, target, None, options, chosen=target)


def _show_error(application: QApplication, error: MdevviewError, options: WindowOptions) -> int:
    interrupt = Interrupt(application.closeAllWindows)
    try:
        window = ErrorWindow(error, options.examine_host)
        return run_windows(application, lambda _fail: window.show(), window.shut_down)
    finally:
        interrupt.close()


def _view_or_fail(target: Target, options: WindowOptions) -> int:
    # Opened before Qt starts, so that an error is a line on the terminal and not a window that closes at once.
    session: Session | None = None
    is_choice, chosen = False, None
    try:
        session = open_target(target, options=OpenOptions(options.helper, alone=not options.wait, qmp=options.qmp))
    except AmbiguousTarget:
        if not isinstance(target, Default):
            raise
        is_choice = True
    except MdevviewError as error:
        if not (options.wait and may_open_later(target, error)):
            raise
        _log.info("waiting: %s", error)
    if session is not None:
        check_resolution(session, options.resolution, follow=options.follow)
    application = make_application()
    if is_choice:
        interrupt = Interrupt(application.closeAllWindows)
        try:
            chosen = choose_device()
        finally:
            interrupt.close()
        if chosen is None:
            return 0
    return show(application, target, session, options, chosen=chosen)


def show(
    application: QApplication,
    target: Target,
    session: Session | None,
    options: WindowOptions,
    end_fds: Sequence[int] = (),
    chosen: Vgpu | Target | None = None,
    started: Callable[[Viewer, Interrupt], object] | None = None,
) -> int:
    """Show ``session``; without one open ``chosen``, or wait for ``target``. Returns the exit status.

    ``started`` is called with the window before it is shown, and with what a signal ends it. Ends when the window is
    closed or one of the ``end_fds`` is readable. Raises MdevviewError when OpenGL fails or ``chosen`` cannot be opened.
    """
    interrupt = Interrupt(application.closeAllWindows)
    watches = [QSocketNotifier(voidptr(fd), QSocketNotifier.Type.Read) for fd in end_fds]

    def unwatch() -> None:
        for watch in watches:
            watch.setEnabled(False)

    def end() -> None:
        unwatch()
        application.closeAllWindows()

    try:
        for watch in watches:
            watch.activated.connect(end)
        viewer = Viewer(target, session, options, refresh_interval(application), chosen)
        if started is not None:
            started(viewer, interrupt)
        return _run(application, viewer, options)
    finally:
        unwatch()
        interrupt.close()


def make_application() -> QApplication:
    """Start Qt on its display. Raises MdevviewError without OpenGL; without a display the process ends."""
    if (spare := spare_fds()) < _FDS_OF_A_WINDOW:
        raise MdevviewError(
            f"a window needs {_FDS_OF_A_WINDOW} open files, and only {spare} more are allowed",
            "raise the limit, as with 'ulimit -n 1024'",
        )
    # Use EGL on X11 too: GLX cannot import dma-bufs. Qt reads this when the application is made.
    os.environ.setdefault("QT_XCB_GL_INTEGRATION", "xcb_egl")
    # In fullscreen the picture covers its parent window, which then gets no frame callbacks on Wayland. After this
    # time Qt would treat both as hidden and stop drawing. The picture has frame callbacks of its own.
    os.environ.setdefault("QT_WAYLAND_FRAME_CALLBACK_TIMEOUT", "-1")
    # On X11 Qt waits 5 ms before a window may draw. app/measure/loop/pacing.py decides when to draw.
    os.environ.setdefault("QT_QPA_UPDATE_IDLE_TIME", "0")
    surface = QSurfaceFormat()
    surface.setRenderableType(QSurfaceFormat.RenderableType.OpenGLES)
    surface.setVersion(3, 0)
    surface.setDepthBufferSize(0)
    surface.setStencilBufferSize(0)
    QSurfaceFormat.setDefaultFormat(surface)
    qInstallMessageHandler(_log_at_start)
    application = new_application()
    require_opengl()
    qInstallMessageHandler(_log_qt)
    application.setApplicationName("mdevview")
    application.setDesktopFileName(APPLICATION_ID)
    application.setWindowIcon(window_icon())
    return application


def _log_qt(kind: QtMsgType, _context: QMessageLogContext, text: str | None) -> None:
    """Log what Qt says. Qt would abort after a fatal message, so that the user gets a clear line here first."""
    if kind is QtMsgType.QtFatalMsg:
        sys.stderr.write(f"mdevview: cannot open a window: {display_error(text or '')}\n")
        os._exit(1)
    _qt_log.log(_LEVELS.get(kind, logging.WARNING), "%s", text)


def _log_at_start(kind: QtMsgType, context: QMessageLogContext, text: str | None) -> None:
    """While it starts, Qt warns of each display that it cannot open before it finds one or gives up."""
    _log_qt(QtMsgType.QtInfoMsg if kind is QtMsgType.QtWarningMsg else kind, context, text)


def _run(application: QApplication, viewer: Viewer, options: WindowOptions) -> int:
    def begin(fail: Callable[[MdevviewError], None]) -> None:
        viewer.failed.connect(fail)
        if options.page:
            viewer.picture.unusable.connect(lambda why: viewer.window.area.show_fault(no_opengl(why)))
        else:
            viewer.picture.unusable.connect(lambda why: fail(no_opengl(why)))
        if options.fullscreen:
            viewer.window.start_fullscreen()
        else:
            viewer.window.show()

    return run_windows(application, begin, viewer.shut_down)


def run_windows(
    application: QApplication, begin: Callable[[Callable[[MdevviewError], None]], None], end: Callable[[], None]
) -> int:
    """Run Qt's event loop until the last window is closed; the exit status.

    ``begin`` shows the windows. It gets a function that ends the program with an error, which is then raised here.
    ``end`` releases everything.
    """
    failures: list[MdevviewError] = []

    def fail(error: MdevviewError) -> None:
        failures.append(error)
        # Later: Qt crashes when it ends in the middle of a draw.
        QTimer.singleShot(0, lambda: application.exit(1))

    # PyQt aborts the process after an uncaught exception.
    sys.excepthook = lambda kind, error, trace: fail(_internal_error(kind, error, trace))
    try:
        begin(fail)
        status = application.exec()
    finally:
        sys.excepthook = sys.__excepthook__
        end()
    if failures:
        raise failures[0]
    return status


def no_opengl(why: str) -> MdevviewError:
    """The error if OpenGL cannot be used in a window."""
    return MdevviewError(why, _SEE_DOCTOR)


def _internal_error(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> MdevviewError:
    _log.debug("internal error", exc_info=(kind, error, trace))
    return MdevviewError(f"internal error: {kind.__name__}: {error}", _SEE_DOCTOR)


def refresh_interval(application: QApplication) -> int:
    """The display's refresh interval in nanoseconds."""
    screen: QScreen | None = application.primaryScreen()
    rate = screen.refreshRate() if screen is not None else 60.0
    return round(1e9 / rate) if rate >= 1 else Pace().redraw
