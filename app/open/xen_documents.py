"""What ``inspect`` tells of a screen of a Xen guest. A published key keeps its meaning."""

from app.open.xen_guests import XenChoice
from app.open.xen_target import XenRefs
from app.planes.plane_document import Document
from app.xen.display.lookup import XenConnector, XenDisplay

DISPLAY_TYPE = "xen-vdispl"
REFS_TYPE = "xen-grant-references"


def describe_screen(choice: XenChoice) -> Document:
    """The parts ``display`` (null: this is no VFIO device), ``device`` and ``vm_display``, as for a VM's console.

    ``vm_display`` has no ``interfaces`` (null), ``state`` "served", and with ``domid``, ``kind`` ("pv", "pvh", "hvm" or
    null), ``device`` and ``be_alloc`` what only Xen has. Its consoles are the connectors of the display.
    """
    guest, display = choice.guest, choice.display
    return {
        "display": None,
        "device": _device(f"connector {choice.connector.number}", DISPLAY_TYPE),
        "vm_display": {
            "name": guest.name or None,
            "uuid": guest.uuid or None,
            "state": "served",
            "interfaces": None,
            "domid": guest.domid,
            "kind": guest.kind or None,
            "device": display.device,
            "be_alloc": display.be_alloc,
            "consoles": [
                _console(display, each) | {"shown": display is choice.display and each is choice.connector}
                for display in guest.displays
                for each in display.connectors
            ],
        },
    }


def describe_refs(target: XenRefs, domid: int, pages: int) -> Document:
    """The parts ``display`` and ``device``, and ``references``: the domain, and how many pages it granted."""
    return {
        "display": None,
        "device": _device(f"pages of domain {domid}", REFS_TYPE),
        "references": {"domid": domid, "guest": target.guest, "pages": pages},
    }


def _device(name: str, kind: str) -> Document:
    return {"name": name, "type": kind, "driver": None, "module": None, "simulated": False, "cursor_plane": False}


def _console(display: XenDisplay, connector: XenConnector) -> Document:
    return {
        "number": connector.number,
        "label": connector.unique_id or None,
        "head": None,
        "graphic": True,
        "width": connector.width,
        "height": connector.height,
        "device_address": f"vdispl {display.device}",
        "interfaces": [],
    }
