"""Which keyboard of a guest this program can serve."""

import errno
from dataclasses import replace

from app.xen.access.seam import Store
from app.xen.backend.device import VKBD, Device

ADVICE = "write vkb=['backend-type=linux,feature-abs-pointer=1'] to its xl configuration"
_MOST = 4
"""So many keyboards of a guest are looked at: xl numbers them from 0."""


def find_keyboard(store: Store, domid: int, backend_domid: int = 0) -> Device | str:
    """The first keyboard without a backend of its own; otherwise the reason why there is none, in one line.

    xl puts ``backend-type=linux`` below ``backend/vinput`` and a keyboard of QEMU below ``backend/vkbd`` (libxl_vkb.c).
    Raises OSError if xenstore cannot be read.
    """
    by_qemu = False
    for number in range(_MOST):
        for name in (VKBD.back_name, VKBD.front_name):
            device = Device(replace(VKBD, back_name=name), domid, number, backend_domid)
            if _read(store, f"{device.backend}/state") is None:
                continue
            if name == VKBD.back_name or _read(store, f"{device.backend}/backend-type") == "linux":
                return device
            by_qemu = True
    if by_qemu:
        return f"the guest's keyboard is served by QEMU (backend-type=qemu): {ADVICE}"
    return f"the guest has no PV keyboard: {ADVICE}"


def _read(store: Store, path: str) -> str | None:
    try:
        return store.read(path)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.EACCES):
            return None
        raise
