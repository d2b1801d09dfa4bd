"""Calls the installed helper by sudo, as the viewer does, and uses the fds it gets: ``python -m ... PID[,FD]...``.

Prints one JSON document per request: the fds that were sent, or the refusal.
"""

import json
import os
import sys
from pathlib import Path

from app.attach.helper_fds import HelperMethod
from app.attach.helper_request import request_fds
from app.errors import MdevviewError
from tests.lab.inside.rawvfio import DMABUF, PROBE, REGION, Device, Plane


def main() -> None:
    for each in sys.argv[1:]:
        pid, *fd = map(int, each.split(","))
        print(json.dumps({"uid": os.getuid(), **_ask(pid, fd[0] if fd else None)}))


def _ask(pid: int, fd: int | None) -> dict[str, object]:
    try:
        handed = request_fds(pid, fd, HelperMethod.SUDO)
    except MdevviewError as error:
        return {"error": type(error).__name__, "message": error.message}
    return {
        "handed": [
            {
                "number": each.number,
                "link": str(Path(f"/proc/self/fd/{each.fd}").readlink()),
                "groups": each.groups,
                "device": each.device,
                "planes": _planes(Device(each.fd)),
            }
            for each in handed
        ]
    }


def _planes(device: Device) -> list[str]:
    """The types of planes that the device offers, with the size of the primary plane."""
    found = []
    with device:
        for kind, flags in (("dmabuf", DMABUF), ("region", REGION)):
            try:
                device.ask(PROBE | flags)
            except OSError:
                continue
            plane = _primary(device, flags)
            found.append(f"{kind} {plane.width}x{plane.height}")
    return found


def _primary(device: Device, flags: int) -> Plane:
    try:
        return device.ask(flags)
    except OSError:
        # With mbochs as shipped the first query of each mode fails.
        return device.ask(flags)


if __name__ == "__main__":
    main()
