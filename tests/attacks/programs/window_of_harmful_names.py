"""A window whose VM, monitor and errors have harmful text: every text of it is plain, short and visible."""

import time
from collections.abc import Iterator

from PyQt6.QtCore import QObject, Qt, QTimer
from PyQt6.QtWidgets import QLabel, QMessageBox

from app.errors import OpenFailed
from app.measure.loop.pacing import Pace, Pacer
from app.open.target import VmName
from app.open.target_label import label_of
from app.planes.status import Reason, Status
from app.planes.status_source import StatusSource
from ui.window.main_window import MainWindow
from ui.window.picture.picture_window import PictureWindow
from ui.window.picture.qt_frame_loop import QtFrameLoop
from ui.window.picture.view_options import ViewOptions
from ui.window.qt_application import new_application
from ui.window.viewer import Viewer
from ui.window.window_options import WindowOptions

HARMFUL = "<b>win\u202e10\x1b[2J\n</b>" + "a" * 200_000

application = new_application()
loop = QtFrameLoop(StatusSource(Status(Reason.PLANE_OFF)), Pacer(Pace(), time.monotonic_ns()))
label = label_of(VmName(HARMFUL))
picture = PictureWindow(loop, label)
window = MainWindow(picture, label, ViewOptions(), lambda: None)


def labels(of: QObject) -> Iterator[QLabel]:
    for each in of.findChildren(QLabel):
        yield each
        if each.textFormat() is not Qt.TextFormat.PlainText:
            assert "<" not in each.text() and "&" not in each.text(), each.text()


assert all(len(each.text()) < 400 and each.text().isprintable() for each in labels(window))
assert window.windowTitle().startswith("VM <b>win?10?[2J?</b>aaa") and len(window.windowTitle()) < 400
assert window.windowTitle().isprintable()
window.close()

viewer = Viewer(VmName(HARMFUL), None, WindowOptions(ViewOptions(), wait=True), 16_000_000)
seen: list[str] = []


def look() -> None:
    box = application.activeModalWidget()
    assert isinstance(box, QMessageBox)
    seen.append(box.text())
    assert box.textFormat() is Qt.TextFormat.PlainText
    box.close()


QTimer.singleShot(0, look)
viewer._warn(OpenFailed(HARMFUL, "try again"))
assert seen and len(seen[0]) < 1100 and "\u202e" not in seen[0] and "\x1b" not in seen[0], seen[0][:200]
viewer.window.close()
viewer.shut_down()
