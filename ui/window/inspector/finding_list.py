"""The findings about the picture, each with its evidence and its remedy."""

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import (
    QFrame,
    QGridLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QStackedLayout,
    QStyle,
    QVBoxLayout,
    QWidget,
)

from app.diagnosis.finding import Finding, Severity
from app.text.clean import clean_line
from ui.window.inspector.copying import copy_text
from ui.window.inspector.empty_text import EmptyText
from ui.window.inspector.wrapped_text import WrappedText
from ui.window.widgets.menu_words import menu_words

_LONGEST = 2000
_PATH_MARGINS = (8, 8, 8, 6)
_SEVERITIES = {
    Severity.ERROR: ("Error", QStyle.StandardPixmap.SP_MessageBoxCritical),
    Severity.WARNING: ("Warning", QStyle.StandardPixmap.SP_MessageBoxWarning),
    Severity.INFO: ("Note", QStyle.StandardPixmap.SP_MessageBoxInformation),
    Severity.OK: ("OK", QStyle.StandardPixmap.SP_DialogApplyButton),
}


class FindingCard(QFrame):
    """One finding. All its text can be selected; the remedy has a button that copies it."""

    def __init__(self, finding: Finding) -> None:
        super().__init__()
        self.setFrameShape(QFrame.Shape.StyledPanel)
        word, pixmap = _SEVERITIES[finding.severity]
        self.setAccessibleName(f"{word}: {finding.key}")
        grid = QGridLayout(self)
        grid.setColumnStretch(1, 1)
        icon = QLabel()
        style = self.style()
        if style is not None:
            size = style.pixelMetric(QStyle.PixelMetric.PM_SmallIconSize)
            icon.setPixmap(style.standardIcon(pixmap).pixmap(size, size))
        grid.addWidget(icon, 0, 0, Qt.AlignmentFlag.AlignTop)
        grid.addWidget(_text(f"{word}: {menu_words(finding.message)}", bold=True), 0, 1)
        if finding.evidence:
            grid.addWidget(_text(f"Seen: {finding.evidence}"), 1, 1)
        remedy = menu_words(finding.remedy)
        if remedy:
            grid.addWidget(_text(f"Remedy: {remedy}"), 2, 1)
            button = QPushButton("Copy remedy")
            button.setAccessibleName(f"Copy the remedy of {finding.key}")
            button.clicked.connect(lambda: copy_text(remedy))
            grid.addWidget(button, 3, 1, Qt.AlignmentFlag.AlignLeft)


def _text(text: str, *, bold: bool = False) -> WrappedText:
    return WrappedText(clean_line(text, _LONGEST), bold=bold)


class FindingList(QWidget):
    """The findings in their order, or the sentence ``empty`` where there are none."""

    def __init__(self, empty: str = "Nothing is wrong with this picture.") -> None:
        super().__init__()
        self._cards: dict[Finding, FindingCard] = {}
        self._shown: tuple[Finding, ...] = ()
        inner = QWidget()
        self._column = QVBoxLayout(inner)
        self._column.addStretch()
        area = QScrollArea()
        area.setAccessibleName("Findings")
        area.setWidget(inner)
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._path = WrappedText("")
        self._path.hide()
        self._layout = QStackedLayout()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        # Without a path it takes no room.
        above = QVBoxLayout()
        above.setContentsMargins(*_PATH_MARGINS)
        above.addWidget(self._path)
        column.addLayout(above)
        column.addLayout(self._layout, 1)
        self._layout.addWidget(EmptyText(empty))
        self._layout.addWidget(area)

    @property
    def shown(self) -> tuple[Finding, ...]:
        return self._shown

    def show_path(self, text: str) -> None:
        """Say above the findings how the picture reaches the GPU; an empty text says nothing."""
        if text != self._path.toPlainText():
            self._path.set_text(text)
            self._path.setVisible(bool(text))

    def show_findings(self, findings: tuple[Finding, ...]) -> None:
        """Show these. A finding that was shown before keeps its card, and what is selected in it."""
        findings = tuple(dict.fromkeys(findings))
        if findings == self._shown:
            return
        self._shown = findings
        for gone in self._cards.keys() - set(findings):
            card = self._cards.pop(gone)
            self._column.removeWidget(card)
            card.hide()
            card.deleteLater()
        for index, finding in enumerate(findings):
            card = self._cards.get(finding) or FindingCard(finding)
            self._cards[finding] = card
            if self._column.indexOf(card) != index:
                self._column.removeWidget(card)
                self._column.insertWidget(index, card)
        self._layout.setCurrentIndex(1 if findings else 0)
