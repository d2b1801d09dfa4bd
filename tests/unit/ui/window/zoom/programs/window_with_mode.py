"""A window without OpenGL whose guest has the mode that a test sets."""

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
from ui.window.window_memory import WindowMemory

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
        memory = WindowMemory()
        memory.settings = replace(memory.settings, geometry=geometry)
        self.window = MainWindow(self.picture, "a VM", ViewOptions(), lambda: None, memory=memory)
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
    # The handlers of one event post others. On a slow machine the window's own timer may take longer.
    wait(100)
    end = time.monotonic() + 20
    while any(isinstance(each, MainWindow) and each._size._timer.isActive() for each in QApplication.topLevelWidgets()):
        assert time.monotonic() < end
        wait(10)


def wait(milliseconds: int) -> None:
    # PyQt6's stubs know this static method as one of an object.
    cast("Any", QTest).qWait(milliseconds)
