"""Runs ``mdevview`` in this process and operates its window, for displays without keyboard and pointer.

The arguments are mdevview's. Each line of standard input is a JSON list: the name of a method of WindowDriver, and its
arguments. What it returns is printed as a line of JSON on standard output.
"""

import mmap
import sys
from typing import Any, cast

from PyQt6.QtCore import QCoreApplication, QEvent, QModelIndex, QPoint, QPointF, Qt
from PyQt6.QtGui import QAction, QColor, QFocusEvent, QGuiApplication, QKeyEvent, QMouseEvent, QPalette, QWheelEvent
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QApplication,
    QLabel,
    QMenu,
    QPushButton,
    QWidget,
)

from app.edid.mode import Mode
from tests.window.listener import Listener
from tests.window.zoom_driver import ZoomDriver
from ui.cli.main import main
from ui.window import viewer
from ui.window.inspector.wrapped_text import WrappedText
from ui.window.main_window import MainWindow

_SELECTABLE = Qt.TextInteractionFlag.TextSelectableByKeyboard
_NONE = Qt.KeyboardModifier.NoModifier


class WindowDriver(ZoomDriver):
    """Operates the window. Coordinates are device pixels of the picture's window."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._swaps = 0
        self._picture.frameSwapped.connect(self._count_swap)

    def _count_swap(self) -> None:
        self._swaps += 1

    def swaps(self) -> int:
        """How many pictures were given to the display."""
        return self._swaps

    def hide(self) -> None:
        self._window.hide()

    def show(self) -> None:
        self._window.show()

    def draw_in_place(self, x: int, y: int, width: int, height: int) -> None:
        """Make a rectangle of the shown buffer white, as a guest that does not flip."""
        primary = self._picture.frame.primary
        assert primary is not None and primary.buffer.dmabuf_fd is not None
        plane, buffer = primary.plane, primary.buffer
        with mmap.mmap(primary.buffer.dmabuf_fd, buffer.size) as memory:
            for row in range(y, y + height):
                start = plane.offset + row * plane.stride + 4 * x
                memory[start : start + 4 * width] = b"\xff" * (4 * width)

    def key(self, name: str, scan_code: int = 0, *kinds: str) -> None:
        """Post key events, by Qt's name of the key: press and release, unless ``kinds`` names others."""
        key = int(getattr(Qt.Key, f"Key_{name}"))
        for kind in kinds or ("KeyPress", "KeyRelease"):
            event = QKeyEvent(getattr(QEvent.Type, kind), key, _NONE, scan_code, 0, 0)
            QCoreApplication.postEvent(self._picture, event)

    def key_of_widget(self, name: str) -> None:
        """The same for the widget around the picture, which has the focus on Wayland."""
        for kind in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
            event = QKeyEvent(kind, int(getattr(Qt.Key, f"Key_{name}")), _NONE)
            QCoreApplication.postEvent(self._window._container, event)

    def lose_focus(self) -> None:
        QCoreApplication.postEvent(self._picture, QFocusEvent(QEvent.Type.FocusOut))

    def move(self, x: float, y: float, *held: str) -> None:
        self._mouse(QEvent.Type.MouseMove, x, y, Qt.MouseButton.NoButton)

    def press(self, x: float, y: float, button: str) -> None:
        self._mouse(QEvent.Type.MouseButtonPress, x, y, getattr(Qt.MouseButton, f"{button}Button"))

    def release(self, x: float, y: float, button: str) -> None:
        self._mouse(QEvent.Type.MouseButtonRelease, x, y, getattr(Qt.MouseButton, f"{button}Button"))

    def wheel(self, x: int, y: int, alt: bool = False, ctrl: bool = False, at: tuple[float, float] = (10, 10)) -> None:
        """Turn the wheel by eighths of a degree, over a device pixel."""
        modifiers = Qt.KeyboardModifier.AltModifier if alt else _NONE
        modifiers |= Qt.KeyboardModifier.ControlModifier if ctrl else _NONE
        buttons, phase = Qt.MouseButton.NoButton, Qt.ScrollPhase.NoScrollPhase
        where = QPointF(*at) / self._picture.devicePixelRatio()
        event = QWheelEvent(where, where, QPoint(), QPoint(x, y), buttons, modifiers, phase, False)
        QCoreApplication.postEvent(self._picture, event)

    def clipboard(self, text: str) -> None:
        clipboard = QGuiApplication.clipboard()
        assert clipboard is not None
        clipboard.setText(text)

    def activate(self) -> None:
        """A display without a window manager gives the keyboard to nobody."""
        self._window.activateWindow()

    def trigger(self, action: str) -> None:
        self._window._actions[action].trigger()

    def menus(self) -> list[Any]:
        """The menus of the bar, each as its text and the entries that can be chosen: an entry is a text, or a menu."""
        bar = self._window.menuBar()
        assert bar is not None
        return [self._menu(each) for each in bar.actions()]

    def _menu(self, action: QAction) -> list[Any]:
        menu = action.menu()
        assert menu is not None
        # Some menus are filled when they open.
        menu.aboutToShow.emit()
        entries = [each for each in menu.actions() if each.isEnabled() and each.isVisible() and not each.isSeparator()]
        return [action.text(), [self._menu(each) if each.menu() is not None else each.text() for each in entries]]

    def choose_screen(self, index: int) -> None:
        """Choose a row of the menu of the VM's screens."""
        self._window.screens._menu.actions()[index].trigger()

    def chosen(self) -> str:
        """The entry that is chosen in the menu that is open; empty where none is."""
        popup = QApplication.activePopupWidget()
        action = popup.activeAction() if isinstance(popup, QMenu) else None
        return action.text() if action is not None else ""

    def focus(self) -> str:
        """The accessible name of what has the keyboard."""
        focus = QApplication.focusWidget()
        return focus.accessibleName() if focus is not None else ""

    def change_keys(self, action: str, *keys: str) -> None:
        self._window.shortcuts.change({action: tuple(keys)})

    def playback(self, action: str = "") -> list[Any]:
        """Trigger an action of the bar of a recording. Returns its text, the position and whether it waits."""
        bar = self._window.playback
        if action:
            getattr(bar, action).trigger()
        playback = bar._playback
        return [bar._position.text(), playback.position_ns, playback.paused] if playback is not None else []

    def panel(self, method: str, *arguments: object) -> Any:
        """Call a method of the latency panel, as its buttons do."""
        panel = self._window._panels.latency
        assert panel is not None
        return getattr(panel, method)(*arguments)

    def panel_pause(self, on: bool) -> None:
        panel = self._window._panels.latency
        assert panel is not None
        panel._pause.setChecked(on)

    def panel_mark(self, label: str) -> None:
        """Type a label into the panel and press its button."""
        panel = self._window._panels.latency
        assert panel is not None
        panel._label.setText(label)
        panel.add_marker()

    def panel_cells(self) -> list[list[str]] | None:
        """The texts of the panel's table; None where there is no panel."""
        panel = self._window._panels.latency
        if panel is None:
            return None
        table = panel._table
        cells = [[table.item(row, column) for column in range(table.columnCount())] for row in range(table.rowCount())]
        return [[item.text() if item is not None else "" for item in row] for row in cells]

    def is_imported(self, module: str) -> bool:
        return module in sys.modules

    def inspector_tab(self, title: str) -> None:
        """Choose a tab of the inspector."""
        tabs = self._window._panels.inspector.view.tabs  # type: ignore[union-attr]
        tabs.setCurrentIndex([tabs.tabText(at) for at in range(tabs.count())].index(title))

    def inspector_press(self, text: str) -> None:
        """Press a button of the inspector."""
        view = self._window._panels.inspector.view  # type: ignore[union-attr]
        (button,) = (each for each in view.findChildren(QPushButton) if each.text() == text)
        button.click()

    def inspector_labels(self) -> list[str]:
        """The texts in the chosen tab, from top to bottom, that are no table; empty without an inspector."""
        inspector = self._window._panels.inspector
        tab = inspector.view.tabs.currentWidget() if inspector is not None else None
        return _wrapped_texts(tab)

    def path_tip(self) -> str:
        """What a screen reader says of the path in the status line."""
        return self._window._state.line._path.accessibleDescription()

    def click_path(self) -> None:
        self._window._state.line._path.click()

    def notice_bar(self) -> list[str] | None:
        """The texts of the bar above the picture that can be selected; None while it is hidden."""
        bar = self._window.no_vgpu
        labels = [each for each in bar.findChildren(QLabel) if each.textInteractionFlags() & _SELECTABLE]
        return [each.text() for each in labels] if bar.isVisible() else None

    def notice_bar_press(self, text: str) -> None:
        bar = self._window.no_vgpu
        (button,) = (each for each in bar.findChildren(QAbstractButton) if each.text() == text and each.isVisible())
        button.click()

    def host_check(self) -> dict[str, Any]:
        """The texts of the dialog with doctor's findings."""
        check = self._window._panels.host_check
        return {"texts": _wrapped_texts(check._dialog if check is not None else None)}

    def host_check_press(self, text: str) -> None:
        dialog = self._window._panels.host_check._dialog  # type: ignore[union-attr]
        (button,) = (each for each in dialog.findChildren(QPushButton) if each.text() == text)  # type: ignore[union-attr]
        button.click()

    def let_pass(self, seconds: float) -> None:
        """The diagnosis sees another time from now on."""
        diagnosis = self._picture.diagnosis
        clock = diagnosis._clock
        diagnosis._clock = lambda: clock() + round(seconds * 1e9)

    def ask_for(self, width: int, height: int) -> None:
        """Choose a resolution."""
        self._window.resolution.ask(Mode(width, height))

    def inspector_close(self) -> None:
        """Close the inspector's window or dock, as its close button does."""
        inspector = self._window._panels.inspector
        assert inspector is not None
        (inspector._dock or inspector.view).close()

    def inspector_search(self, text: str) -> None:
        """Type into the search field of the formats."""
        self._window._panels.inspector.view.formats.search.setText(text)  # type: ignore[union-attr]

    def inspector_texts(self) -> list[list[str]] | None:
        """The rows of the view in the chosen tab, with those below them; None where there is no inspector."""
        inspector = self._window._panels.inspector
        if inspector is None:
            return None
        tab = inspector.view.tabs.currentWidget()
        assert tab is not None
        view = tab if isinstance(tab, QAbstractItemView) else tab.findChild(QAbstractItemView)
        assert view is not None
        model = view.model()
        return _texts(model, QModelIndex())

    def inspector_thumbnails(self) -> list[list[int]]:
        """The mean colour of each quarter of each thumbnail, as red, green and blue one after the other."""
        table = self._window._panels.inspector.view.buffers._table  # type: ignore[union-attr]
        model = table.model()
        assert model is not None
        found = []
        for row in range(model.rowCount()):
            pixmap = model.index(row, 0).data(Qt.ItemDataRole.DecorationRole)
            if pixmap is not None:
                small = pixmap.toImage().scaled(
                    2, 2, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation
                )
                colours = [small.pixelColor(x, y) for y in (0, 1) for x in (0, 1)]
                found.append([value for each in colours for value in (each.red(), each.green(), each.blue())])
        return found

    def inspector_place(self) -> dict[str, Any]:
        """Where the inspector is, and the sizes of the windows."""
        inspector = self._window._panels.inspector
        focus = inspector.view.window().focusWidget() if inspector is not None else None  # type: ignore[union-attr]
        return {
            "docked": inspector is not None and inspector.docked,
            "window": inspector is not None and inspector.view.isWindow(),
            "size": [self._window.width(), self._window.height()],
            "picture": [self._picture.width(), self._picture.height()],
            "focus": inspector is not None and inspector.view.isAncestorOf(focus),
        }

    def clipboard_text(self) -> str:
        clipboard = QGuiApplication.clipboard()
        assert clipboard is not None
        return clipboard.text()

    def is_measured(self) -> bool:
        """Whether anybody wants the records of pictures."""
        return self._picture.times.recorder is not None

    def is_checked(self, action: str) -> bool:
        return self._window._actions[action].isChecked()

    def end_notice(self) -> None:
        """Wait no longer until the notice goes."""
        self._picture.shown_notice.end()

    def dark(self) -> None:
        """A dark desktop."""
        palette = QPalette(QColor(45, 48, 54))
        for role, colour in (("Base", "#1e2024"), ("AlternateBase", "#26292e"), ("Text", "#e8eaee")):
            palette.setColor(getattr(QPalette.ColorRole, role), QColor(colour))
        QApplication.setPalette(palette)

    def type(self, text: str) -> None:
        """Type with Qt's test library, as if the window system sent the events."""
        for character in text:
            # PyQt6's stubs know this static method as one of an object.
            cast("Any", QTest).keyClick(self._picture, character)

    def state(self) -> dict[str, Any]:
        """What a user sees of the window."""
        actions = self._window._actions
        return {
            "title": self._window.windowTitle(),
            "status": self._window._state.line._left.text(),
            "hidden": self._picture.cursor().shape() is Qt.CursorShape.BlankCursor,
            "enabled": sorted(key for key in ("grab", "paste", "send-print", "quit") if actions[key].isEnabled()),
            "tip": actions["paste"].toolTip(),
            "menu_bar": self._window.menuBar().isVisible(),  # type: ignore[union-attr]
        }

    def right(self) -> list[str]:
        """The labels at the right end of the status line that are shown."""
        line = self._window._state.line
        return [each.text() for each in (line._plane, line._path, line._activity) if each.isVisible()]

    def lights(self) -> str:
        """The lights of the guest's keyboard that the status line names."""
        return self._window._state.line._lights.text()

    def cursor(self) -> list[int] | None:
        """Where the guest's cursor is drawn; None without one."""
        cursor = self._picture.frame.cursor
        return [cursor.plane.x, cursor.plane.y] if cursor is not None else None

    def findings(self) -> list[str]:
        """The keys of the findings about the picture."""
        return [each.key for each in self._picture.diagnosis.findings]

    def _mouse(self, kind: QEvent.Type, x: float, y: float, button: Qt.MouseButton) -> None:
        ratio = self._picture.devicePixelRatio()
        place = QPointF(x / ratio, y / ratio)
        event = QMouseEvent(kind, place, self._picture.mapToGlobal(place), button, button, _NONE)
        QCoreApplication.postEvent(self._picture, event)


def _wrapped_texts(widget: QWidget | None) -> list[str]:
    texts = widget.findChildren(WrappedText) if widget is not None else []
    shown = [each for each in texts if each.isVisible()]
    return [each.toPlainText() for each in sorted(shown, key=lambda each: each.mapToGlobal(QPoint()).y())]


def _texts(model: Any, parent: QModelIndex) -> list[list[str]]:
    rows = []
    for row in range(model.rowCount(parent)):
        rows.append([str(model.index(row, column, parent).data() or "") for column in range(model.columnCount(parent))])
        rows += _texts(model, model.index(row, 0, parent))
    return rows


class DrivenWindow(MainWindow):
    driver = WindowDriver

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._listener = Listener(self.driver(self))


def run(arguments: list[str], driver: type[WindowDriver] = WindowDriver) -> int:
    """Run the program with a window that ``driver`` operates."""
    DrivenWindow.driver = driver
    vars(viewer)["MainWindow"] = DrivenWindow
    return main(arguments)


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
