"""A window with a Machine menu, a VM's monitor and process that a test plays, and a clock that it sets."""

from collections.abc import Callable, Mapping, Sequence
from signal import Signals
from typing import Any, cast

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QAction, QCloseEvent
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication, QMainWindow, QMenu, QMessageBox, QPushButton

from app.input.event import Event
from app.vm.child import Child
from app.vm.monitor import ConnectionState, MonitorStatus, Reply
from app.vm.power import PowerAction
from ui.window.actions.menus import Handlers, add_menus
from ui.window.actions.shortcuts import Shortcuts
from ui.window.machine.machine import Machine

NS = 1_000_000_000
RUNNING = MonitorStatus(ConnectionState.READY, run_state="running")


class FakeMonitor:
    """Answers each action by ``error``, or not at all where that is None."""

    def __init__(self) -> None:
        self.status = RUNNING
        self.actions: list[PowerAction] = []
        self.error: str | None = ""

    def power(self, action: PowerAction, done: Callable[[Reply], None] | None = None) -> None:
        self.actions.append(action)
        if done is not None and self.error is not None:
            done(Reply(error=self.error or None))

    def send(self, events: Sequence[Event]) -> None:
        raise AssertionError

    def execute(
        self, command: str, arguments: Mapping[str, Any] | None = None, done: Callable[[Reply], None] | None = None
    ) -> None:
        raise AssertionError

    def tap(self, qcode: str, done: Callable[[Reply], None]) -> None:
        raise AssertionError

    def retake(self, refused: Callable[[str], None]) -> None:
        raise AssertionError

    def close(self, *, wait: bool = True) -> None:
        raise AssertionError


class FakeProcess:
    """The VM's process: it ends at a signal in ``obeys``."""

    def __init__(self) -> None:
        self.status: int | None = None
        self.obeys: tuple[int, ...] = ()
        self.signals: list[int] = []

    def poll(self) -> int | None:
        return self.status

    def send(self, number: Signals) -> None:
        self.signals.append(number)
        if number in self.obeys:
            self.status = -number


class Window(QMainWindow):
    """``closed`` counts how often it was closed."""

    def __init__(self) -> None:
        super().__init__()
        self.closed = 0
        self.said: list[str] = []
        self.releases = 0
        self.machine = Machine(self, lambda: "win & <b>10</b>")
        self.machine.notice.connect(self.said.append)
        self.machine.asking.connect(self._release)
        self.now = 0
        self.machine._shutdown._clock = lambda: self.now
        resolutions = QMenu("Resolution", self)
        nothing = lambda *_: None  # noqa: E731
        handlers = Handlers(self.machine.handlers(), nothing, nothing, nothing, nothing)
        self.rows: dict[str, QAction] = add_menus(self, handlers, resolutions, Shortcuts())
        self.machine.set_actions(self.rows)
        self.resize(800, 600)
        self.show()

    def _release(self) -> None:
        self.releases += 1

    def closeEvent(self, event: QCloseEvent | None) -> None:  # noqa: N802  (Qt's name)
        assert event is not None
        if self.machine.may_close():
            self.closed += 1
        else:
            event.ignore()

    def pass_time(self, seconds: float) -> None:
        self.now += round(seconds * NS)
        self.machine._shutdown._advance()
        QApplication.processEvents()

    def change(self, monitor: FakeMonitor, status: MonitorStatus) -> None:
        monitor.status = status
        self.machine.monitor_status_changed()
        QApplication.processEvents()

    def own(self, process: FakeProcess, freely: Callable[[], bool] = lambda: False) -> None:
        self.machine.own(cast("Child", process), freely)

    def bar(self) -> tuple[str, list[str]] | None:
        """The text of the bar and its buttons."""
        bar = self.machine._bar
        buttons = [each.text().replace("&", "") for each in bar.findChildren(QPushButton) if each.isVisible()]
        return (bar._label.text(), buttons) if bar.isVisible() else None

    def press(self, text: str) -> None:
        """Click a button of the bar."""
        click(self.machine._bar.findChildren(QPushButton), text)


def question() -> QMessageBox | None:
    boxes = [each for each in QApplication.topLevelWidgets() if isinstance(each, QMessageBox) and each.isVisible()]
    assert len(boxes) <= 1
    return boxes[0] if boxes else None


def answer(text: str) -> None:
    """Click a button of the question."""
    box = question()
    assert box is not None
    click(box.findChildren(QPushButton), text)


def keys(*names: str) -> None:
    """Press keys in the question."""
    box = question()
    assert box is not None
    for name in names:
        cast("Any", QTest).keyClick(box.focusWidget() or box, getattr(Qt.Key, f"Key_{name}"))
    QApplication.processEvents()


def click(buttons: list[QPushButton], text: str) -> None:
    (button,) = (each for each in buttons if each.isVisible() and each.text().replace("&", "") == text)
    cast("Any", QTest).mouseClick(button, Qt.MouseButton.LeftButton)
    QApplication.processEvents()
