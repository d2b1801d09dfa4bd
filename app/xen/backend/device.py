"""The kinds of devices this end serves, and where one lies in xenstore."""

from dataclasses import dataclass

from app.xen.abi.displif import XENDISPL_DRIVER_NAME
from app.xen.abi.kbdif import XENKBD_DRIVER_NAME
from app.xen.abi.xenbus import (
    XenbusStateClosed,
    XenbusStateConnected,
    XenbusStateInitialised,
    XenbusStateInitWait,
)


@dataclass(frozen=True, slots=True)
class DeviceKind:
    """``ready``: the front end's states in which its nodes are complete. ``closed``: this end's state after a close."""

    front_name: str
    back_name: str
    ready: frozenset[int]
    closed: int


VDISPL = DeviceKind(
    XENDISPL_DRIVER_NAME, XENDISPL_DRIVER_NAME, frozenset({XenbusStateInitialised}), closed=XenbusStateClosed
)
"""After Closed the front end unplugs its card and waits for the next InitWait (``xen_drm_front.c``)."""

VKBD = DeviceKind(
    XENKBD_DRIVER_NAME,
    "vinput",
    frozenset({XenbusStateInitialised, XenbusStateConnected}),
    closed=XenbusStateInitWait,
)
"""``vkb=['backend-type=linux']`` of xl. After Closing or Closed the front end would end for good
(``xen-kbdfront.c``); its page stays valid from one backend to the next. ``xl destroy`` waits 10 s for a Closed that no
backend writes then (LIBXL_DESTROY_TIMEOUT in ``libxl_device.c``), as it does where none ever served the device."""


@dataclass(frozen=True, slots=True)
class Device:
    """One device of a guest. Its paths are made here: what the guest's nodes say of paths is not used."""

    kind: DeviceKind
    domid: int
    number: int
    backend_domid: int = 0

    @property
    def backend(self) -> str:
        return f"/local/domain/{self.backend_domid}/backend/{self.kind.back_name}/{self.domid}/{self.number}"

    @property
    def frontend(self) -> str:
        return f"{self.domain}/device/{self.kind.front_name}/{self.number}"

    @property
    def domain(self) -> str:
        """This node exists as long as the guest."""
        return f"/local/domain/{self.domid}"
