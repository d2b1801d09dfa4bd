"""The connections of this program to VMs' displays, one for each VM: peer to peer, a second one would end the first."""

from app.dbus_display.connection.vm_display import ControlState, VmDisplay
from app.vm.shared import Shared


class Displays(Shared[VmDisplay]):
    """Owns the displays, each while somebody uses it; one that was lost gets no more users.

    The key names the VM: its pid and start time, or its bus and unique name.
    """

    def __init__(self) -> None:
        super().__init__(lambda display: display.state is not ControlState.LOST, lambda display: display.close())


DISPLAYS = Displays()
"""This program's."""
