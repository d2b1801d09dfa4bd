"""The loupe reads pixels thirty times a second at most, shows the last motion, and takes no event."""

from typing import Any, cast

import numpy as np
from PyQt6.QtCore import QEvent, QPointF, Qt
from PyQt6.QtGui import QMouseEvent, QWindow
from PyQt6.QtTest import QTest

from app.planes.frame import Frame
from app.planes.placement import Rect, place
from app.planes.status import Reason, Status
from gl.draw_options import DrawOptions
from gl.render_target import RenderTarget
from ui.window.picture import loupe as module
from ui.window.picture.loupe import Loupe
from ui.window.qt_application import new_application

_MS = 1_000_000
inspected: list[tuple[int, int]] = []
now_ns = 0


class Inspector:
    """In place of the one that uses OpenGL."""

    def __init__(self, _renderer: object) -> None: ...

    def around(self, _frame: Frame, _options: DrawOptions, x: int, y: int, size: int) -> Any:
        inspected.append((x, y))
        return np.full((size, size, 4), 255, np.uint8)

    def release(self) -> None: ...


class Overlay:
    """In place of the one that uses OpenGL."""

    drawn = 0

    def __init__(self, _context: object) -> None: ...

    def set(self, *_picture: object) -> None: ...

    def draw(self, _target: RenderTarget) -> None:
        Overlay.drawn += 1

    def release(self) -> None: ...


class Renderer:
    """Has only what is handed on."""

    context = None


def move(x: float, y: float) -> QMouseEvent:
    """The pointer moves to ``x``, ``y``."""
    none = Qt.MouseButton.NoButton
    kind, place_ = QEvent.Type.MouseMove, QPointF(x, y)
    return QMouseEvent(kind, place_, place_, none, none, Qt.KeyboardModifier.NoModifier)


# PyQt6's stubs know this static method as one of an object.
wait = cast("Any", QTest).qWait
application = new_application()
vars(module).update(PixelInspector=Inspector, Overlay=Overlay)
window = QWindow()
window.setGeometry(0, 0, 200, 100)
loupe = Loupe(window, lambda: now_ns)
asked: list[int] = []
loupe.due.connect(lambda: asked.append(now_ns))
placement = place((100, 50), Rect(0, 0, 200, 100))
frame = Frame(Status(Reason.OK))
renderer: Any = Renderer()


def draw() -> None:
    """A picture is drawn."""
    loupe.draw(renderer, frame, placement, RenderTarget(200, 100), 1.0, DrawOptions())


assert loupe.eventFilter(window, move(40, 60)) is False
wait(50)
assert len(asked) == 1
for step in range(100):
    now_ns = step * 10 * _MS
    draw()
assert 25 <= len(inspected) <= 31 and Overlay.drawn == 100, (inspected, Overlay.drawn)
assert set(inspected) == {(20, 30)}
# It was not read with the last picture, so another one is asked for.
wait(100)
assert len(asked) == 2

# Motions between two readings are not lost, and ask once.
for x in range(80):
    loupe.eventFilter(window, move(2 * x, 10))
wait(100)
assert len(asked) == 3
now_ns += 100 * _MS
draw()
assert inspected[-1] == (79, 5)

# Outside the picture nothing is read or drawn. A pointer that left the window is taken to be where it was.
drawn = Overlay.drawn
placement = place((100, 50), Rect(0, 0, 200, 20))
now_ns += 100 * _MS
draw()
assert Overlay.drawn == drawn
placement = place((100, 50), Rect(0, 0, 200, 100))
loupe.eventFilter(window, QEvent(QEvent.Type.Leave))
draw()
assert Overlay.drawn == drawn + 1 and inspected[-1] == (79, 5)

loupe.release()
loupe.release()
asked.clear()
application.sendEvent(window, move(4, 4))
wait(50)
assert not asked
