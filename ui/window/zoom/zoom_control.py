"""Zooms the picture and moves it in its place: by wheel, keys, pinch, drag, scroll bars, and at the fullscreen's edges.

Input that goes to the guest stays the guest's: only Ctrl+Alt and the wheel, a pinch, which no guest gets, and the edges
of a fullscreen, to which the guest's pointer moves too, are used while a VM takes input.
"""

from collections.abc import Callable, Mapping

from PyQt6.QtCore import QEvent, QObject, QPointF, Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QAction, QEnterEvent, QMouseEvent, QNativeGestureEvent, QWheelEvent
from PyQt6.QtWidgets import QWidget

from app.input.event import Button
from app.input.pointer import NOTCH, Wheel
from app.planes.placement import Placement, Zoom, place
from app.planes.zoom import STEPS, Bars, moved, needed_bars, next_step, percent_of, zoomed
from ui.window.actions.actions import ZOOMED_TEXT
from ui.window.picture.picture_window import PictureWindow
from ui.window.zoom.scrolled_picture import ScrolledPicture

_CTRL, _ALT, _SHIFT = (
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.AltModifier,
    Qt.KeyboardModifier.ShiftModifier,
)
# How far a notch of the wheel scrolls, in device-independent pixels.
_SCROLL = 60
# So near an edge of the fullscreen the pointer moves the picture, and so often; in device-independent pixels.
_EDGE = 16
_EDGE_MS = 16
_EDGE_SPEED = 1.5
_SCALINGS = ("fit", "integer", "actual")


class ZoomControl(QObject):
    """Owns the zoom of ``picture``, whose place is ``view``.

    ``guest_has_input`` tells whether wheel and buttons go to a guest; ``take_keys`` releases the keys that it has.
    ``changed``: the size is another one, which ``told`` says in words.
    """

    changed = pyqtSignal()
    told = pyqtSignal(str)

    def __init__(
        self,
        picture: PictureWindow,
        view: ScrolledPicture,
        guest_has_input: Callable[[], bool],
        take_keys: Callable[[], object],
    ) -> None:
        super().__init__(view)
        self._picture = picture
        self._view = view
        self._guest_has_input = guest_has_input
        self._take_keys = take_keys
        self._zoomed: QAction | None = None
        self._wheel = Wheel()
        # Where the pointer is, and where a drag was before, in device pixels.
        self._at: tuple[float, float] | None = None
        self._drag: tuple[float, float] | None = None
        # The size while two fingers change it, with its fractions.
        self._pinched = 100.0
        self._edge_timer = QTimer(self)
        self._edge_timer.setInterval(_EDGE_MS)
        self._edge_timer.timeout.connect(self._move_at_edge)
        picture.installEventFilter(self)
        picture.placed.connect(self.lay_out)
        view.resized.connect(self.lay_out)
        view.scrolled.connect(self._scroll_to)

    @property
    def percent(self) -> int | None:
        """Device pixels per guest pixel, in percent; None where the scaling decides."""
        return self._picture.zoom.percent

    def handlers(self) -> dict[str, Callable[..., object]]:
        """What the actions of the zoom call, by their keys."""
        return {
            # Its user never checks it.
            "zoomed": lambda _checked: None,
            "zoom-in": lambda: self.step(1),
            "zoom-out": lambda: self.step(-1),
        }

    def set_actions(self, actions: Mapping[str, QAction]) -> None:
        """Show the zoom in the menu, and end it where the user chooses a scaling there, also the one of before."""
        for key in _SCALINGS:
            actions[key].triggered.connect(self.reset)
        self._zoomed = actions["zoomed"]
        self._zoomed.setVisible(False)

    def step(self, steps: int, at: tuple[float, float] | None = None) -> None:
        """Make the picture larger or smaller by steps. The point ``at`` stays where it is; None for the middle."""
        placement = self._placement()
        if placement is not None:
            self._zoom_to(placement, next_step(percent_of(placement), steps), at)

    def reset(self) -> None:
        """Leave the size to the scaling, and show the middle."""
        self._set(Zoom())

    def lay_out(self) -> None:
        """Show the scroll bars that the picture needs now."""
        placement = self._placement()
        self._view.show_part(self._bars(self._picture.zoom.percent), placement)

    def shut_down(self) -> None:
        self._edge_timer.stop()
        self._picture.removeEventFilter(self)

    # What is where.

    def _guest(self) -> tuple[int, int] | None:
        primary = self._picture.frame.primary
        return (primary.plane.width, primary.plane.height) if primary is not None else None

    def _bars(self, percent: int | None) -> Bars:
        guest, window = self._guest(), self._view.window()
        if guest is None or (window is not None and window.isFullScreen()):
            return Bars()
        options = self._picture.options
        bar = round(self._view.thickness * self._view.devicePixelRatioF())
        return needed_bars(guest, options.scaling, options.rotation, percent, self._view.area(Bars()), bar)

    def _placement(self) -> Placement | None:
        """Where the next draw puts the picture; None where there is none, or no place."""
        guest, zoom, options = self._guest(), self._picture.zoom, self._picture.options
        area = self._view.area(self._bars(zoom.percent))
        if guest is None or area.empty:
            return None
        return place(guest, area, options.scaling, rotation=options.rotation, zoom=zoom)

    def _set(self, zoom: Zoom) -> None:
        before = self._picture.zoom
        if zoom == before:
            return
        self._picture.set_zoom(zoom)
        self.lay_out()
        if zoom.percent != before.percent:
            self._show_percent(zoom.percent)
            self.changed.emit()

    def _show_percent(self, percent: int | None) -> None:
        """Check in the menu what gives the picture its size: the zoom with its percent, or a scaling."""
        if self._zoomed is None:
            return
        self._zoomed.setVisible(percent is not None)
        self._zoomed.setText(ZOOMED_TEXT if percent is None else f"{ZOOMED_TEXT}: {percent} %")
        if percent is not None:
            self._zoomed.setChecked(True)

    def _zoom_to(self, placement: Placement, percent: int, at: tuple[float, float] | None) -> None:
        area = self._view.area(self._bars(percent))
        before = placement.area
        x, y = at or ((before.left + before.right) / 2, (before.top + before.bottom) / 2)
        self._set(zoomed(placement, self._picture.zoom, percent, area, x, y))
        self.told.emit(f"Zoom {percent} %")

    def _move(self, right: float, down: float) -> bool:
        """Move the picture by device pixels; whether it moved."""
        placement = self._placement()
        if placement is None or not _is_larger(placement):
            return False
        before = self._picture.zoom
        self._set(moved(placement, before, right, down))
        return self._picture.zoom != before

    def _scroll_to(self, left: int, top: int) -> None:
        placement = self._placement()
        if placement is not None:
            area, where = placement.area, placement.place
            self._move(area.left - left - where.left, area.top - top - where.top)

    # What the user does.

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802  (Qt's name)
        """True if the event was used here."""
        match event:
            case QWheelEvent():
                return self._turn(event)
            case QNativeGestureEvent():
                return self._pinch(event)
            case QEnterEvent():
                self._hover(event.position())
            case QMouseEvent():
                return self._mouse(event)
            case QEvent() if event.type() == QEvent.Type.Leave:
                self._at = None
                self._edge_timer.stop()
        return False

    def _turn(self, event: QWheelEvent) -> bool:
        modifiers, angle, pixels = event.modifiers(), event.angleDelta(), event.pixelDelta()
        ours = not self._guest_has_input()
        if modifiers & _ALT:
            # Qt swaps the axes then, see GuestInput.
            angle, pixels = angle.transposed(), pixels.transposed()
        if modifiers & _CTRL and (ours or modifiers & _ALT):
            turned = self._wheel.turn(0, angle.y()) if not angle.isNull() else self._wheel.scroll(0, pixels.y())
            steps = sum(1 if each is Button.WHEEL_UP else -1 for each in turned)
            if steps:
                self._take_keys()
                self.step(steps, self._picture.device_point(event.position()))
            return True
        if not ours:
            return False
        ratio = self._picture.devicePixelRatio()
        move = QPointF(pixels) if not pixels.isNull() else QPointF(angle) * (_SCROLL / NOTCH)
        if modifiers & _SHIFT:
            move = move.transposed()
        return self._move(move.x() * ratio, move.y() * ratio)

    def _pinch(self, event: QNativeGestureEvent) -> bool:
        placement = self._placement()
        match event.gestureType():
            case Qt.NativeGestureType.BeginNativeGesture if placement is not None:
                self._pinched = float(percent_of(placement))
            case Qt.NativeGestureType.ZoomNativeGesture if placement is not None:
                self._pinched = min(STEPS[-1], max(STEPS[0], self._pinched * (1 + event.value())))
                self._zoom_to(placement, round(self._pinched), self._picture.device_point(event.position()))
                return True
        return False

    def _mouse(self, event: QMouseEvent) -> bool:
        at = self._hover(event.position())
        if self._drag is not None:
            before, self._drag = self._drag, at
            self._move(at[0] - before[0], at[1] - before[1])
            if not event.buttons() & Qt.MouseButton.LeftButton:
                self._drag = None
                self._picture.setCursor(Qt.CursorShape.ArrowCursor)
            return True
        if event.type() != QEvent.Type.MouseButtonPress or event.button() != Qt.MouseButton.LeftButton:
            return False
        placement = self._placement()
        if self._guest_has_input() or placement is None or not _is_larger(placement):
            return False
        self._drag = at
        self._picture.setCursor(Qt.CursorShape.ClosedHandCursor)
        return True

    def _hover(self, position: QPointF) -> tuple[float, float]:
        at = self._at = self._picture.device_point(position)
        window: QWidget | None = self._view.window()
        if window is not None and window.isFullScreen() and self._edge_motion() != (0, 0):
            if not self._edge_timer.isActive():
                self._edge_timer.start()
        else:
            self._edge_timer.stop()
        return at

    def _edge_motion(self) -> tuple[float, float]:
        """How far the picture moves in one step, because the pointer is at an edge: further, the nearer it is."""
        if self._at is None:
            return (0, 0)
        ratio, area = self._picture.devicePixelRatio(), self._view.area(Bars())
        edge = _EDGE * ratio
        right, down = (
            max(0.0, first + edge - at) - max(0.0, at - last + edge)
            for at, first, last in zip(self._at, (area.left, area.top), (area.right, area.bottom), strict=True)
        )
        return (right * _EDGE_SPEED, down * _EDGE_SPEED)

    def _move_at_edge(self) -> None:
        if not self._move(*self._edge_motion()):
            self._edge_timer.stop()


def _is_larger(placement: Placement) -> bool:
    """Whether a part of the picture is outside."""
    where, area = placement.place, placement.area
    return where.width > area.width or where.height > area.height
