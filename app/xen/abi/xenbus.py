"""``include/xen/interface/io/xenbus.h``: the states of both ends of a device, text of their nodes ``state``."""

XenbusStateUnknown = 0
XenbusStateInitialising = 1
XenbusStateInitWait = 2
XenbusStateInitialised = 3
XenbusStateConnected = 4
XenbusStateClosing = 5
XenbusStateClosed = 6
XenbusStateReconfiguring = 7
XenbusStateReconfigured = 8

_NAMES = (
    "Unknown",
    "Initialising",
    "InitWait",
    "Initialised",
    "Connected",
    "Closing",
    "Closed",
    "Reconfiguring",
    "Reconfigured",
)


def xenbus_strstate(state: int) -> str:
    """The kernel's word for a state; INVALID for other numbers (``drivers/xen/xenbus/xenbus_client.c``)."""
    return _NAMES[state] if 0 <= state < len(_NAMES) else "INVALID"
