"""A viewer that sets a resolution: ``python -m ... DEVICE_FD VM_PIDFD PLACE``.

It prints "down" and stays as soon as the link is down, or "set" if PLACE is "end". With the PLACE "blob" it stays in
the middle of writing the EDID.
"""

import sys
import time

from app.device import link_guard
from app.edid.make import DEFAULT_DPI
from app.edid.mode import Mode
from app.vfio.edid_resolution import EdidResolution
from tests.unit.app.device.edid_file import BLOB_AT, OFFSET, EdidFile

# A test does not wait for half a minute.
link_guard._SILENCE_LIMIT_MS = 3000
fd, pidfd, place = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]


class Slow(EdidFile):
    def pwrite(self, data: bytes, offset: int) -> int:
        if place == "blob" and offset == OFFSET + BLOB_AT:
            super().pwrite(data[:40], offset)
            print("down", flush=True)
            time.sleep(100)
        return super().pwrite(data, offset)


resolution = EdidResolution(Slow(fd), lambda: pidfd)
resolution.begin(Mode(800, 600), DEFAULT_DPI)
while (left := resolution.step()) is not None:
    # The writer waits 100 ms with the link down, and only a few for its helper.
    if left > 50_000_000 and place == "down":
        print("down", flush=True)
        time.sleep(100)
    time.sleep(left / 1e9)
print("set", flush=True)
