"""Sets the link of an EDID region up if the program that has set it down ends. Run by app/device/link_guard.py.

``python -ISB link_guard_program.py mdevview DEVICE_FD SOCKET_FD VM_PIDFD`` (-1: no VM). It imports nothing of this
project: it must start quickly, and needs no settings. The argument "mdevview" lets other viewers know what it is.

The socket takes one packet (the places, a time limit and the old EDID), and another one if the link is up again. Its
end means that the program has ended.
"""

import os
import select
import signal
import struct
import sys

_MOST_BYTES = 1 << 17
# Three places, and the milliseconds to wait.
_HEAD = "=QQQI"
# include/uapi/linux/vfio.h
_UP, _DOWN = (1).to_bytes(4, "little"), (2).to_bytes(4, "little")


def main(device: int, connection: int, vm: int) -> None:
    # It ends by itself. The end of a terminal or of a desktop session must not end it before.
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    _close_others(device, connection, vm)
    try:
        packet = os.read(connection, _MOST_BYTES)
        if not packet:
            return
        os.write(connection, b"ready")
    except OSError:
        # Without the answer the program does not set the link down.
        return
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    if vm >= 0:
        poll.register(vm, select.POLLIN)
    link_at, size_at, blob_at, limit_ms = struct.unpack_from(_HEAD, packet)
    ready = {fd for fd, _ in poll.poll(limit_ms)}
    if vm not in ready and (connection not in ready or not _is_told(connection)):
        _restore(device, link_at, size_at, blob_at, packet[struct.calcsize(_HEAD) :])


def _close_others(*kept: int) -> None:
    """Close what was inherited by mistake: it could be the device once more, or a terminal."""
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2 and int(name) not in kept:
            # This ignores that the fd of the listing itself is closed by now.
            os.closerange(int(name), int(name) + 1)


def _is_told(connection: int) -> bool:
    """Whether the program said that the link is up. After its end a read fails or returns nothing."""
    try:
        return bool(os.read(connection, 16))
    except OSError:
        return False


def _restore(device: int, link_at: int, size_at: int, blob_at: int, blob: bytes) -> None:
    """If the link is down, write the old EDID and set the link up, even if the EDID could not be written."""
    try:
        if os.pread(device, 4, link_at) != _DOWN:
            return
        os.pwrite(device, len(blob).to_bytes(4, "little"), size_at)
        done = 0
        while done < len(blob) and (count := os.pwrite(device, blob[done:], blob_at + done)) > 0:
            done += count
    except OSError:
        pass
    os.pwrite(device, _UP, link_at)


if __name__ == "__main__":
    main(*map(int, sys.argv[2:5]))
    # Nothing is left to do, and the device must be closed soon.
    os._exit(0)
