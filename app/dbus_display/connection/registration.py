"""The listener of one console: registered when the console is opened, and again when its socket ended."""

import socket
from collections.abc import Callable

from app.dbus_display.connection.back_off import BackOff
from app.dbus_display.connection.control import CallResult, Control
from app.dbus_display.connection.listener import Listener
from app.dbus_display.connection.listener_link import ListenerLink
from app.dbus_display.wire.messages import WireError
from app.dbus_display.wire.wire import Wire
from app.errors import error_text

Watch = Callable[[socket.socket], None]
"""Has a listener's socket watched by the guard process."""


class Registration:
    """Owns the listener's socket. All methods but ``was_repeated`` belong to the display's thread."""

    def __init__(self, console: int, listener: Listener) -> None:
        self.was_repeated = False
        self._console = console
        self._listener = listener
        self._link: ListenerLink | None = None
        self._back_off = BackOff()
        self._due_ns: int | None = 0
        self._closed = False
        self._is_repeated = False

    @property
    def wire(self) -> Wire | None:
        return self._link.wire if self._link else None

    def turn(self, now_ns: int, control: Control | None, watch: Watch) -> int | None:
        """Register if it is time and there is a ``control`` that is ready; handle what has come.

        Returns when there is more to do. Raises :class:`WireError` if the control connection is of no use.
        """
        if self._closed:
            return None
        if self._is_repeated and control is not None:
            self._is_repeated, self._due_ns = False, now_ns
            self._drop()
        if self._link is None:
            if control is None or self._due_ns is None or now_ns < self._due_ns:
                return self._due_ns if control is not None else None
            self._register(control, watch, now_ns)
        return self._serve(now_ns)

    def repeat(self) -> None:
        """Register again once the controls are there, although the socket lives."""
        self._is_repeated = True

    def vm_ended(self, why: str) -> None:
        """The VM has ended: nothing is registered any more."""
        if not self._closed:
            self.close()
            self._listener.closed(why, ended=True)

    def close(self) -> None:
        """Close the socket; more calls do nothing."""
        self._closed = True
        self._drop()

    def _register(self, control: Control, watch: Watch, now_ns: int) -> None:
        try:
            ours, theirs = socket.socketpair()
        except OSError as error:
            # Another fd may be free later.
            self._failed(f"no socket can be made: {error_text(error)}", now_ns)
            return
        # Before QEMU has its end, ours has the first line of the authentication, and somebody who watches it.
        link = self._link = ListenerLink(Wire(ours), self._listener)
        self._due_ns = None
        try:
            link.wire.start()
            watch(ours)

            def told(result: CallResult) -> None:
                # Without the control connection a listener that QEMU has lives on.
                if result.error is not None and self._link is link and link.up_ns is None:
                    self._failed(f"QEMU refused the listener: {result.error[1]}", result.received_ns or now_ns)

            control.register(self._console, theirs.fileno(), told, now_ns)
        finally:
            theirs.close()

    def _serve(self, now_ns: int) -> int | None:
        if (link := self._link) is None:
            return self._due_ns
        try:
            link.wire.flush()
            link.read(now_ns)
            # The listener may have asked to be registered again meanwhile.
            return link.answer_due(now_ns) if self._link is link else self._due_ns
        except WireError as error:
            if self._link is link:
                self._failed(str(error), now_ns)
            return self._due_ns

    def _failed(self, why: str, now_ns: int) -> None:
        since_ns = self._link.up_ns if self._link else None
        self._drop()
        self._due_ns = now_ns + self._back_off.after(now_ns - since_ns if since_ns is not None else 0)
        self._listener.closed(why, ended=False)

    def _drop(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            link.close()
