"""A VM's monitor, as a viewer uses it: input goes there, and news of the VM comes from there.

Nothing here waits for the peer: a monitor that is slow, dead or talks nonsense changes :class:`Link` and nothing else.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

from app.input.event import Event


class LinkState(Enum):
    CONNECTING = "connecting"
    READY = "ready"
    LOST = "lost"


class Pointing(Enum):
    """What the guest's active pointing device is (``query-mice``)."""

    ABSOLUTE = "absolute"
    RELATIVE = "relative"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Link:
    """How the connection stands. ``detail`` says in a few words why it is lost, for a person to read.

    Of one that is ready it says what input the VM refuses, in QEMU's words; it is empty where all is well. A lost one
    is tried again by itself until it is closed. What was pressed in the VM when it was lost is released by itself.
    ``pointing`` is None until the VM said. ``run_state`` is QEMU's word ("running", "paused", "suspended"), None
    until it said.
    """

    state: LinkState
    detail: str = ""
    pointing: Pointing | None = None
    run_state: str | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What a command came to: ``value`` as the VM returned it, or ``error`` in words."""

    value: Any = None
    error: str | None = None


class Monitor(Protocol):
    """One VM's monitor. All methods return at once and may be called from one thread (the window's) only."""

    @property
    def link(self) -> Link:
        """How it stands now; replaced as a whole when it changes."""
        ...

    def send(self, events: Sequence[Event]) -> None:
        """Pass input on, in order. Motion that the VM was too slow for is merged; without a link it is dropped.

        Keys go at no more than 100 a second, after a few at once, as a guest's keyboard holds few. More than 1000
        keys and buttons that wait are a lost link: longer text is sent in pieces.
        """
        ...

    def execute(
        self, command: str, arguments: Mapping[str, Any] | None = None, done: Callable[[Reply], None] | None = None
    ) -> None:
        """Run a QMP command. ``done`` is called once, on a thread of the monitor's; also when the link is lost.

        Without a link, or an answer within some seconds, the reply is an error. After :meth:`close` it comes at once.
        """
        ...

    def close(self, *, wait: bool = True) -> None:
        """Let input that waits arrive, release what is pressed, and hang up; more calls do nothing.

        It takes at most half a second or so where the VM does not answer, and leaves no thread. Without ``wait`` it
        returns at once, and another call waits for what is left.
        """
        ...


Changed = Callable[[], None]
"""Called on a thread of the monitor's whenever its link was replaced."""
