"""A window takes the size of the guest's picture, until the user or the desktop says another one."""

import time
from dataclasses import replace
from typing import Any, cast

from PyQt6.QtCore import QEvent
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication

from app.measure.loop.pacing import Pace, Pacer
from app.planes.frame import Frame
from app.planes.status import Reason, Status
from app.planes.status_source import StatusSource
from tests.unit.app.diagnosis.picture.facts import PRIMARY
from tests.unit.app.diagnosis.picture.surfaces import surface
from ui.window.main_window import MainWindow
from ui.window.picture.picture_window import PictureWindow
from ui.window.picture.qt_frame_loop import QtFrameLoop
from ui.window.picture.view_options import ViewOptions
from ui.window.settings.geometry import Geometry

DRAWS = (QEvent.Type.Expose, QEvent.Type.UpdateRequest, QEvent.Type.Paint, QEvent.Type.Resize)
OFF = Frame(Status(Reason.PLANE_OFF))


class Picture(PictureWindow):
    """Shows the mode that the test sets."""

    mode_frame = OFF

    def event(self, event: QEvent | None) -> bool:
        """There is no OpenGL without a display."""
        return (event is not None and event.type() in DRAWS) or super().event(event)

    @property
    def frame(self) -> Frame:
        return self.mode_frame

    def set_mode(self, width: int, height: int) -> None:
        self.mode_frame = Frame(Status(Reason.OK), surface(replace(PRIMARY, width=width, height=height)))
        self.state_changed.emit()
        settle()


class Window:
    """A window with a picture. ``size`` is that of the picture's place."""

    def __init__(self, *mode: int, geometry: Geometry | None = None) -> None:
        loop = QtFrameLoop(StatusSource(Status(Reason.PLANE_OFF)), Pacer(Pace(), time.monotonic_ns()))
        self.picture = Picture(loop, "a VM")
        self.window = MainWindow(self.picture, "a VM", ViewOptions(), lambda: None, geometry)
        self.window._size._timer.setInterval(30)
        if mode:
            self.picture.set_mode(*mode)
        self.window.show()
        settle()

    @property
    def size(self) -> tuple[int, int]:
        view = self.window._view
        return view.width(), view.height()

    def has_size_of_user(self) -> bool:
        return self.window._size.fixed

    def user_resizes(self, width: int, height: int) -> None:
        """As the window system tells it."""
        handle = self.window.windowHandle()
        assert handle is not None
        handle.resize(width, height)
        settle()

    def trigger(self, action: str) -> None:
        self.window._actions[action].trigger()
        settle()

    def close(self) -> None:
        self.window.close()


def settle() -> None:
    # The handlers of one event post others.
    # PyQt6's stubs know this static method as one of an object.
    cast("Any", QTest).qWait(100)


application = QApplication([])
screen = application.primaryScreen()
assert screen is not None
room = screen.availableGeometry()
assert (room.width(), room.height()) == (800, 800), room

window = Window(640, 480)
assert window.size == (640, 480), window.size
window.picture.set_mode(720, 400)
assert window.size == (720, 400), window.size
window.trigger("rotate-90")
assert window.size[0] < 400 and window.size[1] < 720, window.size
assert abs(window.size[0] / window.size[1] - 400 / 720) < 0.01, window.size
window.trigger("rotate-0")
# The picture keeps its size when a bar goes.
window.trigger("status-line")
assert window.size == (720, 400), window.size
# Larger than the screen: all of the window is on it, in the guest's shape.
window.picture.set_mode(1920, 1080)
whole = window.window.frameGeometry()
assert whole.width() <= 800 and abs(window.size[0] / window.size[1] - 16 / 9) < 0.01, (whole, window.size)
window.trigger("actual")
window.picture.set_mode(1920, 1200)
assert window.window.width() <= 800 and window.window.height() <= 800, window.window.size()
window.trigger("fit")
# Neither fullscreen nor maximised is the user's size.
window.picture.set_mode(640, 480)
for there, back in (("showFullScreen", "showNormal"), ("showMaximized", "showNormal")):
    getattr(window.window, there)()
    settle()
    window.picture.set_mode(720, 400)
    getattr(window.window, back)()
    settle()
    assert window.size == (720, 400), (there, window.size)
    window.picture.set_mode(640, 480)
    assert window.size == (640, 480), (there, window.size)
assert not window.has_size_of_user()
window.user_resizes(700, 500)
window.picture.set_mode(720, 400)
assert (window.window.width(), window.window.height()) == (700, 500), window.window.size()
assert window.has_size_of_user()
window.close()

# The guest comes later.
window = Window()
assert window.window.width() <= 800 and window.window.height() <= 800, window.window.size()
window.picture.set_mode(640, 480)
assert window.size == (640, 480), window.size
# A guest that follows the window is not followed: no loop.
window.window.resolution.follow(True)
window.picture.set_mode(720, 400)
assert window.size == (640, 480), window.size
window.window.resolution.follow(False)
window.picture.mode_frame = OFF
window.picture.state_changed.emit()
window.picture.set_mode(720, 400)
assert window.size == (640, 480), window.size
window.picture.set_mode(640, 400)
assert window.size == (640, 400), window.size
window.close()

# A size from the settings wins, no smaller than can be used.
window = Window(640, 480, geometry=Geometry(500, 450))
assert (window.window.width(), window.window.height()) == (500, 450), window.window.size()
window.picture.set_mode(720, 400)
assert (window.window.width(), window.window.height()) == (500, 450), window.window.size()
window.close()
window = Window(640, 480, geometry=Geometry(160, 120))
assert window.window.width() >= 320 and window.window.height() >= 240, window.window.size()
window.close()
