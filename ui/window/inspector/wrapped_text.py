"""Plain text that can be selected and is wrapped anywhere if need be, which QLabel cannot."""

from PyQt6.QtCore import QSize, Qt
from PyQt6.QtGui import QResizeEvent, QTextOption
from PyQt6.QtWidgets import QFrame, QSizePolicy, QTextEdit

_SELECTABLE = Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard


class WrappedText(QTextEdit):
    """As high as its text is in the width that it gets."""

    def __init__(self, text: str, *, bold: bool = False) -> None:
        super().__init__()
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setTextInteractionFlags(_SELECTABLE)
        self.setTabChangesFocus(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        viewport, document = self.viewport(), self.document()
        assert viewport is not None and document is not None
        viewport.setAutoFillBackground(False)
        document.setDocumentMargin(0)
        if bold:
            font = self.font()
            font.setBold(True)
            self.setFont(font)
        self.set_text(text)

    def set_text(self, text: str) -> None:
        """Show another text."""
        # It may contain the name of a VM or a message of a driver, in which Qt would interpret markup.
        self.setPlainText(text)
        self.setAccessibleName(text)
        self._fit()

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802  (Qt's name)
        super().resizeEvent(event)
        self._fit()

    def sizeHint(self) -> QSize:  # noqa: N802  (Qt's name)
        return QSize(200, self.height())

    def _fit(self) -> None:
        document = self.document()
        if document is not None:
            self.setFixedHeight(max(1, round(document.size().height())))
