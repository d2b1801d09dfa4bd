"""Server addresses of D-Bus, as a VM's option or a user gives them ("Server Addresses" in the D-Bus specification).

Only unix sockets are used: no other transport passes fds, and without them QEMU registers no listener.
"""

import os

from jeepney.bus import parse_addresses

from app.errors import UsageError
from app.qemu.qmp_address import UnixAddress, unix_address
from app.text.clean import clean

_FORM = "give the address of a bus, such as unix:path=/run/user/1000/bus"


def unix_addresses(text: str) -> tuple[UnixAddress, ...]:
    """The unix sockets that a client tries in this order. Raises UsageError if there are none."""
    try:
        parsed = list(parse_addresses(text.rstrip(";")))
    except ValueError:
        raise UsageError(f"{clean(text)!r} is no address of D-Bus", _FORM) from None
    found = [address for kind, keys in parsed if kind == "unix" and (address := _unix(keys)) is not None]
    if not found:
        raise UsageError(
            f"{clean(text)}: only unix sockets can be used, because only they pass file descriptors", _FORM
        )
    return tuple(found)


def session_bus_of(uid: int) -> str:
    """Where systemd's user session has the bus of a user (pam_systemd(8))."""
    return f"unix:path=/run/user/{uid}/bus"


def _unix(keys: dict[str, str]) -> UnixAddress | None:
    if "abstract" in keys:
        return UnixAddress(keys["abstract"], abstract=True) if keys["abstract"] else None
    if "path" in keys:
        return unix_address(keys["path"])
    if keys.get("runtime") == "yes" and (folder := os.environ.get("XDG_RUNTIME_DIR")):
        return unix_address(f"{folder}/bus")
    return None
