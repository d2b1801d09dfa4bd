"""The connection that a monitor uses: one VM that takes commands."""

from collections.abc import Mapping
from typing import Any, Protocol


class ConnectionLost(Exception):
    """There is no connection, or it ended; the text is the reason."""


class ProtocolError(ConnectionLost):
    """The connection is there, but an answer on it is not valid."""


class CommandError(Exception):
    """The VM answered a command with an error; the text is the VM's."""


class Peer(Protocol):
    """A working connection. Used on the monitor's own event loop."""

    async def execute(self, command: str, arguments: Mapping[str, Any] | None) -> Any:
        """The value that the command returns. Has no time limit of its own, and may be cancelled.

        Raises CommandError, ProtocolError or ConnectionLost.
        """
        ...

    async def wait_for_event(self) -> None:
        """Return when the VM has told that its state changed."""
        ...

    async def wait_closed(self) -> str:
        """Return when the connection has ended: the reason in words."""
        ...
