"""A VM's monitor, as a window uses it: it takes input and commands, and tells the state of the VM.

No method waits for the VM. A monitor that is slow, dead or sends garbage changes its :class:`MonitorStatus` only.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

from app.input.event import Event


class ConnectionState(Enum):
    CONNECTING = "connecting"
    READY = "ready"
    LOST = "lost"


class PointingDevice(Enum):
    """The guest's active pointing device (``query-mice``)."""

    ABSOLUTE = "absolute"
    RELATIVE = "relative"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class MonitorStatus:
    """The state of the connection and of the VM.

    ``detail``: why the connection is lost, or in QEMU's words which input the VM refuses; empty if all is well. A lost
    connection is tried again until the monitor is closed, and keys that were pressed then are released.
    ``pointing`` and ``run_state`` ("running", "paused", "suspended": QEMU's words) are None until the VM has told them.
    """

    state: ConnectionState
    detail: str = ""
    pointing: PointingDevice | None = None
    run_state: str | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """The result of a command: the ``value`` that the VM returned, or an ``error`` in words."""

    value: Any = None
    error: str | None = None


class Monitor(Protocol):
    """One VM's monitor. All methods return at once, and all calls come from one thread (the window's)."""

    @property
    def status(self) -> MonitorStatus:
        """The present state; a new object whenever it changes."""
        ...

    def send(self, events: Sequence[Event]) -> None:
        """Pass input on, in order; dropped while there is no connection. Motion that the VM is too slow for is merged.

        Keys are sent at no more than 100 a second after a short burst, because a guest's keyboard holds few. When more
        than 1000 keys and buttons wait, the connection counts as lost: send longer text in pieces.
        """
        ...

    def execute(
        self, command: str, arguments: Mapping[str, Any] | None = None, done: Callable[[Reply], None] | None = None
    ) -> None:
        """Run a QMP command. ``done`` is called exactly once, whatever happens to the connection or the monitor.

        It is called on the monitor's thread; after :meth:`close`, or when the monitor has failed, at once and here.
        The reply is an error if there is no connection, or no answer within some seconds.
        """
        ...

    def close(self, *, wait: bool = True) -> None:
        """Send input that waits, release what is pressed, and disconnect; more calls do nothing.

        Takes about half a second at most if the VM does not answer, and leaves no thread. With ``wait=False`` it
        returns at once; the thread then ends by itself, and the end of the program waits for it.
        """
        ...


Changed = Callable[[], None]
"""Called on the monitor's thread whenever its status was replaced."""
