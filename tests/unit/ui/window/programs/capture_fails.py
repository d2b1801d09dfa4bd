"""Saving and copying the picture: the window says whether there is none, or OpenGL failed to make it."""

import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from app.measure.loop.pacing import Pace, Pacer
from app.planes.status import Reason, Status
from app.planes.status_source import StatusSource
from gl.errors import GL_OUT_OF_MEMORY, GlError
from ui.window.main_window import MainWindow
from ui.window.picture.picture_window import PictureWindow
from ui.window.picture.qt_frame_loop import QtFrameLoop
from ui.window.picture.view_options import ViewOptions
from ui.window.qt_application import new_application


class Picture(PictureWindow):
    """Captures nothing, or fails with ``error``; remembers its notices."""

    error: GlError | None = None

    def __init__(self, loop: QtFrameLoop) -> None:
        super().__init__(loop, "a VM")
        self.notices: list[str] = []

    def capture(self) -> NDArray[np.uint8] | None:
        if self.error is not None:
            raise self.error
        return None

    def notice(self, text: str, holds: Callable[[], bool] | None = None) -> None:
        self.notices.append(text)


application = new_application()
loop = QtFrameLoop(StatusSource(Status(Reason.PLANE_OFF)), Pacer(Pace(), time.monotonic_ns()))
picture = Picture(loop)
window = MainWindow(picture, "a VM", ViewOptions(), lambda: None)
for action in ("screenshot", "copy"):
    window._actions[action].trigger()
assert picture.notices == ["There is no picture to save", "There is no picture to copy"], picture.notices
picture.notices.clear()
picture.error = GlError("uploading", (GL_OUT_OF_MEMORY,))
for action in ("screenshot", "copy"):
    window._actions[action].trigger()
assert picture.notices == [
    f"OpenGL could not make a picture to {purpose}: uploading: GL_OUT_OF_MEMORY" for purpose in ("save", "copy")
], picture.notices
window.close()
