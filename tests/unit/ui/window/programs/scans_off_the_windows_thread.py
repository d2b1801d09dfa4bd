"""A device that was chosen is looked up on another thread: ``first``, ``another``, or ``waiting`` for one."""

import sys
import threading
from unittest.mock import patch

from PyQt6.QtCore import QTimer

from app.host import scan
from app.host.vgpu import Vgpu
from app.open.opening import open_target
from app.open.target import Named, Simulated
from ui.window.picture.view_options import ViewOptions
from ui.window.qt_application import new_application
from ui.window.viewer import Viewer
from ui.window.window_options import WindowOptions

scanned_by: list[str] = []
take = scan.HostScan.take


def noted(*arguments: object) -> scan.HostScan:
    scanned_by.append(threading.current_thread().name)
    return take(*arguments)  # type: ignore[arg-type]


def quit_after_scan() -> None:
    if scanned_by:
        application.quit()


application = new_application()
missing, options = Vgpu("no-such-vgpu"), WindowOptions(ViewOptions())
timer = QTimer()
timer.timeout.connect(quit_after_scan)
timer.start(10)
QTimer.singleShot(20_000, application.quit)
with (
    patch.object(scan.HostScan, "take", noted),
    patch("ui.window.viewer.choose_device", lambda _window: missing),
):
    match sys.argv[1]:
        case "first":
            viewer = Viewer(Named(missing.name), None, options, 16_000_000, missing)
        case "another":
            viewer = Viewer(Simulated("gvt"), open_target(Simulated("gvt")), options, 16_000_000)
            viewer._choose()
        case _:
            viewer = Viewer(Named(missing.name), None, options, 16_000_000)
    application.exec()
    viewer.window.close()
    viewer.shut_down()
assert scanned_by and set(scanned_by) == {"opener"}, scanned_by
