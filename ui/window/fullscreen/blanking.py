"""Keeps the desktop from blanking the screen or starting a screen saver.

By ``org.freedesktop.ScreenSaver`` on the session bus (https://specifications.freedesktop.org/idle-inhibit-spec), which
GNOME, KDE and XFCE answer. No call waits for its answer. A desktop drops the request of a program that leaves the bus,
so a program that is killed leaves nothing behind.
"""

import logging
from typing import cast

from PyQt6.QtCore import QMetaType, QObject
from PyQt6.QtDBus import (
    QDBusArgument,
    QDBusConnection,
    QDBusMessage,
    QDBusPendingCallWatcher,
    QDBusPendingReply,
    QDBusServiceWatcher,
)

_log = logging.getLogger(__name__)

SERVICE, PATH = "org.freedesktop.ScreenSaver", "/org/freedesktop/ScreenSaver"
_REASON = "A virtual machine is watched in fullscreen"


class Blanking(QObject):
    """Holds at most one request to the screen saver."""

    def __init__(self, parent: QObject | None = None, bus: QDBusConnection | None = None) -> None:
        """``bus`` is the session bus; None for Qt's own connection to it."""
        super().__init__(parent)
        self._bus = bus or QDBusConnection.sessionBus()
        self._wanted = False
        self._told = ""
        self._cookie: int | None = None
        self._call: QDBusPendingCallWatcher | None = None
        self._is_another = False
        """Another screen saver has started, or it has ended, since the call was made."""
        watched = QDBusServiceWatcher.WatchModeFlag.WatchForOwnerChange
        self._watcher = QDBusServiceWatcher(SERVICE, self._bus, watched, self)
        self._watcher.serviceOwnerChanged.connect(self._owner_changed)

    @property
    def busy(self) -> bool:
        """Whether the desktop has not answered yet."""
        return self._call is not None

    @property
    def holds(self) -> bool:
        """Whether the desktop does not blank the screen now, because it was asked."""
        return self._cookie is not None

    def inhibit(self, on: bool) -> None:
        """Ask the desktop not to blank the screen, or take that back. To ask twice is to ask once."""
        if on is not self._wanted:
            self._wanted = on
            self._update()

    def _update(self) -> None:
        on = self._wanted
        if on and not self._bus.isConnected():
            self._tell("there is no session bus")
        elif on and self._cookie is None and self._call is None:
            message = _message("Inhibit")
            message.setArguments(["mdevview", _REASON])
            self._is_another = False
            self._call = QDBusPendingCallWatcher(self._bus.asyncCall(message), self)
            self._call.finished.connect(self._answered)
        elif not on and self._cookie is not None:
            self._release()

    def _answered(self, call: QDBusPendingCallWatcher) -> None:
        self._call = None
        call.deleteLater()
        reply = QDBusPendingReply(call).reply()
        arguments = reply.arguments()
        if reply.type() is not QDBusMessage.MessageType.ReplyMessage or not isinstance(
            next(iter(arguments), None), int
        ):
            # A desktop without a screen saver: there is nothing to ask.
            self._tell(reply.errorMessage() or "the answer has no cookie")
        else:
            self._cookie = arguments[0]
            # Fullscreen may have ended before the answer came.
            if not self._wanted or self._is_another:
                self._release()
        if self._is_another:
            # Qt may tell of a new owner before it gives the answer that there was none.
            self._update()

    def _owner_changed(self, _service: str, _old: str, new: str) -> None:
        """A screen saver that ended knows no request any more; one that starts has to be asked."""
        self._cookie, self._is_another = None, True
        if new:
            self._update()

    def _tell(self, reason: str) -> None:
        """Log the reason once, and not each time that a picture comes back."""
        if reason != self._told:
            self._told = reason
            _log.info("the screen may be blanked: %s", reason)

    def _release(self) -> None:
        cookie, self._cookie = self._cookie, None
        message = _message("UnInhibit")
        # The specification's type is uint32, and Python's int would be sent as int32.
        message.setArguments([QDBusArgument(cookie, cast("int", QMetaType.Type.UInt.value))])
        # No answer is needed.
        self._bus.send(message)


def _message(method: str) -> QDBusMessage:
    message = QDBusMessage.createMethodCall(SERVICE, PATH, SERVICE, method)
    # A desktop that has no screen saver is not asked to start one.
    message.setAutoStartService(False)
    return message
