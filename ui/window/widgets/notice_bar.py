"""A notice above the picture that stays until the user dismisses it."""

from PyQt6.QtCore import QSize, Qt, pyqtSignal
from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import QLabel, QMainWindow, QPushButton, QSizePolicy, QStyle, QToolBar

SUBSTITUTE = "No vGPU on this host: this is a simulated one."
_SELECTABLE = Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
_ICON = 16


class NoticeBar(QToolBar):
    """Hidden until :meth:`setVisible`. ``why_wanted``: the user asks why."""

    why_wanted = pyqtSignal()

    def __init__(self, window: QMainWindow, text: str) -> None:
        super().__init__("Notice", window)
        self.setMovable(False)
        self.setIconSize(QSize(_ICON, _ICON))
        style = self.style()
        assert style is not None
        icon = QLabel()
        icon.setPixmap(style.standardIcon(QStyle.StandardPixmap.SP_MessageBoxInformation).pixmap(_ICON, _ICON))
        icon.setContentsMargins(6, 4, 6, 4)
        self.addWidget(icon)
        label = QLabel(text)
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setTextInteractionFlags(_SELECTABLE)
        label.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.addWidget(label)
        why = QPushButton("&Why?")
        why.setAccessibleDescription("Check this host, and show what was found")
        why.clicked.connect(self.why_wanted)
        self.addWidget(why)
        dismiss = QAction(style.standardIcon(QStyle.StandardPixmap.SP_TitleBarCloseButton), "Dismiss this notice", self)
        dismiss.triggered.connect(self.hide)
        self.addAction(dismiss)
        self.hide()
