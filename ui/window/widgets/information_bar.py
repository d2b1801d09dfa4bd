"""A bar above the picture that begins with the icon of an information."""

from PyQt6.QtCore import QSize
from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import QLabel, QMainWindow, QStyle, QToolBar

_ICON = 16


class InformationBar(QToolBar):
    """Hidden until :meth:`setVisible`. ``name`` is for the screen reader."""

    def __init__(self, name: str, window: QMainWindow) -> None:
        super().__init__(name, window)
        self.setMovable(False)
        self.setIconSize(QSize(_ICON, _ICON))
        icon = QLabel()
        icon.setPixmap(self._style().standardIcon(QStyle.StandardPixmap.SP_MessageBoxInformation).pixmap(_ICON, _ICON))
        icon.setContentsMargins(6, 4, 6, 4)
        self.addWidget(icon)
        self.hide()

    def add_close_button(self, text: str) -> QAction:
        """Add a button that looks as if it closes the bar, which the caller has it do. ``text`` says what it does."""
        action = QAction(self._style().standardIcon(QStyle.StandardPixmap.SP_TitleBarCloseButton), text, self)
        self.addAction(action)
        return action

    def _style(self) -> QStyle:
        style = self.style()
        assert style is not None
        return style
