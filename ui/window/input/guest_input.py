"""Turns the window's keyboard and mouse events into input for the guest.

It watches the picture and the widget around it. On X11 the picture has the focus and gets the keys; on Wayland a
subsurface cannot have it, and the widget gets them.
"""

from collections.abc import Sequence

from PyQt6.QtCore import QEvent, QObject, QPoint, QPointF, Qt, pyqtSignal
from PyQt6.QtGui import QEnterEvent, QKeyEvent, QMouseEvent, QTouchEvent, QWheelEvent
from PyQt6.QtWidgets import QWidget

from app.input.event import Button, Event, Press
from app.input.pointer import RelativeMotion, Wheel, absolute, guest_pixel
from app.input.pressed import PressedKeys
from app.input.typing import Keystroke, chord, keystrokes, typable
from app.planes.placement import Placement, Rect, place
from app.vm.monitor import ConnectionState, Lights, Monitor, MonitorStatus, PointingDevice
from ui.window.actions.shortcuts import Shortcuts
from ui.window.input.grab import Grab
from ui.window.input.keystroke_sender import KeystrokeSender
from ui.window.input.qt_keys import qcode_of
from ui.window.input.touch_input import TouchInput
from ui.window.picture.picture_window import PictureWindow

_POINTING = {
    PointingDevice.ABSOLUTE: "keyboard and pointer",
    PointingDevice.RELATIVE: "keyboard; click to grab the pointer",
    PointingDevice.NONE: "keyboard; this VM has no pointer",
    None: "keyboard",
}
_BUTTONS = {
    Qt.MouseButton.LeftButton: Button.LEFT,
    Qt.MouseButton.MiddleButton: Button.MIDDLE,
    Qt.MouseButton.RightButton: Button.RIGHT,
    Qt.MouseButton.BackButton: Button.SIDE,
    Qt.MouseButton.ForwardButton: Button.EXTRA,
}
_OURS = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier
# A sleeping guest is woken by a key, so it takes input; a paused one answers with an error.
_TAKES_INPUT = (None, "running", "suspended")
# Ten minutes of typing: a clipboard with more text is probably a mistake.
_MOST_CHARACTERS = 30_000


class GuestInput(QObject):
    """Owns the pressed keys, the grab, and the text that is being typed. The monitor belongs to the caller.

    ``changed`` is emitted when :attr:`ready`, :attr:`text` or the grab may have changed, ``notice`` to tell something:
    a text, and a function that says whether it is still true, or None.
    """

    changed = pyqtSignal()
    notice = pyqtSignal(str, object)

    def __init__(self, picture: PictureWindow, container: QWidget, shortcuts: Shortcuts) -> None:
        super().__init__(picture)
        self._picture = picture
        self._container = container
        self._shortcuts = shortcuts
        self._monitor: Monitor | None = None
        self._reason = "this device has no VM"
        self._destination = self._manager = ""
        self._status = MonitorStatus(ConnectionState.LOST)
        self._pressed = PressedKeys()
        self._touch = TouchInput(self._place)
        self._motion = RelativeMotion()
        self._wheel = Wheel()
        self._position: QPointF | None = None
        self._pixel: tuple[int, int] | None = None
        self._host_pointer: bool | None = None
        self._keystroke_sender = KeystrokeSender(self._type, self)
        self._keystroke_sender.finished.connect(self._typed)
        self._pasting = False
        self.grab = Grab(picture)
        self.grab.moved.connect(self._moved)
        self.grab.changed.connect(self._grab_changed)
        picture.state_changed.connect(self._show_pointer)
        picture.placed.connect(self._placed)
        for watched in (picture, container):
            watched.installEventFilter(self)

    @property
    def ready(self) -> bool:
        """Whether keys go to the guest now."""
        status = self._status
        return self._monitor is not None and status.state is ConnectionState.READY and status.run_state in _TAKES_INPUT

    @property
    def text(self) -> str:
        """The state of the input, in a few words for the status line."""
        status = self._status
        if self._monitor is None or status.state is not ConnectionState.READY:
            return f"view only: {self.why_not}"
        if status.run_state not in _TAKES_INPUT:
            return f"{status.run_state}: no input"
        if self._pasting:
            return "typing, any key stops it"
        if self.grab.active:
            return f"grabbed, {self._shortcuts.how('release')} releases"
        shared = f", shared with {self._manager}" if self._manager else ""
        return _POINTING[status.pointing] + (f", to {self._destination}" if self._destination else "") + shared

    @property
    def why_not(self) -> str:
        """Why there is no input, in words; empty if there is."""
        status = self._status
        if self._monitor is None:
            return self._reason
        if status.why_not:
            return status.why_not
        return "" if status.run_state in _TAKES_INPUT else f"the VM is {status.run_state}"

    @property
    def can_retake(self) -> bool:
        """Whether another client took the controls over, and they can be taken back."""
        return self._monitor is not None and self._status.can_retake

    def retake(self) -> None:
        """Take the controls back; the other client loses them."""
        if self._monitor is not None:
            self._monitor.retake()

    @property
    def lights(self) -> Lights | None:
        """The lights of the guest's keyboard, None if they are not known."""
        return self._status.lights if self.ready else None

    def set_monitor(self, monitor: Monitor | None, reason: str, destination: str = "", manager: str = "") -> None:
        """Send input to another VM, or for ``reason`` to none. First everything is released in the VM before.

        ``destination`` is a port that the user named and that may be anybody's. ``manager`` uses the QMP socket, too.
        """
        self.release()
        self.grab.end()
        # Deferred releases are for the other VM.
        self._pressed = PressedKeys()
        self._monitor, self._reason, self._destination, self._manager = monitor, reason, destination, manager
        self._status = MonitorStatus(ConnectionState.LOST)
        self.monitor_status_changed()

    def monitor_status_changed(self) -> None:
        """The monitor has a new status. Called in the window's thread."""
        before, was_ready = self._status, self.ready
        if self._monitor is not None:
            self._status = self._monitor.status
        if was_ready and not self.ready:
            self._keystroke_sender.stop()
            self._pressed.defer_releases()
            # The monitor ends touches itself.
            self._touch.cancel()
            self.grab.end()
        elif self.ready:
            self._send(self._pressed.deferred_releases())
        if before.pointing is not self._status.pointing:
            self.grab.end()
            self._pixel = None
        self._show_pointer()
        self.changed.emit()

    def release(self) -> None:
        """Release everything and stop typing: the window uses the keys itself, or is closed."""
        self._keystroke_sender.stop()
        touches = self._touch.cancel()
        if self.ready:
            self._send((*touches, *self._pressed.release_all()))
        else:
            self._pressed.defer_releases()

    def shut_down(self) -> None:
        """Release everything before the window is destroyed. The caller still has to close the monitor."""
        self.release()
        self.grab.close()
        self._monitor = None
        for watched in (self._picture, self._container):
            watched.removeEventFilter(self)

    def set_grab(self, on: bool) -> None:
        """Start or end the grab."""
        if not on or not self.ready:
            self.grab.end()
            return
        self._motion.reset()
        problem = self.grab.begin(lock_pointer=self._status.pointing is PointingDevice.RELATIVE)
        text = f"{self._shortcuts.how('release')} releases keyboard and pointer" + (f"; {problem}" if problem else "")
        self.notice.emit(text, lambda: self.grab.active)

    def send_keys(self, names: Sequence[str]) -> None:
        """Press and release a key combination."""
        if self.ready:
            self._keystroke_sender.start(chord(names))

    def paste(self, text: str) -> None:
        """Type ``text``, as on a US keyboard."""
        if not self.ready:
            return
        if len(text) > _MOST_CHARACTERS:
            self.notice.emit(f"The clipboard holds {len(text)} characters, which is too much to type", None)
            return
        known = typable(text)
        left_out = len(text.replace("\r\n", "\n")) - len(known)
        words = f"{left_out} character{'s' * (left_out != 1)} without a key on a US keyboard left out"
        if known:
            self._keystroke_sender.start(keystrokes(known))
            self._pasting = True
            text = f"Typing the clipboard, any key stops it{f'; {words}' * bool(left_out)}"
            self.notice.emit(text, lambda: self._pasting)
            self.changed.emit()
        else:
            self.notice.emit(f"Nothing to type: {words}" if text else "There is no text in the clipboard", None)

    def set_host_pointer(self, shown: bool | None) -> None:
        """Show the host's pointer over the picture always, never, or (None) if the guest draws none."""
        self._host_pointer = shown
        self._show_pointer()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802  (Qt's name)
        """True if the event went to the guest."""
        match event:
            case QKeyEvent():
                return self._key(event)
            case QWheelEvent():
                return self._turn(event)
            case QEnterEvent() if watched is self._picture:
                self.grab.hover(True)
                self._hover(event.position())
            case QTouchEvent() if watched is self._picture:
                return self._touched(event)
            case QMouseEvent():
                return self._mouse(event)
            case QEvent() if event.type() == QEvent.Type.Leave and watched is self._picture:
                self.grab.hover(False)
                self._position = self._pixel = None
                self._picture.pointer.left()
            case QEvent() if event.type() == QEvent.Type.FocusOut:
                self.release()
                self.grab.end()
        return False

    def _key(self, event: QKeyEvent) -> bool:
        if not self.ready:
            return False
        if event.type() == QEvent.Type.ShortcutOverride:
            # An accepted event becomes a key. Without a shortcut for it, Ctrl+Alt+key becomes a key too: there Qt knows
            # which keys of other keyboard layouts count as that of the shortcut.
            modifiers = event.modifiers()
            is_ours = modifiers & _OURS == _OURS or self._shortcuts.takes(event.key(), modifiers)
            event.setAccepted(not is_ours)
            return event.isAccepted()
        name = qcode_of(event)
        if event.type() == QEvent.Type.KeyRelease:
            if name is not None and not event.isAutoRepeat():
                self._send(self._pressed.release(name))
        elif self._pasting:
            if not event.isAutoRepeat():
                self.release()
        elif name is not None:
            self._keystroke_sender.flush()
            self._send(self._pressed.press(name, repeat=event.isAutoRepeat()))
        return True

    def _touched(self, event: QTouchEvent) -> bool:
        if not self.ready or not self._status.touch:
            return False
        events, is_guests = self._touch.handle(event)
        self._send(events)
        event.setAccepted(is_guests)
        return is_guests

    def _mouse(self, event: QMouseEvent) -> bool:
        if not self.ready:
            if self._status.can_retake and event.type() == QEvent.Type.MouseButtonPress:
                # Never by itself: two viewers would take them from each other for ever.
                text = f"Another client took the controls over. To take them back: {self._shortcuts.how('retake')}"
                self.notice.emit(text, lambda: self._status.can_retake)
            return False
        if self.grab.follows:
            self.grab.follow(event)
        elif self._status.pointing is PointingDevice.ABSOLUTE:
            self._hover(event.position())
        button = _BUTTONS.get(event.button())
        match event.type():
            case QEvent.Type.MouseButtonPress | QEvent.Type.MouseButtonDblClick if button is not None:
                return self._press(button)
            case QEvent.Type.MouseButtonRelease if button is not None:
                was_pressed = button in self._pressed
                self._send(self._pressed.release(button))
                return was_pressed
        return False

    def _press(self, button: Button) -> bool:
        match self._status.pointing:
            case PointingDevice.ABSOLUTE if self._pixel is None and not self._pressed.has_button:
                return False
            case PointingDevice.RELATIVE if not self.grab.active:
                # As in QEMU's own window: without a grab the pointer would stop at the edge.
                if button is Button.LEFT:
                    self.set_grab(True)
                return button is Button.LEFT
            case PointingDevice.ABSOLUTE | PointingDevice.RELATIVE:
                self._send(self._pressed.press(button))
                return True
        return False

    def _hover(self, position: QPointF) -> None:
        """The pointer is at ``position``: send that to a tablet."""
        self._position = position
        placement = self._placement()
        was_inside = self._pixel is not None
        x, y = self._picture.device_point(position)
        # The motion that leaves the picture still reaches its edge, and a drag follows the edge.
        pixel = guest_pixel(placement, x, y, clamp=self._pressed.has_button or was_inside)
        inside = guest_pixel(placement, x, y) is not None or self._pressed.has_button
        if (
            pixel is not None
            and pixel != self._pixel
            and self._status.pointing is PointingDevice.ABSOLUTE
            and self.ready
        ):
            self._send(absolute(pixel, (placement.guest_width, placement.guest_height)))
            self._picture.pointer.sent(pixel)
        self._pixel = pixel if inside else None
        self._show_pointer()

    def _placed(self) -> None:
        """The picture was zoomed, moved or rotated below the pointer, which is at another guest pixel now."""
        if self._position is not None and not self.grab.follows:
            self._hover(self._position)

    def _moved(self, dx: float, dy: float) -> None:
        """The grabbed pointer's motion in device pixels."""
        if self.ready:
            self._send(self._motion.move(self._placement(), dx, dy))

    def _turn(self, event: QWheelEvent) -> bool:
        if not self.ready or (self._pixel is None and not self.grab.active):
            return False
        angle, pixels = event.angleDelta(), event.pixelDelta()
        if event.modifiers() & Qt.KeyboardModifier.AltModifier:
            # While Alt is held, Qt swaps the wheel's axes (qxcbconnection_xi2.cpp, qwaylandinputdevice.cpp). In a
            # guest the meaning of Alt is the guest's decision.
            angle, pixels = angle.transposed(), pixels.transposed()
        notches = self._wheel.turn(*_pair(angle)) if not angle.isNull() else self._wheel.scroll(*_pair(pixels))
        for button in notches:
            self._send((Press(button, True),))
            self._send((Press(button, False),))
        return True

    def _place(self, position: QPointF, clamp: bool) -> tuple[float, float] | None:
        """A point of the picture as a part of the guest's screen."""
        placement = self._placement()
        pixel = guest_pixel(placement, *self._picture.device_point(position), clamp=clamp)
        if pixel is None:
            return None
        return ((pixel[0] + 0.5) / placement.guest_width, (pixel[1] + 0.5) / placement.guest_height)

    def _placement(self) -> Placement:
        """The picture's placement; without a picture, the whole window is the guest's screen."""
        placement = self._picture.placement
        if placement is None:
            width, height = self._picture.device_point(QPointF(self._picture.width(), self._picture.height()))
            size = (max(1, int(width)), max(1, int(height)))
            placement = place(size, Rect(0, 0, *size))
        return placement

    def _send(self, events: Sequence[Event]) -> None:
        if self._monitor is not None and events:
            self._monitor.send(events)
            self._picture.wake()

    def _type(self, keystroke: Keystroke) -> None:
        # Counted as pressed, so that they are released whatever stops the typing.
        for key in keystroke:
            self._send(self._pressed.press(key.qcode) if key.down else self._pressed.release(key.qcode))

    def _typed(self) -> None:
        self._pasting = False
        self.changed.emit()

    def _grab_changed(self) -> None:
        self._pixel = None
        self._show_pointer()
        self.changed.emit()

    def _show_pointer(self) -> None:
        """Hide the host's pointer if the guest draws one."""
        self._picture.setCursor(Qt.CursorShape.BlankCursor if self._hidden() else Qt.CursorShape.ArrowCursor)

    def _hidden(self) -> bool:
        if self.grab.locked:
            return True
        if not self.ready or self._status.pointing is not PointingDevice.ABSOLUTE or self._pixel is None:
            return False
        return self._picture.guest_draws_cursor if self._host_pointer is None else not self._host_pointer


def _pair(point: QPoint) -> tuple[int, int]:
    return (point.x(), point.y())
