"""What a window does with events for a guest that lost its controls, and with touches."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, cast

import pytest
from PyQt6.QtCore import QCoreApplication, QEvent, QPointF, Qt, pyqtSignal
from PyQt6.QtGui import QEventPoint, QMouseEvent, QPointingDevice, QTouchEvent, QWindow
from PyQt6.QtWidgets import QApplication, QWidget

from app.input.event import Event, Press, Touch, TouchKind
from app.planes.placement import Rect, place
from app.vm.monitor import ConnectionState, Lights, MonitorStatus, PointingDevice
from ui.window.actions.shortcuts import Shortcuts
from ui.window.input.guest_input import GuestInput
from ui.window.picture.picture_window import PictureWindow
from ui.window.qt_application import new_application

READY = MonitorStatus(ConnectionState.READY, "", PointingDevice.ABSOLUTE, "running", touch=True)
LOST = MonitorStatus(ConnectionState.LOST, "another client took the controls over", can_retake=True)
_State = QEventPoint.State
_Kind = QEvent.Type


@pytest.fixture(scope="module")
def application() -> Iterator[QApplication]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QT_QPA_PLATFORM", "offscreen")
        yield new_application()


class Pointer:
    def sent(self, _pixel: tuple[int, int]) -> None:
        pass

    def left(self) -> None:
        pass


class Picture(QWindow):
    """A picture of 800x600 pixels with 50 pixels of the window at its left and at its right."""

    state_changed = pyqtSignal()
    placed = pyqtSignal()
    placement = place((800, 600), Rect(0, 0, 900, 600))
    guest_draws_cursor = True

    def __init__(self) -> None:
        super().__init__()
        self.pointer = Pointer()
        self.clicks = 0

    def device_point(self, position: QPointF) -> tuple[float, float]:
        return (position.x(), position.y())

    def wake(self) -> None:
        pass

    def mousePressEvent(self, _event: QMouseEvent | None) -> None:  # noqa: N802  (Qt's name)
        self.clicks += 1


class Monitor:
    def __init__(self) -> None:
        self.status = READY
        self.events: list[Event] = []
        self.retaken = 0

    def send(self, events: Sequence[Event]) -> None:
        self.events += events

    def retake(self, refused: Callable[[str], None]) -> None:
        self.retaken += 1
        self.refused = refused


class Bench:
    def __init__(self) -> None:
        self.picture, self.container, self.monitor = Picture(), QWidget(), Monitor()
        self.input = GuestInput(cast("PictureWindow", self.picture), self.container, Shortcuts())
        self.said: list[tuple[str, Any]] = []
        self.input.notice.connect(lambda text, holds: self.said.append((text, holds)))
        self.input.set_monitor(cast("Any", self.monitor), "")

    def change(self, status: MonitorStatus) -> None:
        self.monitor.status = status
        self.input.monitor_status_changed()

    def touch(self, kind: QEvent.Type, *points: tuple[QEventPoint.State, float, float]) -> bool:
        """Whether the guest got it. Otherwise Qt makes a mouse event of it."""
        made = [QEventPoint(0, state, QPointF(x, y), QPointF(x, y)) for state, x, y in points]
        event = QTouchEvent(kind, QPointingDevice.primaryPointingDevice(), Qt.KeyboardModifier.NoModifier, made)
        event.setAccepted(False)
        taken = self.input.eventFilter(self.picture, event)
        assert taken is event.isAccepted()
        return taken

    def click(self) -> None:
        point = QPointF(400, 300)
        left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
        for kind, held in ((_Kind.MouseButtonPress, left), (_Kind.MouseButtonRelease, Qt.MouseButton.NoButton)):
            QCoreApplication.sendEvent(self.picture, QMouseEvent(kind, point, point, left, held, none))

    def fingers(self) -> list[tuple[TouchKind, int]]:
        return [(each.kind, each.slot) for each in self.monitor.events if isinstance(each, Touch)]


def can_retake(bench: Bench) -> bool:
    return bench.input.can_retake


def lights(bench: Bench) -> Lights | None:
    return bench.input.lights


@pytest.fixture
def bench(application: QApplication) -> Iterator[Bench]:
    made = Bench()
    yield made
    made.input.shut_down()
    made.picture.destroy()


def test_controls_are_taken_back_by_the_user_alone(bench: Bench) -> None:
    assert not can_retake(bench)
    bench.change(LOST)
    assert can_retake(bench)
    assert bench.input.text == "view only: another client took the controls over"
    bench.click()
    (text, holds), *more = bench.said
    assert text == "Another client took the controls over. To take them back: Input > Take the controls back"
    assert not more
    assert holds()
    assert (bench.monitor.events, bench.monitor.retaken) == ([], 0)
    bench.input.retake()
    assert bench.monitor.retaken == 1
    bench.monitor.refused("the QMP socket does not answer")
    text, still = bench.said[-1]
    assert text == "The controls were not taken back: the QMP socket does not answer"
    assert still()
    bench.change(READY)
    assert not holds()
    assert not still()
    assert not can_retake(bench)
    # Another VM has lost nothing.
    bench.change(LOST)
    bench.input.set_monitor(None, "the VM ended")
    assert not can_retake(bench)
    bench.input.retake()
    assert bench.monitor.retaken == 1


def test_lights_are_shown_while_keys_go_to_the_guest(bench: Bench) -> None:
    assert lights(bench) is None
    bench.change(replace(READY, lights=Lights.CAPS_LOCK))
    assert lights(bench) is Lights.CAPS_LOCK
    bench.change(replace(READY, lights=Lights.CAPS_LOCK, run_state="paused"))
    assert lights(bench) is None


def test_a_finger_goes_to_a_guest_with_a_touch_screen(bench: Bench) -> None:
    assert bench.touch(_Kind.TouchBegin, (_State.Pressed, 450.0, 300.0))
    assert bench.touch(_Kind.TouchUpdate, (_State.Stationary, 450.0, 300.0))
    # A finger that leaves the picture goes on at its edge.
    assert bench.touch(_Kind.TouchUpdate, (_State.Updated, 2000.0, 300.0))
    assert bench.touch(_Kind.TouchEnd, (_State.Released, 2000.0, 300.0))
    assert bench.fingers() == [(TouchKind.BEGIN, 0), (TouchKind.UPDATE, 0), (TouchKind.END, 0)]
    places = [(each.x * 800, each.y * 600) for each in bench.monitor.events if isinstance(each, Touch)]
    assert places[0] == pytest.approx((400.5, 300.5))
    assert places[1] == places[2] == pytest.approx((799.5, 300.5))


def test_touches_beside_the_picture_and_of_other_guests_stay_mouse_events(bench: Bench) -> None:
    assert not bench.touch(_Kind.TouchBegin, (_State.Pressed, 10.0, 10.0))
    bench.change(replace(READY, touch=False))
    assert not bench.touch(_Kind.TouchBegin, (_State.Pressed, 450.0, 300.0))
    bench.change(replace(READY, run_state="paused"))
    assert not bench.touch(_Kind.TouchBegin, (_State.Pressed, 450.0, 300.0))
    assert bench.monitor.events == []
    bench.change(replace(READY, touch=False))
    bench.click()
    assert [each.down for each in bench.monitor.events if isinstance(each, Press)] == [True, False]


@pytest.mark.parametrize("end", ["cancel", "focus"])
def test_a_touch_that_does_not_end_is_cancelled(bench: Bench, end: str) -> None:
    bench.touch(_Kind.TouchBegin, (_State.Pressed, 450.0, 300.0))
    if end == "cancel":
        assert bench.touch(_Kind.TouchCancel)
    else:
        QCoreApplication.sendEvent(bench.container, QEvent(_Kind.FocusOut))
    assert bench.fingers() == [(TouchKind.BEGIN, 0), (TouchKind.CANCEL, 0)]
