"""The inspector beside the picture: docked at the right or below it, or as a window of its own.

A dock that floats cannot be dragged back under Wayland, which tells no window where it is. So buttons move it.
"""

from PyQt6.QtCore import QEvent, QObject, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QGuiApplication, QKeySequence, QShortcut
from PyQt6.QtWidgets import QDockWidget, QMainWindow

from ui.window.inspector.inspected import Inspected
from ui.window.inspector.inspector_view import InspectorView
from ui.window.settings.first_size import resize_within_screen

_RIGHT, _BELOW = Qt.DockWidgetArea.RightDockWidgetArea, Qt.DockWidgetArea.BottomDockWidgetArea
# Of the docked inspector: its width at the right, its height below.
_WIDTH, _HEIGHT = 500, 300
_OWN_SIZE = QSize(720, 560)


class Inspector(QObject):
    """Owns the inspector of one main window. ``closed`` is emitted when the user closed it."""

    closed = pyqtSignal()

    def __init__(self, window: QMainWindow, inspected: Inspected) -> None:
        super().__init__(window)
        self._window = window
        self._inspected: Inspected | None = inspected
        self.view = InspectorView(inspected)
        self.view.move_wanted.connect(self._move)
        self.view.side_wanted.connect(self._change_side)
        self.view.installEventFilter(self)
        self._dock: QDockWidget | None = None
        self._area = _RIGHT
        # By how much the main window grew for the dock.
        self._grown = QSize(0, 0)
        self._close = QShortcut(QKeySequence(QKeySequence.StandardKey.Close), self.view, self.closed.emit)
        # The keys of the main window work where it is a window of its own, too.
        self.view.addActions(window.actions())
        self._to_dock()

    @property
    def docked(self) -> bool:
        return self._dock is not None

    def show_findings(self) -> None:
        """Show the findings, and bring the inspector to the front where it is a window of its own."""
        self.view.show_findings()
        self.view.raise_()
        self.view.activateWindow()

    def close(self) -> None:
        """Close it for good; more calls do nothing."""
        inspected, self._inspected = self._inspected, None
        if inspected is None:
            return
        self.view.removeEventFilter(self)
        self.view.stop()
        self._leave_dock()
        self.view.close()
        self.view.deleteLater()
        inspected.release()
        self.deleteLater()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802  (Qt's name)
        if event is not None and event.type() == QEvent.Type.Close:
            self.closed.emit()
        return super().eventFilter(watched, event)

    def _move(self) -> None:
        if self.docked:
            self._to_own_window()
        else:
            self._to_dock()

    def _change_side(self) -> None:
        self._area = _BELOW if self._area is _RIGHT else _RIGHT
        self._leave_dock()
        self._to_dock()

    def _to_own_window(self) -> None:
        self._leave_dock()
        self.view.setParent(self._window, Qt.WindowType.Window)
        resize_within_screen(self.view, _OWN_SIZE)
        self._place(docked=False)

    def _to_dock(self) -> None:
        below = self._area is _BELOW
        dock = self._dock = QDockWidget("Inspector", self._window)
        dock.setFeatures(QDockWidget.DockWidgetFeature.DockWidgetClosable)
        dock.setAllowedAreas(self._area)
        dock.setWidget(self.view)
        dock.installEventFilter(self)
        self._grow(QSize(0, _HEIGHT) if below else QSize(_WIDTH, 0))
        self._window.addDockWidget(self._area, dock)
        if below:
            length, direction = min(_HEIGHT, self._window.height() // 2), Qt.Orientation.Vertical
        else:
            length, direction = min(_WIDTH, self._window.width() // 2), Qt.Orientation.Horizontal
        self._window.resizeDocks([dock], [length], direction)
        self._place(docked=True)

    def _place(self, *, docked: bool) -> None:
        # In the main window this key is not the inspector's.
        self._close.setEnabled(not docked)
        self.view.set_place(docked=docked, below=self._area is _BELOW)
        self.view.show()
        self.view.tabs.setFocus()

    def _leave_dock(self) -> None:
        dock, self._dock = self._dock, None
        if dock is None:
            return
        dock.removeEventFilter(self)
        self._window.removeDockWidget(dock)
        dock.deleteLater()
        grown, self._grown = self._grown, QSize(0, 0)
        if not grown.isNull() and self._resizable():
            self._window.resize(self._window.size() - grown)

    def _grow(self, by: QSize) -> None:
        """Make room for the dock where the desktop has it at that side, so that the picture keeps its size.

        Under Wayland a window does not know where it is: it could grow out of the screen.
        """
        screen, window = self._window.screen(), self._window
        if screen is None or QGuiApplication.platformName().startswith("wayland") or not self._resizable():
            return
        free = screen.availableGeometry().bottomRight() - window.frameGeometry().bottomRight()
        self._grown = by.boundedTo(QSize(max(0, free.x()), max(0, free.y())))
        window.resize(window.size() + self._grown)

    def _resizable(self) -> bool:
        return not (self._window.isMaximized() or self._window.isFullScreen())
