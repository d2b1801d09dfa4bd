"""The interface of a VM's monitor: it takes input and commands, and tells the state of the VM.

No method waits for the VM. A monitor that is slow, dead or sends garbage only changes its :class:`MonitorStatus`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, Flag
from typing import Any, Protocol

from app.input.event import Event
from app.vm.power import PowerAction


class ConnectionState(Enum):
    """READY: the VM answers. A shared QMP socket is connected to again when there is something to send."""

    CONNECTING = "connecting"
    READY = "ready"
    LOST = "lost"


class PointingDevice(Enum):
    """The guest's active pointing device (``query-mice``)."""

    ABSOLUTE = "absolute"
    RELATIVE = "relative"
    NONE = "none"


class Lights(Flag):
    """The lights of the guest's keyboard. The values are those of the D-Bus display (``Keyboard.Modifiers``)."""

    SCROLL_LOCK = 1
    NUM_LOCK = 2
    CAPS_LOCK = 4


@dataclass(frozen=True, slots=True)
class MonitorStatus:
    """The state of the connection and of the VM.

    ``detail`` is the reason of a lost connection, or QEMU's text about input that the VM refuses; otherwise empty. A
    lost connection is retried until the monitor is closed; keys that were pressed are then released. ``pointing`` and
    ``run_state`` (QEMU's words "running", "paused", "suspended" ...) are None until the VM has told them.

    ``lights`` are those of the guest's keyboard, None if the VM does not tell them. ``touch``: it takes touches.
    ``can_retake``: another client took the controls over, and :meth:`Monitor.retake` takes them back. ``for_commands``
    is the status of the connection for commands and power actions, None if it is this one.
    """

    state: ConnectionState
    detail: str = ""
    pointing: PointingDevice | None = None
    run_state: str | None = None
    lights: Lights | None = None
    touch: bool = False
    can_retake: bool = False
    for_commands: "MonitorStatus | None" = None

    @property
    def why_not(self) -> str:
        """Why the VM takes no command, in words; empty if it does."""
        match self.state:
            case ConnectionState.READY:
                return ""
            case ConnectionState.CONNECTING:
                return "connecting to the VM's monitor"
        return self.detail or "the VM's monitor is gone"


@dataclass(frozen=True, slots=True)
class Reply:
    """The result of a command: the ``value`` that the VM returned, or an ``error`` in words.

    ``sent_ns`` is when the command was handed to the connection, ``received_ns`` when its answer had been read, both in
    nanoseconds of ``time.monotonic_ns()`` and taken on the monitor's thread. None with an error. Equality ignores them.
    """

    value: Any = None
    error: str | None = None
    sent_ns: int | None = field(default=None, compare=False)
    received_ns: int | None = field(default=None, compare=False)


class Monitor(Protocol):
    """One VM's monitor. All methods return at once, and all calls come from one thread (the window's)."""

    @property
    def status(self) -> MonitorStatus:
        """The current status; each change makes a new object."""
        ...

    def send(self, events: Sequence[Event]) -> None:
        """Send input in order. Motion is merged if the VM is too slow for it.

        It is dropped if the status is not READY, or if another program uses the VM's QMP socket for some seconds. Of
        touches, a monitor whose status has no ``touch`` sends none.

        After a short burst at most 100 keys a second are sent, because a guest's keyboard has a small buffer. If more
        than 1000 keys and buttons wait, the connection counts as lost. Send longer text in pieces.
        """
        ...

    def execute(
        self, command: str, arguments: Mapping[str, Any] | None = None, done: Callable[[Reply], None] | None = None
    ) -> None:
        """Run a QMP command. ``done`` is called exactly once, whatever happens to the connection or the monitor.

        It is called on the monitor's thread. After :meth:`close`, or after a failure of the monitor, this method calls
        it itself. The reply is an error if there is no connection, or no answer within some seconds.
        """
        ...

    def power(self, action: PowerAction, done: Callable[[Reply], None] | None = None) -> None:
        """Do it to the whole VM. ``done`` is called as by :meth:`execute`; the reply has no value."""
        ...

    def tap(self, qcode: str, done: Callable[[Reply], None]) -> None:
        """Press and release one key, past the input that waits. ``done`` is called as by :meth:`execute`.

        Its times are those of the first byte sent and the last answer. Whatever happens, the key does not stay pressed.
        """
        ...

    def retake(self, refused: Callable[[str], None]) -> None:
        """Take the controls back from the client that took them over, which loses them. Otherwise does nothing.

        ``refused`` gets the reason in words if that is not possible, on any thread.
        """
        ...

    def close(self, *, wait: bool = True) -> None:
        """Send the queued input, release all pressed keys and buttons, and disconnect; more calls do nothing.

        This takes at most about half a second if the VM does not answer, two if another program uses its QMP socket,
        and ends the thread. With ``wait=False`` it returns at once. The thread then ends by itself, and the end of the
        program waits for it.
        """
        ...


Changed = Callable[[], None]
"""Called on the monitor's thread after each change of its status."""
