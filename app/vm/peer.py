"""The connection of a monitor to one VM, which takes commands."""

from collections.abc import Mapping
from typing import Any, Protocol

from app.vm.power import PowerAction


class ConnectionLost(Exception):
    """There is no connection, or it has ended. The text is the reason."""


class ProtocolError(ConnectionLost):
    """There is a connection, but an answer is invalid."""


class CommandError(Exception):
    """The VM answered a command with an error. The text is the VM's."""


class Peer(Protocol):
    """A working connection. Used on the monitor's own event loop."""

    async def execute(self, command: str, arguments: Mapping[str, Any] | None) -> Any:
        """The value that the command returns. Has no time limit of its own, and may be cancelled.

        Raises CommandError, ProtocolError or ConnectionLost.
        """
        ...

    async def power(self, action: PowerAction) -> None:
        """Do it to the whole VM. As :meth:`execute` otherwise."""
        ...

    async def wait_for_event(self) -> None:
        """Wait until the VM tells that its state changed."""
        ...

    async def wait_closed(self) -> str:
        """Wait until the connection has ended. Returns the reason."""
        ...
