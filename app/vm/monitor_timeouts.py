"""How long a monitor waits for a VM, and how long it holds the VM's socket."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MonitorTimeouts:
    """Times in seconds."""

    connect: float = 2.0
    """After this the VM counts as lost, and input that waits for the connection is dropped."""
    reply: float = 5.0
    retry_delays: tuple[float, ...] = (1.0, 2.0, 5.0)
    """The pauses before the attempts to reconnect; the last one is repeated."""
    query_interval: float = 2.0
    """The pause between two queries of the pointing device, whose change no event tells."""
    close: float = 0.5
    """The time for sending the queued input when the monitor is closed."""
    hold: float | None = None
    """How long a shared socket is held. None: it is not shared, and the connection is kept."""
    look: float = 5.0
    """A shared socket that was let go is asked for the VM's state after this time, because no event tells it."""


# Half of the time after which Proxmox VE gives up, so that the other half is left for what it asks.
SHARED = MonitorTimeouts(hold=1.5)
"""For the socket that other programs use, too."""
