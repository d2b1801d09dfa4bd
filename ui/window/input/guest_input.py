"""Turns the window's keyboard and mouse events into input for the guest.

It watches the picture and the widget around it. On X11 the picture has the focus and gets the keys; on Wayland a
subsurface cannot have it, and the widget gets them.
"""

from collections.abc import Sequence
from contextlib import suppress
from functools import partial

from PyQt6.QtCore import QEvent, QObject, QPointF, Qt, pyqtSignal
from PyQt6.QtGui import QEnterEvent, QKeyEvent, QMouseEvent, QTouchEvent, QWheelEvent
from PyQt6.QtWidgets import QWidget

from app.input.event import Button, Event
from app.input.pointer import RelativeMotion, absolute, guest_pixel
from app.input.pressed import PressedKeys
from app.input.typing import Keystroke, chord
from app.text.clean import clean_line
from app.vm.monitor import ConnectionState, Lights, Monitor, MonitorStatus, PointingDevice
from ui.window.actions.shortcuts import Shortcuts
from ui.window.input.clipboard_typing import clipboard_typing
from ui.window.input.grab import Grab
from ui.window.input.guest_place import guest_place, guest_placement
from ui.window.input.keystroke_sender import KeystrokeSender
from ui.window.input.qt_keys import qcode_of
from ui.window.input.touch_input import TouchInput
from ui.window.input.wheel_input import WheelInput
from ui.window.picture.picture_window import PictureWindow
from ui.window.widgets.menu_words import menu_words

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


class GuestInput(QObject):
    """Owns the pressed keys, the grab, and the text that is being typed. The monitor belongs to the caller.

    ``changed`` is emitted when :attr:`ready`, :attr:`text` or the grab may have changed, ``notice`` to tell something:
    a text, and a function that says whether it is still true, or None.
    """

    changed = pyqtSignal()
    notice = pyqtSignal(str, object)
    # Emitted on another thread: Qt queues it for the window's.
    _not_retaken = pyqtSignal(str)

    def __init__(self, picture: PictureWindow, container: QWidget, shortcuts: Shortcuts) -> None:
        super().__init__(picture)
        self._picture = picture
        self._container = container
        self._shortcuts = shortcuts
        self._monitor: Monitor | None = None
        self._reason = "there is no VM"
        self._destination = self._manager = ""
        self._status = MonitorStatus(ConnectionState.LOST)
        self._pressed = PressedKeys()
        self._touch = TouchInput(partial(guest_place, picture))
        self._motion = RelativeMotion()
        self._wheel = WheelInput()
        self._position: QPointF | None = None
        self._pixel: tuple[int, int] | None = None
        self._host_pointer: bool | None = None
        self._keystroke_sender = KeystrokeSender(self._type, self)
        self._keystroke_sender.finished.connect(self._typed)
        self._not_retaken.connect(self._say_not_retaken)
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

        def refused(why: str) -> None:
            # The window may be destroyed before the VM has answered.
            with suppress(RuntimeError):
                self._not_retaken.emit(why)

        if self._monitor is not None:
            self._monitor.retake(refused)

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
        typed, told = clipboard_typing(text)
        if not typed:
            self.notice.emit(told, None)
            return
        self._keystroke_sender.start(iter(typed))
        self._pasting = True
        self.notice.emit(told, lambda: self._pasting)
        self.changed.emit()

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
        placement = guest_placement(self._picture)
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
            self._send(self._motion.move(guest_placement(self._picture), dx, dy))

    def _turn(self, event: QWheelEvent) -> bool:
        if not self.ready or (self._pixel is None and not self.grab.active):
            return False
        for press in self._wheel.handle(event):
            self._send((press,))
        return True

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

    def _say_not_retaken(self, why: str) -> None:
        self.notice.emit(
            f"The controls were not taken back: {menu_words(clean_line(why))}", lambda: self._status.can_retake
        )

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
