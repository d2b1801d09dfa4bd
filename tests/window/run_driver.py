"""``mdevview ARGUMENTS`` with a simulated device in a window that a test operates, its Machine menu included.

See :mod:`tests.window.window_driver`.
"""

import sys
from typing import Any, cast
from unittest.mock import patch

from PyQt6.QtCore import Qt
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication, QMessageBox, QPushButton, QWidget

from tests.window.run_simulated import open_simulated
from tests.window.window_driver import WindowDriver, run


class MachineDriver(WindowDriver):
    """Closes the window, answers its questions, and reads the bar and the menu of the machine."""

    def close(self) -> None:
        self._window.close()

    def question(self) -> list[str] | None:
        """The sentence of the question that is shown, its explanation, and the button that Enter presses; or None."""
        box = self._box()
        if box is None:
            return None
        default = box.defaultButton()
        return [box.text(), box.informativeText(), default.text().replace("&", "") if default is not None else ""]

    def question_has_focus(self) -> bool:
        box = self._box()
        return box is not None and box.isActiveWindow()

    def answer_by_mouse(self, text: str) -> None:
        """Click a button of the question."""
        _click(self._box(), text)

    def answer_by_keys(self, *keys: str) -> None:
        """Press keys, by Qt's names, in what has the focus."""
        box = self._box()
        assert box is not None
        for key in keys:
            # PyQt6's stubs know this static method as one of an object.
            cast("Any", QTest).keyClick(box.focusWidget() or box, getattr(Qt.Key, f"Key_{key}"))

    def bar(self) -> dict[str, Any] | None:
        """The text of the bar and its buttons; None while it is hidden."""
        bar = self._window.machine._bar
        if not bar.isVisible():
            return None
        return {"text": bar._label.text(), "buttons": [each.text().replace("&", "") for each in _buttons(bar)]}

    def press_in_bar(self, text: str) -> None:
        _click(self._window.machine._bar, text)

    def machine_menu(self) -> list[list[Any]]:
        """The visible rows of the menu: text, whether it is on, and the tool tip."""
        menu = next(iter(self._window.menuBar().actions())).menu()  # type: ignore[union-attr]
        assert menu is not None
        rows = [each for each in menu.actions() if each.isVisible() and not each.isSeparator()]
        return [[each.text().replace("&", ""), each.isEnabled(), each.toolTip()] for each in rows]

    def shown_notice(self) -> str:
        return self._picture.shown_notice.text

    def _box(self) -> QMessageBox | None:
        boxes = [each for each in QApplication.topLevelWidgets() if isinstance(each, QMessageBox) and each.isVisible()]
        return boxes[0] if boxes else None


def _buttons(widget: QWidget | None) -> list[QPushButton]:
    return [each for each in widget.findChildren(QPushButton) if each.isVisible()] if widget is not None else []


def _click(widget: QWidget | None, text: str) -> None:
    (button,) = (each for each in _buttons(widget) if each.text().replace("&", "") == text)
    cast("Any", QTest).mouseClick(button, Qt.MouseButton.LeftButton)


if __name__ == "__main__":
    with patch("app.open.opening.open_target", open_simulated):
        sys.exit(run(sys.argv[1:], MachineDriver))
