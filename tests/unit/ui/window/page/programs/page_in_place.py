"""The page comes and goes with the picture, and the focus with it."""

import time
from typing import Any

from PyQt6.QtCore import QObject, Qt, pyqtSignal
from PyQt6.QtWidgets import QMainWindow, QWidget

from app.errors import DeviceBusy
from app.planes.status import Reason, Status
from tests.unit.ui.window.events import until
from ui.window.page.page_content import Attempt, PageAction
from ui.window.page.picture_area import PictureArea
from ui.window.qt_application import new_application


class Diagnosis(QObject):
    page_changed = pyqtSignal()
    findings = ()


class Notice(QObject):
    changed = pyqtSignal()
    text = ""


class Picture(QObject):
    """A picture that a test takes away and brings back."""

    state_changed = pyqtSignal()
    menu_wanted = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self.diagnosis, self.shown_notice = Diagnosis(), Notice()
        self.told: list[str] = []
        self.notice = self.told.append
        self.status, self.shows_picture, self.session = Status(Reason.OK), True, None

    def become(self, reason: Reason) -> None:
        self.status, self.shows_picture = Status(reason), reason is Reason.OK
        self.state_changed.emit()


def wait(seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        application.processEvents()
        time.sleep(0.001)


application = new_application()
picture: Any = Picture()
content, window = QWidget(), QMainWindow()
content.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
area = PictureArea(picture, content, "desk")
window.setCentralWidget(area)
window.resize(640, 480)
content.setFocus()
window.show()
window.activateWindow()
until(lambda: content.height() == area.height() > 0)
shown: list[bool] = []
whole = content.size()

# A mode switch: the last picture stays.
for _ in range(20):
    start = time.monotonic()
    picture.become(Reason.PLANE_OFF)
    application.processEvents()
    # On a machine that was busy for longer, the page is right.
    shown.append(area.page.isVisible() and time.monotonic() - start < 0.1)
    picture.become(Reason.OK)
    application.processEvents()
assert not any(shown)

# The keys are for the page as no guest takes them. The room for the picture is the same.
picture.become(Reason.PLANE_OFF)
until(area.page.isVisible)
assert content.isVisible() and content.width() <= 2, "hidden, the picture's window would lose its surface"
assert area.page.size() == area.size() == whole
assert area.page.isAncestorOf(application.focusWidget())
assert area.page.content.heading == "No signal"

# A guest takes them: a key wakes it.
area.set_input(to_guest=True, grabbed=False)
assert application.focusWidget() is content
area.set_input(to_guest=False, grabbed=False)
assert area.page.isAncestorOf(application.focusWidget())

# The window is resized meanwhile.
window.resize(800, 600)
until(lambda: area.size() != whole)
assert area.page.size() == area.size() and content.width() <= 2

picture.become(Reason.OK)
until(lambda: not area.page.isVisible())
assert content.size() == area.size() and application.focusWidget() is content

# A grab stays, and a notice says what the page would. The page comes when the grab ends.
area.set_input(to_guest=True, grabbed=True)
picture.become(Reason.PLANE_OFF)
until(lambda: picture.told)
assert picture.told[0].startswith("No signal. ") and not area.page.isVisible() and content.size() == area.size()
area.set_input(to_guest=True, grabbed=False)
until(area.page.isVisible)
area.set_input(to_guest=True, grabbed=True)
until(lambda: not area.page.isVisible())
area.set_input(to_guest=False, grabbed=False)
picture.become(Reason.OK)
wait(0.3)
assert not area.page.isVisible() and len(picture.told) == 1, picture.told

# A button that goes leaves the focus to another one.
picture.become(Reason.NOT_OPENED)
area.set_attempt(Attempt(DeviceBusy("it is in use")))
until(area.page.isVisible)
assert area.page_actions[0] is PageAction.RETRY
area.set_attempt(Attempt(opening=True))
assert PageAction.RETRY not in area.page_actions
focus = application.focusWidget()
assert focus is not None and area.page.isAncestorOf(focus) and focus.isVisible(), focus

# A notice cannot be seen on the picture now.
picture.shown_notice.text = "Saved"
picture.shown_notice.changed.emit()
assert any(each.isVisible() and each.accessibleName() == "Saved" for each in area.page.findChildren(QWidget))
area.shut_down()
area.shut_down()
