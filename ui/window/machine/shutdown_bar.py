"""The bar above the picture while the VM is being shut down: how far it is, and the buttons that go on."""

from PyQt6.QtCore import QSize, Qt, pyqtSignal
from PyQt6.QtWidgets import QMainWindow, QPushButton, QSizePolicy

from ui.window.machine.vm_shutdown import VmShutdown
from ui.window.widgets.elided_label import ElidedLabel
from ui.window.widgets.information_bar import InformationBar
from ui.window.widgets.tool_tip import plain_tool_tip


class _Reason(ElidedLabel):
    """A VM's monitor says why it refuses. A long reason must not push the buttons out of the window."""

    def __init__(self) -> None:
        super().__init__()
        # A toolbar gives room to what expands, and hides what is hinted to be too wide.
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)

    def sizeHint(self) -> QSize:  # noqa: N802  (Qt's name)
        return self.minimumSizeHint()


class ShutdownBar(InformationBar):
    """Hidden unless the VM is being shut down. ``forced``, ``asked_again`` and ``dismissed`` are its buttons."""

    forced = pyqtSignal()
    asked_again = pyqtSignal()
    dismissed = pyqtSignal()

    def __init__(self, window: QMainWindow) -> None:
        super().__init__("Shutting down", window)
        self._label = _Reason()
        self.addWidget(self._label)
        again = self._button("&Ask again", "Ask the guest once more to power off")
        again.clicked.connect(self.asked_again)
        force = self._button("&Force off", "End the VM now. What the guest has not saved is lost")
        force.clicked.connect(self.forced)
        # A toolbar hides the action of a widget, and not the widget.
        self._again, self._force = self.addWidget(again), self.addWidget(force)
        self._dismiss = self.add_close_button("Hide this bar; the VM goes on with what it does")
        self._dismiss.triggered.connect(self.dismissed)

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
