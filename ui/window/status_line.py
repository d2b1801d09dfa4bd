"""The status line under the picture: what is shown, by which path, at which rate."""

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QPainter, QPaintEvent
from PyQt6.QtWidgets import QLabel, QSizePolicy, QStatusBar

from app.diagnosis.finding import Finding
from ui.window.picture.picture_text import finding_text
from ui.window.tool_tip import plain_tool_tip


class _Elided(QLabel):
    """A line that is elided where it does not fit. Its tool tip has all of it."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def paintEvent(self, _event: QPaintEvent | None) -> None:  # noqa: N802  (Qt's name)
        painter = QPainter(self)
        text = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, self.width())
        painter.drawText(self.rect(), int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), text)
        painter.end()


class StatusLine(QStatusBar):
    """Label, state and input on the left; plane, path and whether the picture changes on the right."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizeGripEnabled(False)
        self._left = _Elided()
        self._tip = ""
        self.addWidget(self._left, 1)
        # Its text is long at times, and must not make a small window wider.
        activity = _Elided()
        activity.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        activity.setMinimumWidth(activity.fontMetrics().horizontalAdvance("144 fps"))
        self._right = [QLabel(), QLabel(), activity]
        for label in (self._left, *self._right):
            # Qt would interpret markup in a name, and read the files that it names.
            label.setTextFormat(Qt.TextFormat.PlainText)
        for label in self._right:
            self.addPermanentWidget(label)

    def show_state(self, label: str, state: str, input_text: str, finding: Finding | None = None) -> None:
        """``finding`` is the one that the user should read first; None for none. The tool tip has all of it."""
        found = f"{finding_text(finding)} — " if finding is not None else ""
        text = f"{label} — {state} — {found}{input_text}"
        tip = f"{text}\n{finding.key}: {finding.evidence}" if finding is not None and finding.evidence else text
        if text != self._left.text() or tip != self._tip:
            self._tip = tip
            self._left.setText(text)
            self._left.setToolTip(plain_tool_tip(tip))

    def show_picture(self, plane: str, path: str, activity: str) -> None:
        """Each may be empty: then its label is hidden."""
        for label, text in zip(self._right, (plane, path, activity), strict=True):
            label.setText(text)
            label.setVisible(bool(text))
