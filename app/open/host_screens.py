"""All screens of this host: vGPUs, D-Bus displays of VMs, and displays of Xen guests. Opens none of them."""

import logging
from dataclasses import replace

from app.errors import MdevviewError, error_text
from app.host import screens as host_screens
from app.host.guest_screen import GuestScreen
from app.host.paths import Paths
from app.host.scan import HostScan
from app.host.screens import HostScreens
from app.host.xen import is_dom0

_log = logging.getLogger(__name__)

_NOT_LISTED = (
    "the guests of this Xen host are not listed, because only root may read xenstore; the TARGET xen:NAME opens one "
    "after root's permission was asked for"
)


def find_screens(scan: HostScan) -> HostScreens:
    """All screens of the host. Reads xenstore if this user may; nobody is asked for permission."""
    found = host_screens.find_screens(scan)
    if not (scan.paths.dev / "xen").is_dir():
        return found
    try:
        return replace(found, guests=guest_screens(scan.paths))
    except PermissionError:
        return replace(found, guests_note=_NOT_LISTED) if is_dom0(scan.paths) else found
    except FileNotFoundError:
        # A PV driver without xenstore, or a folder that something else made.
        return found
    except OSError as error:
        _log.info("xenstore cannot be read: %s", error)
        return replace(found, guests_note=f"the guests of this Xen host are not listed: {error_text(error)}")


def guest_screens(paths: Paths) -> tuple[GuestScreen, ...]:
    """The screens of the guests, in the order of their domids. Raises OSError."""
    # Imported here: a host without Xen needs nothing of it.
    from app.open.xen_access import listed_domains  # noqa: PLC0415
    from app.open.xen_guests import XenChoice, check_served, unique_names  # noqa: PLC0415
    from app.xen.abi.xenbus import XenbusStateConnected  # noqa: PLC0415

    domains, own_domid = listed_domains(paths)
    unique = unique_names(domains)
    found = []
    for guest in domains:
        for display in guest.displays:
            for connector in display.connectors:
                choice = XenChoice(guest, display, connector, guest.name in unique)
                why_not = ""
                try:
                    check_served(choice, own_domid)
                except MdevviewError as error:
                    why_not = str(error)
                found.append(
                    GuestScreen(
                        choice.target,
                        guest.name,
                        guest.domid,
                        guest.kind,
                        display.device,
                        connector.number,
                        connector.width,
                        connector.height,
                        display.backend_state == XenbusStateConnected,
                        why_not,
                    )
                )
    return tuple(found)
