"""Turns the mouse wheel, and two fingers on a touchpad, into presses of the wheel's buttons."""

from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtGui import QWheelEvent

from app.input.event import Press
from app.input.pointer import Wheel


class WheelInput:
    """Keeps what is left of a turn that is no whole notch."""

    def __init__(self) -> None:
        self._wheel = Wheel()

    def handle(self, event: QWheelEvent) -> tuple[Press, ...]:
        """The events to send, one after the other."""
        angle, pixels = event.angleDelta(), event.pixelDelta()
        if event.modifiers() & Qt.KeyboardModifier.AltModifier:
            # While Alt is held, Qt swaps the wheel's axes (qxcbconnection_xi2.cpp, qwaylandinputdevice.cpp). In a
            # guest the meaning of Alt is the guest's decision.
            angle, pixels = angle.transposed(), pixels.transposed()
        notches = self._wheel.turn(*_pair(angle)) if not angle.isNull() else self._wheel.scroll(*_pair(pixels))
        return tuple(Press(button, down) for button in notches for down in (True, False))


def _pair(point: QPoint) -> tuple[int, int]:
    return (point.x(), point.y())
