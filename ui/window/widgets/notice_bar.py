"""A notice above the picture that stays until the user dismisses it."""

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import QLabel, QMainWindow, QPushButton, QSizePolicy

from ui.window.widgets.information_bar import InformationBar

SUBSTITUTE = "No screen to show on this host: this is a simulated one."
_SELECTABLE = Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard


class NoticeBar(InformationBar):
    """``why_wanted``: the user asks why."""

    why_wanted = pyqtSignal()

    def __init__(self, window: QMainWindow, text: str) -> None:
        super().__init__("Notice", window)
        label = QLabel(text)
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setTextInteractionFlags(_SELECTABLE)
        label.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.addWidget(label)
        why = QPushButton("&Why?")
        why.setAccessibleDescription("Check this host, and show what was found")
        why.clicked.connect(self.why_wanted)
        self.addWidget(why)
        self.add_close_button("Dismiss this notice").triggered.connect(self.hide)
