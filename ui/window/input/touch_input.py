"""Turns touches on the picture into touches of the guest's touch screen."""

from collections.abc import Callable

from PyQt6.QtCore import QEvent, QPointF
from PyQt6.QtGui import QEventPoint, QTouchEvent

from app.input.event import Event
from app.input.touch_slots import Place, TouchSlots

_State = QEventPoint.State


class TouchInput:
    """Owns the touches of one window. ``place`` gives the place of a point on the guest's screen, None if it is beside.

    With ``clamp`` it gives the nearest one: a finger that leaves the picture goes on at its edge.
    """

    def __init__(self, place: Callable[[QPointF, bool], Place | None]) -> None:
        self._place = place
        self._slots = TouchSlots()

    def handle(self, event: QTouchEvent) -> tuple[tuple[Event, ...], bool]:
        """The events to send, and whether this one is the guest's. If not, Qt makes a mouse event of it.

        The whole sequence of touches is the guest's or not: Qt asks at its begin.
        """
        if event.type() == QEvent.Type.TouchCancel:
            return self._slots.cancel(), True
        events: list[Event] = []
        for point in event.points():
            match point.state():
                case _State.Pressed:
                    place = self._place(point.scenePosition(), False)
                    if place is not None:
                        events += self._slots.begin(point.id(), place)
                case _State.Updated:
                    place = self._place(point.scenePosition(), True)
                    if place is not None:
                        events += self._slots.move(point.id(), place)
                case _State.Released:
                    events += self._slots.end(point.id())
        is_guests = bool(self._slots) or bool(events) or event.type() != QEvent.Type.TouchBegin
        return tuple(events), is_guests

    def cancel(self) -> tuple[Event, ...]:
        """No touch is the guest's any more."""
        return self._slots.cancel()
