"""The display is asked for a picture when one is due, with two exceptions."""

from typing import Any, cast

from PyQt6.QtCore import QCoreApplication, QObject, pyqtSignal

from app.planes.frame import Frame, Surface
from app.planes.status import Reason, Status
from ui.window.picture.draw_requests import GRACE_MS, DrawRequests

application = QCoreApplication([])
SECOND = 1_000_000_000


class Loop(QObject):
    due = pyqtSignal()
    visible: bool | None = None

    def set_visible(self, visible: bool) -> None:
        self.visible = visible


class Window(QObject):
    exposed = True
    asked = 0

    def isExposed(self) -> bool:  # noqa: N802  (Qt's name)
        return self.exposed

    def requestUpdate(self) -> None:  # noqa: N802  (Qt's name)
        self.asked += 1

    def update(self) -> None:
        self.asked += 1


now = 0
window, loop = Window(), Loop()
requests = DrawRequests(cast("Any", window), cast("Any", loop), lambda: now)


def seen() -> bool:
    return loop.visible is True


def asks() -> bool:
    before = window.asked
    loop.due.emit()
    return window.asked > before


# A display that answers shows the window; one that is asked in vain for long does not.
assert seen() and asks()
requests.drawing()
now += SECOND
assert asks() and seen()
now += SECOND
assert asks() and not seen(), "the window is covered"
requests.drawing()
assert seen(), "it is seen again"

# A window that is hidden is not drawn.
window.exposed = False
requests.exposed()
assert not seen() and not asks()
window.exposed = True
requests.exposed()
assert seen() and asks()

# In a mode switch the last picture stays for a moment.
off = Frame(Status(Reason.PLANE_OFF))
requests.saw(off)
assert not asks()
now += GRACE_MS * 1_000_000 - 1
requests.saw(off)
assert not asks(), "it began with the first frame without a plane"
now += 1
assert asks()
requests.saw(off)
assert asks()
requests.saw(Frame(Status(Reason.OK), primary=cast("Surface", object())))
requests.saw(off)
assert not asks(), "the next mode switch has a moment of its own"

# Another loop begins without the past of the one before.
other = Loop()
requests.set_loop(cast("Any", other))
before = window.asked
other.due.emit()
assert other.visible and window.asked > before
