"""A window with a page alone, where Qt can show widgets but has no OpenGL for a picture."""

from PyQt6.QtCore import QSize
from PyQt6.QtGui import QCloseEvent
from PyQt6.QtWidgets import QMainWindow

from app.diagnosis.picture.picture_findings import error_finding
from app.errors import MdevviewError
from ui.window.host_check import Examine, HostCheck
from ui.window.page.details import DetailsCopier, WindowDetails, qt_versions
from ui.window.page.page_content import PageAction, fault_content
from ui.window.page.status_page import StatusPage
from ui.window.settings.first_size import resize_within_screen

_SIZE = QSize(640, 420)
_LEAST = (160, 120)


class ErrorWindow(QMainWindow):
    """Says why no picture can be shown. ``examine`` does what doctor does; None if the window cannot offer that."""

    def __init__(self, error: MdevviewError, examine: Examine | None) -> None:
        super().__init__()
        self._error = error
        self._details = DetailsCopier(self)
        self._host_check = HostCheck(self, examine) if examine is not None else None
        self._page = StatusPage()
        self._page.pressed.connect(self._do)
        self._details.copied.connect(lambda: self._page.show_notice("The details are in the clipboard"))
        content = fault_content(error)
        doctor = (PageAction.DOCTOR,) if examine is not None else ()
        self._page.show_content(content, (PageAction.COPY_DETAILS, *doctor))
        self.setCentralWidget(self._page)
        self.setWindowTitle(f"{content.heading} — mdevview")
        self.setMinimumSize(*_LEAST)
        resize_within_screen(self, _SIZE)
        self._page.focus_first()

    def shut_down(self) -> None:
        """Stop all that runs for it. More calls do nothing."""
        self._details.close()
        if self._host_check is not None:
            self._host_check.close()

    def closeEvent(self, event: QCloseEvent | None) -> None:  # noqa: N802  (Qt's name)
        """The dialog of the check is closed with the window."""
        self.shut_down()
        super().closeEvent(event)

    def _do(self, action: PageAction) -> None:
        if action is PageAction.COPY_DETAILS:
            lines, findings = ("no window could be opened",), (error_finding(self._error),)
            self._details.copy(WindowDetails(lines, findings, qt_versions()))
        elif action is PageAction.DOCTOR and self._host_check is not None:
            self._host_check.show()
