"""A connected socket through which a VM's D-Bus display is reached. Nothing was sent on it yet."""

import socket
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Endpoint:
    """``bus_name`` is the VM's unique name on the bus at the other end; None if the VM itself is there (peer to peer).

    The socket waits for the client's authentication. ``open_again`` connects once more, after another client took
    the controls over; it waits some seconds at most and raises OSError or MdevviewError. None if that is not possible.
    """

    socket: socket.socket
    bus_name: str | None = None
    open_again: Callable[[], socket.socket] | None = None
