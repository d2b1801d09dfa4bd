"""The bar at the top edge in fullscreen: the name of the VM, and what a user needs without a menu bar."""

from PyQt6.QtCore import QEvent, QPoint, Qt, pyqtSignal
from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import QApplication, QFrame, QHBoxLayout, QLabel, QMainWindow, QMenu, QToolButton, QWidget

from ui.window.widgets.tool_tip import plain_tool_tip

_NAME_CHARACTERS = 32


class FullscreenBar(QFrame):
    """A widget with a native window of its own, because the picture below it has one too.

    It never takes the keyboard from the guest. ``hovered`` tells whether the pointer is over the bar, and
    ``menu_closed`` that one of its menus was closed. ``send`` and ``grab`` are the menu and the action that the bar's
    buttons stand for.
    """

    leave_wanted = pyqtSignal()
    hovered = pyqtSignal(bool)
    menu_closed = pyqtSignal()

    def __init__(self, window: QMainWindow, send: QMenu, grab: QAction) -> None:
        super().__init__(window)
        # Qt would make native windows of all widgets beside this one, and the picture's container then shows nothing.
        QApplication.setAttribute(Qt.ApplicationAttribute.AA_DontCreateNativeWidgetSiblings)
        self.setAttribute(Qt.WidgetAttribute.WA_NativeWindow)
        self.setAutoFillBackground(True)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.setAccessibleName("Fullscreen bar")
        self._main = window
        self._send_menu, self._grab_action = send, grab
        self._name = QLabel()
        # Qt would interpret markup in the name of a VM.
        self._name.setTextFormat(Qt.TextFormat.PlainText)
        self._send = _button("Send keys ▾", "Send keys", "Send a combination of keys to the guest")
        self._send.clicked.connect(lambda: self._open(self._send_menu, self._send))
        self._grab = _button("Grab", "Grab", "Grab keyboard and pointer for the guest")
        self._grab.setCheckable(True)
        self._grab.clicked.connect(grab.setChecked)
        leave = _button("Leave fullscreen", "Leave fullscreen", "Show the window with its bars again")
        leave.clicked.connect(self.leave_wanted)
        # What the keyboard opens: a menu gets the keys on each platform, which the bar does not.
        self._menu = QMenu("Fullscreen", self._main)
        self._menu.setToolTipsVisible(True)
        self._leave_action = QAction("&Leave fullscreen", self._menu)
        self._leave_action.triggered.connect(self.leave_wanted)
        self._menu.addActions([self._leave_action, grab])
        self._menu.addMenu(send)
        for menu in (self._menu, send):
            menu.aboutToHide.connect(self.menu_closed)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 4, 6, 4)
        row.setSpacing(4)
        row.addWidget(self._name)
        row.addSpacing(8)
        for button in (self._send, self._grab, leave):
            row.addWidget(button)
        grab.changed.connect(self._follow_action)
        self._follow_action()

    @property
    def menu_is_open(self) -> bool:
        """Whether a menu of the bar is open."""
        return self._menu.isVisible() or self._send_menu.isVisible()

    def show_name(self, name: str) -> None:
        """Set the name of what the window shows."""
        width = self._name.fontMetrics().averageCharWidth() * _NAME_CHARACTERS
        self._name.setText(self._name.fontMetrics().elidedText(name, Qt.TextElideMode.ElideMiddle, width))
        self._name.setToolTip(plain_tool_tip(name))
        self._name.setAccessibleName(name)

    def place(self) -> None:
        """Put the bar at the middle of the window's top edge."""
        size = self.sizeHint()
        width = min(size.width(), self._main.width())
        self.setGeometry((self._main.width() - width) // 2, 0, width, size.height())

    def appear(self) -> None:
        """Show the bar above everything else in the window."""
        self.winId()
        handle = self.windowHandle()
        if handle is not None:
            # On X11 a click would take the keys from the picture, which ends the grab.
            handle.setFlag(Qt.WindowType.WindowDoesNotAcceptFocus)
        self.place()
        self.show()
        self.raise_()

    def open_menu(self) -> None:
        """Show the bar and open its menu, for a user of the keyboard."""
        self.appear()
        self._open(self._menu, self)
        self._menu.setActiveAction(self._leave_action)

    def _open(self, menu: QMenu, below: QWidget) -> None:
        left = 0 if below is self else below.x()
        # The main window is asked, because Qt's Wayland platform does not know where such a window is.
        menu.popup(self._main.mapToGlobal(self.geometry().topLeft() + QPoint(left, self.height())))

    def _follow_action(self) -> None:
        """The buttons are on as the actions are, and say why they are off."""
        action = self._grab_action
        self._grab.setChecked(action.isChecked())
        for button in (self._grab, self._send):
            button.setEnabled(action.isEnabled())
            button.setToolTip(button.accessibleDescription() if action.isEnabled() else action.toolTip())

    def event(self, event: QEvent | None) -> bool:
        """Tell when the pointer comes and goes."""
        if event is not None and event.type() in (QEvent.Type.Enter, QEvent.Type.Leave):
            self.hovered.emit(event.type() == QEvent.Type.Enter)
        return super().event(event)


def _button(text: str, name: str, description: str) -> QToolButton:
    button = QToolButton()
    button.setText(text)
    button.setAutoRaise(True)
    button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    button.setAccessibleName(name)
    button.setAccessibleDescription(description)
    button.setToolTip(description)
    return button
