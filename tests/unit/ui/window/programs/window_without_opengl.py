"""Started where Qt has no OpenGL. From a menu ("page") a window says so, and ends as any other; from a terminal
("terminal") it is an error of the command. One of both for each process: Qt bears only one application in its life.
"""

import sys
from unittest.mock import patch

from PyQt6.QtCore import QTimer
from PyQt6.QtWidgets import QApplication, QPushButton

from app.diagnosis.report.host_report import HostReport
from app.errors import MdevviewError
from app.open.target import Default
from ui.window.application import view
from ui.window.error_window import ErrorWindow
from ui.window.page.page_content import PageAction
from ui.window.page.status_page import StatusPage
from ui.window.picture.view_options import ViewOptions
from ui.window.window_options import WindowOptions

seen: list[str] = []
pressed: list[PageAction] = []


def refuse() -> None:
    raise MdevviewError("cannot open a window: Qt has no OpenGL", "see 'mdevview doctor'")


def look() -> None:
    (window,) = (each for each in QApplication.topLevelWidgets() if isinstance(each, ErrorWindow))
    (page,) = window.findChildren(StatusPage)
    seen.extend((page.content.heading, page.content.sentence, page.content.remedy))
    seen.extend(each.text() for each in page.findChildren(QPushButton) if each.isVisible())
    for each in page.findChildren(QPushButton):
        if each.isVisible():
            each.click()
    window.close()


def show_page() -> None:
    options = WindowOptions(ViewOptions(), page=True, examine_host=lambda: HostReport("verdict", (), "text"))
    timer = QTimer.singleShot
    with (
        patch("ui.window.application.require_opengl", refuse),
        patch.object(ErrorWindow, "showEvent", lambda _window, _event: timer(0, look)),
    ):
        assert view(Default(), options) == 0
    assert seen == [
        "No picture is possible",
        "Cannot open a window: Qt has no OpenGL.",
        "'Run doctor' may tell more.",
        "Copy details",
        "Run doctor",
    ], seen


def fail() -> None:
    with patch("ui.window.application.require_opengl", refuse):
        try:
            view(Default(), WindowOptions(ViewOptions()))
        except MdevviewError:
            return
    sys.exit("no error")


{"page": show_page, "terminal": fail}[sys.argv[1]]()
