"""The connection to the D-Bus display of one VM, on a thread of its own.

The thread serves the control connection and the listeners of all consoles that are shown. It never waits for OpenGL,
Qt or a disk: QEMU waits for our answers in its main loop.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from app.dbus_display.console_facts import VmDisplayFacts
from app.dbus_display.listener import Listener


class ControlState(Enum):
    """TAKEN_OVER: another client is connected (in p2p mode there is one at a time). LOST: the VM has ended."""

    CONNECTED = "connected"
    TAKEN_OVER = "taken-over"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class CallResult:
    """The reply to a method call: its arguments, or an error: its D-Bus name and its words.

    Times are nanoseconds of ``time.monotonic_ns()``, None with an error of our own ("" as the name).
    """

    body: tuple[Any, ...] = ()
    error: tuple[str, str] | None = None
    sent_ns: int | None = None
    received_ns: int | None = None


class VmDisplay:
    """Owns the thread, the control connection, and the sockets of the listeners. Methods may be called on any thread.

    No method but :meth:`close` waits.
    """

    @property
    def facts(self) -> VmDisplayFacts:
        """What the VM told; it follows ``PropertiesChanged``."""
        raise NotImplementedError

    @property
    def state(self) -> ControlState:
        raise NotImplementedError

    def properties(self, path: str, interface: str) -> Mapping[str, Any]:
        """The last known properties of an interface; empty if there are none."""
        raise NotImplementedError

    def call(
        self,
        path: str,
        interface: str,
        member: str,
        signature: str = "",
        body: tuple[Any, ...] = (),
        done: Callable[[CallResult], None] | None = None,
    ) -> None:
        """Call a method of the VM. ``done`` is called exactly once, on the display's thread or on this one."""
        raise NotImplementedError

    def serve(
        self, path: str, interface: str, handle: Callable[[str, tuple[Any, ...]], tuple[str, tuple[Any, ...]]]
    ) -> None:
        """Serve the calls of the VM on this object of ours (the clipboard).

        ``handle`` gets the member and the arguments, on the display's thread, and returns signature and arguments of
        the reply.
        """
        raise NotImplementedError

    def subscribe(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Call ``changed`` on the display's thread after each change of properties or state. Returns what ends that."""
        raise NotImplementedError

    def listen(self, console: int, listener: Listener) -> None:
        """Register the listener for a console. One console has one listener; ValueError for a second."""
        raise NotImplementedError

    def unlisten(self, console: int) -> None:
        """Close the listener's socket; more calls do nothing."""
        raise NotImplementedError

    def register_again(self, console: int) -> bool:
        """Register the listener of a console once more, to get the current picture. False if it was done before."""
        raise NotImplementedError

    def wake(self) -> None:
        """Ask the listeners for due answers soon."""
        raise NotImplementedError

    def retake(self) -> None:
        """Connect again after another client took the controls over; it loses them."""
        raise NotImplementedError

    def close(self) -> None:
        """Close every socket and end the thread; more calls do nothing."""
        raise NotImplementedError
