"""What serves the calls that QEMU makes on a listener's socket."""

from dataclasses import dataclass
from typing import Protocol

from jeepney import Message


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error reply: the name of a D-Bus error, and words."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Done:
    """An empty reply."""


@dataclass(frozen=True, slots=True)
class Later:
    """The reply is sent when :meth:`Listener.due_answers` has the call's serial number."""


Answer = Done | Later | Refusal


class Listener(Protocol):
    """One console's listener. All calls come on the display's thread. No call waits or raises.

    The thread answers authentication, ``GetAll`` and unknown methods itself. Everything else comes here.
    """

    interfaces: tuple[str, ...]
    """The further interfaces that are offered to QEMU."""

    def handle(self, call: Message, now_ns: int) -> Answer:
        """A method call at ``now_ns`` of ``time.monotonic_ns()``. Takes over the FileDescriptor objects in it."""
        ...

    def due_answers(self, now_ns: int) -> tuple[list[int], int | None]:
        """The serial numbers of the calls to answer now, and when to ask again at the latest (None: not by time)."""
        ...

    def closed(self, reason: str, *, ended: bool) -> None:
        """The socket has ended, for this reason. ``ended``: the VM has ended, too. Registered again otherwise."""
        ...

    def registered(self) -> None:
        """QEMU will send the current picture: what comes from now on is of a new registration."""
        ...
