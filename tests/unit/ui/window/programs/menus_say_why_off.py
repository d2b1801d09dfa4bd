"""The menus Input and Send say in their first row why they are off, and have no such row while they are on."""

import time

from PyQt6.QtWidgets import QMenu

from app.measure.loop.pacing import Pace, Pacer
from app.planes.status import Reason, Status
from app.planes.status_source import StatusSource
from app.vm.monitor import ConnectionState, MonitorStatus, PointingDevice
from ui.window.main_window import MainWindow
from ui.window.picture.picture_window import PictureWindow
from ui.window.picture.qt_frame_loop import QtFrameLoop
from ui.window.picture.view_options import ViewOptions
from ui.window.qt_application import new_application


class Monitor:
    """The monitor of a VM that takes input."""

    status = MonitorStatus(ConnectionState.READY, run_state="running", pointing=PointingDevice.ABSOLUTE)

    def send(self, _events: object) -> None:
        pass


class Clipboard:
    """Of a guest that can share it."""

    why_not = ""

    def share(self, _changed: object) -> None:
        pass


def first_rows(name: str) -> list[tuple[str, bool]]:
    """The rows of a menu that are seen, and whether each can be chosen."""
    bar = window.menuBar()
    assert bar is not None
    (menu,) = (each.menu() for each in bar.actions() if each.text() == name)
    assert isinstance(menu, QMenu)
    return [(each.text(), each.isEnabled()) for each in menu.actions() if each.isVisible() and not each.isSeparator()]


application = new_application()
loop = QtFrameLoop(StatusSource(Status(Reason.PLANE_OFF)), Pacer(Pace(), time.monotonic_ns()))
window = MainWindow(PictureWindow(loop, "a VM"), "a VM", ViewOptions(), lambda: None)
for reason, shown in (
    ("the VM has no monitor", "the VM has no monitor"),
    ("a & b\n<img>", "a && b <img>"),
):
    window.set_monitor(None, reason)
    for name in ("&Input", "&Send"):
        assert first_rows(name)[0] == (f"Off: {shown}", False), first_rows(name)[0]
assert not any(on for text, on in first_rows("&Send"))
window.set_monitor(Monitor())  # type: ignore[arg-type]
window.clipboard.set_clipboard(Clipboard())  # type: ignore[arg-type]
for name in ("&Input", "&Send"):
    assert not any(text.startswith("Off") for text, _ in first_rows(name)), first_rows(name)
    assert all(on for _, on in first_rows(name))
window.close()
