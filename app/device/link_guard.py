"""A process that sets the link of an EDID region up if this program ends while the link is down.

"Down" is a state of the driver. It stays until somebody writes "up", whatever happens to the program that wrote it, and
no order of the writes avoids it: the guest reads its new EDID because the link was down. So another process is ready
before the link goes down. It has the device open and the old EDID, and it acts when this program has ended (its socket
was closed) or has said nothing for half a minute. It gives up when the VM ends, because an open device would make the
VM's next start fail.

A signal to the process group or the end of the session does not end it. Only who kills all processes at once (the kill
file of a cgroup, an OOM killer with memory.oom.group, the end of power) leaves the link down.
"""

import errno
import fcntl
import os
import select
import signal
import socket
import struct
import time
from contextlib import suppress
from pathlib import Path

from app.abi import vfio
from app.device.edid_region import EdidRegion
from app.device.info import RegionInfo
from app.device.seam import Device
from app.host.own_session import spawn_program

_PROGRAM = Path(__file__).with_name("link_guard_program.py")
# Python starts in 20 ms, in an emulated machine in seconds. Nothing is written before.
_START_LIMIT_NS = 30_000_000_000
_END_LIMIT_MS = 1000
# The link is down for 0.1 s. In an emulated machine the window may need many seconds for its first picture meanwhile.
# A program that is stopped for longer than this must not keep the guest without a screen.
_SILENCE_LIMIT_MS = 30_000
_LINK_STATE = vfio.vfio_region_gfx_edid.link_state.offset
_EDID_SIZE = vfio.vfio_region_gfx_edid.edid_size.offset


class LinkGuard:
    """Owns the process and the socket to it."""

    def __init__(self, pid: int, connection: socket.socket) -> None:
        self._pid = pid
        self._connection = connection
        self._started = time.monotonic_ns()
        self._ready = False

    @classmethod
    def start(
        cls, device: Device, region: RegionInfo, before: EdidRegion, vm_fd: int = -1, program: Path = _PROGRAM
    ) -> "LinkGuard | None":
        """Start the process for ``device``, whose EDID is ``before``. ``vm_fd`` is the pidfd of its VM, -1 for none.

        None for a device that ends with this program. Raises OSError.
        """
        try:
            device_fd = device.duplicate()
        except OSError as error:
            if error.errno == errno.EOPNOTSUPP:
                return None
            raise
        passed = [device_fd]
        ours = theirs = None
        try:
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            ours.setblocking(False)
            # The numbers 0 to 2 become /dev/null.
            passed.append(fcntl.fcntl(theirs.fileno(), fcntl.F_DUPFD_CLOEXEC, 3))
            if vm_fd >= 0:
                passed.append(fcntl.fcntl(vm_fd, fcntl.F_DUPFD_CLOEXEC, 3))
            places = (region.offset + _LINK_STATE, region.offset + _EDID_SIZE, before.blob_offset)
            ours.send(struct.pack("=QQQI", *places, _SILENCE_LIMIT_MS) + before.blob)
            numbers = [str(each) for each in (*passed, -1)[:3]]
            return cls(spawn_program(program, numbers, passed), ours)
        except BaseException:
            if ours is not None:
                ours.close()
            raise
        finally:
            if theirs is not None:
                theirs.close()
            for each in passed:
                os.close(each)

    def ready(self) -> bool:
        """Whether it guards the link. Does not wait. Raises OSError if it has ended or does not start."""
        if not self._ready:
            try:
                self._ready = bool(self._connection.recv(16))
            except BlockingIOError:
                if time.monotonic_ns() - self._started > _START_LIMIT_NS:
                    raise OSError(errno.ETIMEDOUT, "the process that guards the link does not start") from None
                return False
            except ConnectionResetError:
                # It has ended without reading the packet.
                pass
            if not self._ready:
                raise OSError(errno.ECHILD, "the process that guards the link has ended")
        return self._ready

    def close(self) -> None:
        """End the process: the link is up, or was never down. Waits for its end; more calls do nothing."""
        pid, self._pid = self._pid, 0
        if not pid:
            return
        with suppress(OSError):
            self._connection.send(b"up")
        if not self._ready or not self._has_ended():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._connection.close()
        # A parent that ignores SIGCHLD has no children to wait for.
        with suppress(ChildProcessError):
            os.waitpid(pid, 0)

    def _has_ended(self) -> bool:
        poll = select.poll()
        poll.register(self._connection, select.POLLIN)
        return bool(poll.poll(_END_LIMIT_MS))
