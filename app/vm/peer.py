"""What a monitor talks to, from the inside: one connection that takes commands."""

from collections.abc import Mapping
from typing import Any, Protocol


class Lost(Exception):
    """There is no connection, or it ended; the reason in words."""


class Nonsense(Lost):
    """The connection stands, but an answer that came over it makes no sense."""


class Refused(Exception):
    """The VM answered a command with an error; its words."""


class Peer(Protocol):
    """A connection that stands. Used on the monitor's own event loop."""

    async def execute(self, command: str, arguments: Mapping[str, Any] | None) -> Any:
        """What the command returns. Raises Refused, Nonsense or Lost. It may take for ever, and be cancelled."""
        ...

    async def news(self) -> None:
        """Return when the VM said that its state changed."""
        ...

    async def lost(self) -> str:
        """Return when the connection ended: why, in words."""
        ...
