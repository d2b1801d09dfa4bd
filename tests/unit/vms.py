"""Stands in for VMs to attach to: real processes with real fds, in a test's own /proc and with its own devices.

A fd of such a process is a memfd. Its name is the kind of device that answers behind it, or what else it is.
"""

import errno
import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from app.abi import vfio
from app.attach.duplicates import ProcessAccess
from app.attach.helper_fds import ReceivedFd
from tests.unit.hosts import DEVICE_FD, Host, stat_line
from tests.unit.scripted import ScriptedDevice, memfd, plane_answer

# Kind of device: PCI identity, size of the first BAR, kind of planes.
KINDS = {
    "mbochs": ((0x1234, 0x1111), 4 << 20, vfio.VFIO_GFX_PLANE_TYPE_DMABUF),
    "mdpy": ((0x1B36, 0x000F), 0, vfio.VFIO_GFX_PLANE_TYPE_REGION),
    "nic": ((0x8086, 0x1572), 8 << 20, 0),
}
CONFIG = 7 << 40


@dataclass
class VmDevice(ScriptedDevice):
    """Answers as the kind of device that a memfd is named after; owns the memfd."""

    fd: int = -1
    kind: str = "mbochs"
    primary: Callable[[], bytes | int | None] = field(default=plane_answer)

    def ioctl(self, request: int, buffer: bytearray) -> int:
        os.fstat(self.fd)
        if self.kind not in KINDS:
            raise OSError(errno.EINVAL, "a cdev that is not bound yet")
        _, bar, self.offers = KINDS[self.kind]
        if request == vfio.VFIO_DEVICE_GET_INFO:
            info = vfio.vfio_device_info.from_buffer(buffer)
            info.flags, info.num_regions = vfio.VFIO_DEVICE_FLAGS_PCI, 9
            return 0
        if request == vfio.VFIO_DEVICE_GET_REGION_INFO:
            region = vfio.vfio_region_info.from_buffer(buffer)
            region.size, region.offset = (bar if region.index == 0 else 0), region.index << 40
            return 0
        return super().ioctl(request, buffer)

    def pread(self, length: int, offset: int) -> bytes:
        assert offset == CONFIG
        return b"".join(each.to_bytes(2, "little") for each in KINDS[self.kind][0])[:length]

    def close(self) -> None:
        if not self.closed:
            os.close(self.fd)
        super().close()


def _name_of(path: str) -> str:
    return os.readlink(path).removeprefix("/memfd:").removesuffix(" (deleted)")  # noqa: PTH115


def _name(fd: int) -> str:
    return _name_of(f"/proc/self/fd/{fd}")


def device_of(fd: int) -> VmDevice:
    return VmDevice(fd=fd, kind=_name(fd).partition("@")[0])


def vfio_class_of(path: str) -> tuple[str, str]:
    """A kind is a device fd, ``KIND@vfio0`` a cdev; "file" is none of them."""
    kind, _, cdev = _name_of(path).partition("@")
    return ("vfio-dev", cdev) if kind != "file" else ("", "")


class Child:
    """A process with these memfds. ``fds`` are its numbers for them, in order."""

    def __init__(self, kinds: Sequence[str], duplicates: Sequence[int] = ()) -> None:
        """``duplicates`` are fds of this process that the child gets as they are; they are closed here."""
        own = [*(memfd(name=each) for each in kinds), *duplicates]
        # The same numbers there.
        self._process = subprocess.Popen(["sleep", "1000"], pass_fds=own)
        for each in own:
            os.close(each)
        self.pid = self._process.pid
        self.fds = tuple(own)

    def kill(self) -> None:
        """Ended and reaped: its pid may be given to another process."""
        self.end()
        self._process.wait()

    def end(self) -> None:
        """Ended and not reaped, so that its pid is not reused meanwhile."""
        if self._process.returncode is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)

    def suspend(self) -> None:
        self._process.send_signal(signal.SIGSTOP)


class Vms:
    """Starts VMs on a host; all are gone after the test."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.asked: list[tuple[int, int | None]] = []
        self._children: dict[int, Child] = {}
        self._groups: dict[int, tuple[int, ...]] = {}
        own = host.paths.proc / "self/ns"
        own.mkdir(parents=True, exist_ok=True)
        if not (own / "pid").is_symlink():
            (own / "pid").symlink_to("/proc/self/ns/pid")

    def start(
        self,
        comm: str,
        arguments: Sequence[str],
        kinds: Sequence[str] = (),
        groups: Sequence[int] = (),
        more: Sequence[str] = (),
        parent: int = 1,
        of: Child | None = None,
        uid: int | None = None,
    ) -> Child:
        """``more`` are links of fds that are only seen, never duplicated. ``of``: it has that process's fds as well."""
        shared: list[int] = []
        if of is not None:
            with self.access().open_process(of.pid) as process:
                shared = [process.duplicate(each) for each in of.fds]
        shown = [*kinds, *(_name(each) for each in shared)]
        child = Child(kinds, shared)
        self._children[child.pid] = child
        self._groups[child.pid] = tuple(groups)
        files = {
            fd: f"/dev/vfio/devices/{kind.partition('@')[2]}" if "@" in kind else DEVICE_FD
            for fd, kind in zip(child.fds, shown, strict=True)
        }
        files |= {500 + number: f"/dev/vfio/{group}" for number, group in enumerate(groups)}
        files |= {600 + number: link for number, link in enumerate(more)}
        folder = self.host.process(child.pid, comm, arguments, files, uid)
        (folder / "stat").write_text(stat_line(child.pid, comm, parent, child.pid))
        (folder / "cwd").symlink_to("/var/empty")
        # Of the real process: its mount namespace counts.
        (folder / "root").symlink_to(f"/proc/{child.pid}/root")
        (folder / "ns").mkdir()
        (folder / "ns/pid").symlink_to(f"/proc/{child.pid}/ns/pid")
        return child

    def ended(self, child: Child) -> None:
        """Gone from /proc as well."""
        child.kill()
        self.forget(child.pid)

    def forget(self, pid: int) -> None:
        folder = self.host.paths.proc / str(pid)
        for each in sorted(folder.rglob("*"), reverse=True):
            each.rmdir() if each.is_dir() and not each.is_symlink() else each.unlink()
        folder.rmdir()

    def access(self, helped: bool = False) -> ProcessAccess:
        return ProcessAccess(self._request_fds if helped else None, device=device_of, vfio_class=vfio_class_of)

    def _request_fds(self, pid: int, fd: int | None) -> list[ReceivedFd]:
        """What the helper does, with the rights that this process has over its children."""
        self.asked.append((pid, fd))
        access = self.access()
        with access.open_process(pid) as process:
            fds = self._children[pid].fds if fd is None else (fd,)
            own = [process.duplicate(each) for each in fds]
        groups = self._groups.get(pid, ())
        return [ReceivedFd(number, each, groups) for number, each in zip(fds, own, strict=True)]

    def close(self) -> None:
        for each in self._children.values():
            each.kill()


def vms_on(host: Host) -> Iterator[Vms]:
    vms = Vms(host)
    yield vms
    vms.close()
