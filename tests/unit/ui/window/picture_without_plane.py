"""A picture for windows that no display shows: there is no plane, so that nothing is drawn."""

import time

from app.measure.loop.pacing import Pace, Pacer
from app.planes.status import Reason, Status
from app.planes.status_source import StatusSource
from ui.window.picture.picture_window import PictureWindow
from ui.window.picture.qt_frame_loop import QtFrameLoop


def picture_without_plane(label: str) -> PictureWindow:
    """Qt's application must be there."""
    loop = QtFrameLoop(StatusSource(Status(Reason.PLANE_OFF)), Pacer(Pace(), time.monotonic_ns()))
    return PictureWindow(loop, label)
