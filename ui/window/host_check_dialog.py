"""The dialog with what ``mdevview doctor`` finds on this host."""

from collections.abc import Callable

from PyQt6.QtCore import QSize
from PyQt6.QtWidgets import QDialog, QDialogButtonBox, QPushButton, QVBoxLayout, QWidget

from app.diagnosis.report.host_report import HostReport
from app.text.clean import clean_line
from ui.window.inspector.copying import copy_text
from ui.window.inspector.finding_list import FindingList
from ui.window.inspector.wrapped_text import WrappedText
from ui.window.settings.first_size import resize_within_screen

_SIZE = QSize(720, 520)
_LONGEST = 600
_CHECKING = "Checking this host…"


class HostCheckDialog(QDialog):
    """Shows that the check runs, and then its findings. ``again`` starts another one."""

    def __init__(self, parent: QWidget | None, again: Callable[[], None]) -> None:
        super().__init__(parent)
        self.setWindowTitle("This host — mdevview")
        self._report: HostReport | None = None
        self._verdict = WrappedText("", bold=True)
        self._findings = FindingList("The findings follow in a moment.")
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.close)
        self._copy, self._again = QPushButton("Copy &report"), QPushButton("Check &again")
        for button, slot in ((self._copy, self._copy_report), (self._again, again)):
            buttons.addButton(button, QDialogButtonBox.ButtonRole.ActionRole)
            button.setAutoDefault(False)
            button.clicked.connect(slot)
        column = QVBoxLayout(self)
        column.addWidget(self._verdict)
        column.addWidget(self._findings, 1)
        column.addWidget(buttons)
        resize_within_screen(self, _SIZE)
        self.show_checking()

    def show_checking(self) -> None:
        self._show(_CHECKING, None)

    def show_report(self, report: HostReport) -> None:
        self._findings.show_findings(report.findings)
        self._show(report.verdict, report)

    def show_failure(self, why: str) -> None:
        self._show(f"The check failed: {why}.", None)

    def _show(self, verdict: str, report: HostReport | None) -> None:
        self._report = report
        self._verdict.set_text(clean_line(verdict, _LONGEST))
        self._copy.setEnabled(report is not None)
        self._again.setEnabled(verdict != _CHECKING)

    def _copy_report(self) -> None:
        if self._report is not None:
            copy_text(self._report.text)
