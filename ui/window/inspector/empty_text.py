"""A sentence in place of an empty view."""

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QLabel


class EmptyText(QLabel):
    """Says why there is nothing to show."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setWordWrap(True)
        self.setMargin(24)
