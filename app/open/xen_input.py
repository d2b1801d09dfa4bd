"""Input for a Xen guest: its PV keyboard and pointer."""

from app.vm.input_route import InputRoute, NoInput
from app.xen.display.lookup import XenGuest

KEYBOARD_LINE = "vkb=['backend-type=linux']"
"""What gives a guest a keyboard and a pointer, in its xl configuration."""

NO_KEYBOARD = NoInput(f"the guest has no PV keyboard: write {KEYBOARD_LINE} in its xl configuration")


def guest_input(guest: XenGuest) -> InputRoute:
    """The route to the first keyboard of a guest."""
    return NO_KEYBOARD
