"""A window comes back as the user left it, for each VM; what the command line gave does not."""

import time

from PyQt6.QtCore import Qt

from app.measure.loop.pacing import Pace, Pacer
from app.planes.placement import Rotation, Scaling
from app.planes.status import Reason, Status
from app.planes.status_source import StatusSource
from ui.window.main_window import MainWindow
from ui.window.picture.picture_window import PictureWindow
from ui.window.picture.qt_frame_loop import QtFrameLoop
from ui.window.picture.view_options import ViewOptions
from ui.window.qt_application import new_application
from ui.window.settings import settings
from ui.window.settings.settings_text import PointerMode, Settings
from ui.window.window_memory import WindowMemory


def window_of(subject: str, **given: object) -> MainWindow:
    """As Viewer makes it, with the options of the command line."""
    loop = QtFrameLoop(StatusSource(Status(Reason.PLANE_OFF)), Pacer(Pace(), time.monotonic_ns()))
    memory = WindowMemory(frozenset(given))
    memory.show(subject)
    view = ViewOptions(**given)  # type: ignore[arg-type]
    return MainWindow(PictureWindow(loop, "a VM"), "a VM", view, lambda: None, memory=memory)


def do(window: MainWindow, *actions: str) -> None:
    for each in actions:
        window._actions[each].trigger()


def shown(window: MainWindow) -> tuple[object, ...]:
    options = window._picture.options
    is_shown = not window._state.line.isHidden()
    assert window._actions["status-line"].isChecked() == is_shown
    return options.scaling, options.rotation, options.flip_x, is_shown


application = new_application()
# What the command line gives is shown, and what the user chooses is remembered.
window = window_of("VM a", scaling=Scaling.ACTUAL, smooth=False)
assert shown(window) == (Scaling.ACTUAL, Rotation.NONE, False, True)
do(window, "rotate-90", "status-line", "pointer-hidden")
# As if the user gave the window this size.
window._size.fix()
window.resize(640, 500)
window.close()
window = window_of("VM a")
assert shown(window) == (Scaling.FIT, Rotation.RIGHT, False, False), shown(window)
assert window._actions["pointer-hidden"].isChecked() and window._picture.options.smooth
assert (window.width(), window.height()) == (640, 500)
do(window, "menu-bar")
window.close()
window = window_of("VM a")
assert window.menuBar().isHidden()  # type: ignore[union-attr]
do(window, "menu-bar")
window.close()
# The user's choice wins over the command line's also for the next window.
window = window_of("VM a", scaling=Scaling.ACTUAL)
do(window, "integer")
window.close()
assert shown(window_of("VM a"))[0] is Scaling.INTEGER
# Another VM is not turned, and has its own size.
window = window_of("VM b")
assert shown(window) == (Scaling.INTEGER, Rotation.NONE, False, False), shown(window)
assert (window.width(), window.height()) != (640, 500)
# Another VM in the same window, and back.
do(window, "flip-x", "actual")
window.remember_for("VM a")
assert shown(window) == (Scaling.INTEGER, Rotation.RIGHT, False, False), shown(window)
window.remember_for("VM b")
assert shown(window) == (Scaling.ACTUAL, Rotation.NONE, True, False), shown(window)
window.close()
# What the user chose in place of the command line's is that VM's alone.
window = window_of("VM a", scaling=Scaling.FIT)
do(window, "integer")
window.remember_for("VM b")
assert shown(window)[0] is Scaling.ACTUAL
window.close()
# What is chosen while a VM is waited for is for that VM.
window = window_of("")
do(window, "fit", "status-line")
window.remember_for("VM a")
assert shown(window) == (Scaling.FIT, Rotation.RIGHT, False, True), shown(window)
# In fullscreen the bars are hidden for that time only.
window.setWindowState(Qt.WindowState.WindowFullScreen)
do(window, "status-line", "menu-bar")
window.close()
assert settings.load("VM a").status_line and settings.load("VM a").menu_bar
assert settings.load("VM a").pointer is PointerMode.HIDDEN
# A window that measures remembers nothing.
before = settings.load("VM a"), settings.load("")
loop = QtFrameLoop(StatusSource(Status(Reason.PLANE_OFF)), Pacer(Pace(), time.monotonic_ns()))
window = MainWindow(PictureWindow(loop, "a VM"), "a VM", ViewOptions(), lambda: None)
window.remember_for("VM a")
do(window, "flip-y", "menu-bar")
window.close()
assert (settings.load("VM a"), settings.load("")) == before
assert before[1] != Settings()
