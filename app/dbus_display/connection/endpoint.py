"""The way to a VM's D-Bus display, before anything was said on it."""

import socket
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Endpoint:
    """``connection`` is a connected stream socket, not yet authenticated; who gets the Endpoint owns it.

    ``bus_name`` is the unique name of the VM on a bus; None: peer to peer. ``open_again`` makes another such socket
    after another client took the controls over; it may wait, raises OSError or MdevviewError, and is None where that
    cannot be.
    """

    connection: socket.socket
    bus_name: str | None = None
    open_again: Callable[[], socket.socket] | None = None
