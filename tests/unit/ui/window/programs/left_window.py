"""Ends with a window that is still shown, and whose event filter makes many objects while it is destroyed."""

from PyQt6.QtCore import QEvent, QObject
from PyQt6.QtWidgets import QMainWindow

from ui.window.qt_application import new_application

# PyQt's table of objects grows meanwhile.
_MANY = 20_000

made: list[QObject] = []
seen: list[QEvent.Type] = []


class Filter(QObject):
    def eventFilter(self, _watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802  (Qt's name)
        assert event is not None
        seen.append(event.type())
        if is_ending and not made:
            made.extend(QObject() for _ in range(_MANY))
        return False


is_ending = False
application = new_application()
# Several, as PyQt's walk through its table ends early where the only one is last in it.
windows = [QMainWindow() for _ in range(8)]
filters = [Filter(each) for each in windows]
for window, each in zip(windows, filters, strict=True):
    window.installEventFilter(each)
    window.show()
application.processEvents()
assert seen, "the filters look at events"
is_ending = True
