"""The bar above the picture while the VM is being shut down: how far it is, and the buttons that go on."""

from PyQt6.QtCore import QSize, Qt, pyqtSignal
from PyQt6.QtGui import QAction, QPainter, QPaintEvent
from PyQt6.QtWidgets import QLabel, QMainWindow, QPushButton, QSizePolicy, QStyle, QToolBar

from ui.window.machine.vm_shutdown import VmShutdown
from ui.window.widgets.tool_tip import plain_tool_tip

_ICON = 16


class _Elided(QLabel):
    """A line that is elided where it does not fit: a long reason must not push the buttons out of the window."""

    def __init__(self) -> None:
        super().__init__()
        # A VM's monitor says why it refuses.
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)

    def minimumSizeHint(self) -> QSize:  # noqa: N802  (Qt's name)
        return QSize(0, super().minimumSizeHint().height())

    def sizeHint(self) -> QSize:  # noqa: N802  (Qt's name)
        """No width of its own: it takes what the buttons leave."""
        return self.minimumSizeHint()

    def paintEvent(self, _event: QPaintEvent | None) -> None:  # noqa: N802  (Qt's name)
        painter = QPainter(self)
        text = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, self.width())
        painter.drawText(self.rect(), int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), text)
        painter.end()


class ShutdownBar(QToolBar):
    """Hidden unless the VM is being shut down. ``forced``, ``asked_again`` and ``dismissed`` are its buttons."""

    forced = pyqtSignal()
    asked_again = pyqtSignal()
    dismissed = pyqtSignal()

    def __init__(self, window: QMainWindow) -> None:
        super().__init__("Shutting down", window)
        self.setMovable(False)
        self.setIconSize(QSize(_ICON, _ICON))
        style = self.style()
        assert style is not None
        icon = QLabel()
        icon.setPixmap(style.standardIcon(QStyle.StandardPixmap.SP_MessageBoxInformation).pixmap(_ICON, _ICON))
        icon.setContentsMargins(6, 4, 6, 4)
        self.addWidget(icon)
        self._label = _Elided()
        self.addWidget(self._label)
        again = self._button("&Ask again", "Ask the guest once more to power off")
        again.clicked.connect(self.asked_again)
        force = self._button("&Force off", "End the VM now. What the guest has not saved is lost")
        force.clicked.connect(self.forced)
        # A toolbar hides the action of a widget, and not the widget.
        self._again, self._force = self.addWidget(again), self.addWidget(force)
        icon_of_close = style.standardIcon(QStyle.StandardPixmap.SP_TitleBarCloseButton)
        self._dismiss = QAction(icon_of_close, "Hide this bar; the VM goes on with what it does", self)
        self._dismiss.triggered.connect(self.dismissed)
        self.addAction(self._dismiss)
        self.hide()

    def show_state(self, shutdown: VmShutdown) -> None:
        if shutdown.text != self._label.text():
            self._label.setText(shutdown.text)
            self._label.setToolTip(plain_tool_tip(shutdown.text))
        for action, shown in (
            (self._again, shutdown.can_ask_again),
            (self._force, not shutdown.forcing),
            (self._dismiss, not shutdown.forcing),
        ):
            if action is not None:
                action.setVisible(shown)
        self.setVisible(shutdown.active)

    @staticmethod
    def _button(text: str, description: str) -> QPushButton:
        button = QPushButton(text)
        button.setToolTip(description)
        button.setAccessibleDescription(description)
        # A click leaves the keyboard with the guest, which may ask its user something now.
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        return button
