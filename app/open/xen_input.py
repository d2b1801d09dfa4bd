"""Input for a Xen guest: its PV keyboard and pointer."""

from app.errors import error_text
from app.open.xen_guests import XenChoice
from app.vm.input_route import InputRoute, NoInput
from app.xen.access.seam import Store
from app.xen.keyboard.input import xen_input


def guest_input(store: Store, choice: XenChoice) -> InputRoute:
    """The route to the keyboard of a guest whose screen is to be served; one with a reason if there is none."""
    size = choice.connector.width, choice.connector.height
    try:
        return xen_input(store, choice.guest.domid, size, choice.display.backend_domid)
    except OSError as error:
        return NoInput(f"xenstore does not tell whether the guest has a keyboard: {error_text(error)}")
