"""Zoom and scroll bars of a window to which no input goes."""

from PyQt6.QtCore import QPoint, QPointF, Qt
from PyQt6.QtGui import QNativeGestureEvent, QPointingDevice, QWheelEvent
from PyQt6.QtWidgets import QApplication

from tests.unit.ui.window.zoom.programs.window_with_mode import OFF, Window, settle
from ui.window.qt_application import new_application

NONE, CTRL = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ControlModifier
ALT, SHIFT = Qt.KeyboardModifier.AltModifier, Qt.KeyboardModifier.ShiftModifier
AT = QPointF(100, 50)

application = new_application()
window = Window(640, 480)
control, view, picture = window.window._zoom, window.window._view, window.picture
size, bars = window.size, (view._across, view._down)
texts: list[str] = []
control.told.connect(texts.append)


def turn(modifiers: Qt.KeyboardModifier, x: int = 0, y: int = 0) -> None:
    buttons, phase = Qt.MouseButton.NoButton, Qt.ScrollPhase.NoScrollPhase
    QApplication.sendEvent(picture, QWheelEvent(AT, AT, QPoint(), QPoint(x, y), buttons, modifiers, phase, False))
    settle()


def pinch(kind: Qt.NativeGestureType, value: float = 0.0) -> None:
    device = QPointingDevice.primaryPointingDevice()
    QApplication.sendEvent(picture, QNativeGestureEvent(kind, device, 2, AT, AT, AT, value, QPointF()))
    settle()


def values() -> list[int] | None:
    return [each.value() for each in bars] if all(each.isVisible() for each in bars) else None


assert values() is None and control.percent is None
# A fine wheel needs a whole notch; while Alt is held, Qt swaps the axes.
turn(CTRL, y=60)
assert control.percent is None
turn(CTRL, y=60)
assert control.percent == 125, control.percent
turn(CTRL | ALT, x=240)
assert control.percent == 200 and texts[-1] == "Zoom 200 %", texts
assert values() == [101, 51], "the point below the pointer stays"
# The window keeps its size, and a guest that follows it is asked for no other one.
assert window.size == size
assert window.window.resolution._get_viewport().width == 640
assert window.window._actions["zoomed"].isChecked() and window.window._actions["zoomed"].text().endswith("200 %")
turn(NONE, y=-120)
assert values() == [101, 111], values()
turn(SHIFT, y=120)
assert values() == [41, 111], values()
view._across.setValue(7)
assert values() == [7, 111] and picture.zoom.percent == 200
# The settings are not affected: the scaling is remembered, the zoom is not.
assert picture.options.scaling.value == "fit"
window.trigger("fit")
assert values() is None and control.percent is None and not window.window._actions["zoomed"].isVisible()
assert window.window._actions["fit"].isChecked()
# The scaling of before, chosen again, and the middle.
window.trigger("zoom-in")
window.trigger("zoom-in")
assert control.percent == 150 and values() is not None
window.trigger("actual")
assert control.percent is None and values() is None and picture.options.scaling.value == "actual"
pinch(Qt.NativeGestureType.BeginNativeGesture)
for _ in range(3):
    pinch(Qt.NativeGestureType.ZoomNativeGesture, 0.1)
assert control.percent == 133, control.percent
# Another option keeps the scaling.
window.trigger("flip-x")
assert picture.options.flip_x and picture.options.scaling.value == "actual"
for _ in range(40):
    pinch(Qt.NativeGestureType.ZoomNativeGesture, 0.5)
assert control.percent == 400, control.percent
# No picture: no bars, and nothing to zoom.
picture.mode_frame = OFF
control.lay_out()
assert values() is None
control.step(-1)
assert control.percent == 400
window.close()
