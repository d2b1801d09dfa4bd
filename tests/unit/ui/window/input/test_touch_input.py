"""Several fingers on the picture. Qt has no way to make such events with numbers of fingers, so they are played."""

from dataclasses import dataclass
from typing import Any, cast

from PyQt6.QtCore import QEvent, QPointF
from PyQt6.QtGui import QEventPoint

from app.input.event import Event, Touch, TouchKind
from app.input.touch_slots import Place
from ui.window.input.touch_input import TouchInput

_State = QEventPoint.State
_Kind = QEvent.Type


@dataclass
class Point:
    number: int
    now: QEventPoint.State
    at: float = 0.5

    def id(self) -> int:
        return self.number

    def state(self) -> QEventPoint.State:
        return self.now

    def scenePosition(self) -> QPointF:  # noqa: N802  (Qt's name)
        return QPointF(self.at, 0.5)


@dataclass
class TouchEvent:
    kind: QEvent.Type
    touched: tuple[Point, ...] = ()

    def type(self) -> QEvent.Type:
        return self.kind

    def points(self) -> tuple[Point, ...]:
        return self.touched


def place(position: QPointF, clamp: bool) -> Place | None:
    """A picture between 0 and 1."""
    inside = 0 <= position.x() < 1
    return (min(max(position.x(), 0.0), 1.0), position.y()) if inside or clamp else None


def handled(touch: TouchInput, kind: QEvent.Type, *points: Point) -> tuple[tuple[Event, ...], bool]:
    return touch.handle(cast("Any", TouchEvent(kind, points)))


def test_each_finger_has_a_slot_and_ends_where_it_was() -> None:
    touch = TouchInput(place)
    begin = (Touch(TouchKind.BEGIN, 0, 0.2, 0.5),)
    assert handled(touch, _Kind.TouchBegin, Point(7, _State.Pressed, 0.2)) == (begin, True)
    second = handled(touch, _Kind.TouchUpdate, Point(7, _State.Stationary, 0.2), Point(9, _State.Pressed, 0.8))
    assert second == ((Touch(TouchKind.BEGIN, 1, 0.8, 0.5),), True)
    moved = handled(touch, _Kind.TouchUpdate, Point(7, _State.Updated, 3.0), Point(9, _State.Released, 0.8))
    assert moved == ((Touch(TouchKind.UPDATE, 0, 1.0, 0.5), Touch(TouchKind.END, 1, 0.8, 0.5)), True)
    assert handled(touch, _Kind.TouchEnd, Point(7, _State.Released, 3.0)) == (
        (Touch(TouchKind.END, 0, 1.0, 0.5),),
        True,
    )


def test_a_finger_that_begins_beside_the_picture_is_no_touch_of_the_guest() -> None:
    touch = TouchInput(place)
    assert handled(touch, _Kind.TouchBegin, Point(7, _State.Pressed, -1.0)) == ((), False)
    begun, _ = handled(touch, _Kind.TouchBegin, Point(1, _State.Pressed, 0.5), Point(2, _State.Pressed, 5.0))
    assert begun == (Touch(TouchKind.BEGIN, 0, 0.5, 0.5),)
    assert handled(touch, _Kind.TouchUpdate, Point(2, _State.Updated, 0.5)) == ((), True)
    assert handled(touch, _Kind.TouchCancel) == ((Touch(TouchKind.CANCEL, 0, 0.5, 0.5),), True)
