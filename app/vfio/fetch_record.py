"""Records which buffers of a VM's device any viewer has fetched, for a driver whose buffers may be fetched only once.

The kernel's mbochs corrupts memory if a buffer is exported a second time while the device is open
(samples/vfio-mdev/mbochs.c: mbochs_get_gfx_dmabuf() takes no reference on a buffer that it exported before, and
mbochs_release_dmabuf() drops page references that only the first export took). The device of a VM stays open after a
viewer has ended. So the ids are kept in a file, and each id is written before its buffer is fetched. A device that only
the viewer has open needs no file: when its last fd is closed, mbochs frees all buffers, and later ids are new ones.

The file is in a folder that is emptied at boot. Only the owner of a file there can remove it (or systemd-logind, with
RemoveIPC=, when a user's last session ends). One viewer at a time holds its lock. In case of doubt nothing is fetched.

A viewer in a container or a Flatpak has its own folder or its own PIDs, and would not see the file of another viewer.
So a viewer must share both with the VM. Then all viewers that fetch have the same folder and the same lock.
"""

import errno
import fcntl
import os
import re
import stat
from contextlib import suppress
from pathlib import Path

from app.errors import error_text
from app.host.foreign_path import look
from app.host.paths import HOST, Paths
from app.host.process import start_time
from app.planes.status import Reason, Status

_NAME = re.compile(r"mdevview-fetches-(\d+)-(\d+)-.+@(\d+)")
_LINE = re.compile(rb"(id|viewer) (\d{1,10})")
# This is enough for some thousand mode switches. A larger file was not written by a viewer.
_MAX_BYTES = 1 << 20


class FetchRecordError(Exception):
    """Nothing may be fetched. The text is the reason, for the user."""


class FetchRecordFile:
    """The record of one device of one VM. Owns the file and its lock, until :meth:`close`."""

    def __init__(self, fd: int, fetched_before: frozenset[int]) -> None:
        self._fd = fd
        self._fetched_before = fetched_before
        self._noted: set[int] = set()
        self._broken = False

    @classmethod
    def open(cls, pid: int, started: int, device: str, paths: Paths = HOST) -> "FetchRecordFile":
        """The record for a device of the VM with that pid, which started at that time (clock ticks since boot).

        Raises FetchRecordError if another viewer holds its lock, and if the file cannot be used or trusted.
        """
        purge(paths)
        file = _folder(paths) / f"mdevview-fetches-{pid}-{started}-{device}@{_namespace(paths)}"
        try:
            fd = _open(file)
        except OSError as error:
            raise FetchRecordError(f"the record of fetched buffers {file} cannot be used: {error.strerror}") from error
        try:
            fetched_before = _lock_and_read(fd, file)
        except BaseException:
            os.close(fd)
            raise
        return cls(fd, fetched_before)

    def refusal(self, dmabuf_id: int) -> Status | None:
        """Why a buffer must not be fetched; None if it may be."""
        # If the file was removed, the next viewer would not find it.
        if self._broken or self._fd < 0 or not os.fstat(self._fd).st_nlink:
            return Status(Reason.FETCHED_ELSEWHERE, "the record of fetched buffers can no longer be written")
        if dmabuf_id in self._fetched_before:
            return Status(Reason.FETCHED_BEFORE, f"an earlier viewer fetched buffer {dmabuf_id} of this VM")
        return None

    def note(self, dmabuf_id: int) -> None:
        """Record that a buffer is about to be fetched. Raises OSError; after that nothing may be fetched any more."""
        if dmabuf_id in self._noted:
            return
        try:
            _append(self._fd, f"id {dmabuf_id}\n")
        except OSError:
            self._broken = True
            raise
        self._noted.add(dmabuf_id)

    def close(self) -> None:
        """Release the lock; more calls do nothing. The file stays until the VM has ended."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


def namespace_difference(pid: int, paths: Paths = HOST) -> str | None:
    """Why a viewer in the VM's namespaces would keep another record than this process; None if it is the same record.

    Raises PermissionError if this user may not see the VM's namespaces.
    """
    vm, own = paths.proc / str(pid), paths.proc / "self"
    folder = _folder(paths)
    try:
        theirs, ours = look(str(vm / "root" / folder.relative_to("/")), pid, paths), folder.stat()
        if (theirs.device, theirs.inode) != (ours.st_dev, ours.st_ino):
            return f"{folder} is another folder for its VM: a viewer there keeps its own record of fetched buffers"
        if not os.path.samestat((vm / "ns/pid").stat(), (own / "ns/pid").stat()):
            return "its VM is in another PID namespace: a viewer there keeps its own record of fetched buffers"
    except PermissionError:
        raise
    except OSError as error:
        return f"it is unknown whether its VM shares {folder}: {error_text(error)}"
    return None


def _folder(paths: Paths) -> Path:
    return paths.dev / "shm"


def _namespace(paths: Paths) -> int:
    """The PID namespace of this process. In another namespace a pid means another process, or none."""
    try:
        return (paths.proc / "self/ns/pid").stat().st_ino
    except OSError:
        return 0


def _open(file: Path) -> int:
    """Create the file or open an existing one. Does not follow a link. Raises OSError."""
    flags = os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    try:
        return os.open(file, flags | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return os.open(file, flags)


def _lock_and_read(fd: int, file: Path) -> frozenset[int]:
    """Lock the file and read the ids in it. Raises FetchRecordError."""
    info = os.fstat(fd)
    if not stat.S_ISREG(info.st_mode) or info.st_uid != os.geteuid() or info.st_mode & 0o022:
        raise FetchRecordError(f"another user could have written the record of fetched buffers {file}")
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        viewer = _last_viewer(fd)
        who = f"process {viewer}" if viewer is not None else "another viewer"
        raise FetchRecordError(f"{who} shows this VM already") from error
    # Its owner may have removed it before the lock.
    if os.fstat(fd).st_nlink == 0:
        raise FetchRecordError("the record of fetched buffers was removed")
    ids = _ids(fd, file)
    try:
        _append(fd, f"viewer {os.getpid()}\n")
    except OSError as error:
        raise FetchRecordError(f"the record of fetched buffers {file} cannot be written: {error.strerror}") from error
    return ids


def _ids(fd: int, file: Path) -> frozenset[int]:
    data = os.pread(fd, _MAX_BYTES + 1, 0)
    *lines, rest = data.split(b"\n")
    matches = [_LINE.fullmatch(line) for line in lines]
    if rest or len(data) > _MAX_BYTES or None in matches:
        raise FetchRecordError(f"the record of fetched buffers {file} is damaged")
    return frozenset(int(match[2]) for match in matches if match is not None and match[1] == b"id")


def _last_viewer(fd: int) -> int | None:
    lines = os.pread(fd, _MAX_BYTES, 0).split(b"\n")
    viewers = [match for line in lines if (match := _LINE.fullmatch(line)) and match[1] == b"viewer"]
    return int(viewers[-1][2]) if viewers else None


def _append(fd: int, line: str) -> None:
    data = line.encode()
    if os.write(fd, data) != len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def purge(paths: Paths = HOST) -> None:
    """Remove this user's records of VMs that have certainly ended. Errors are ignored.

    A container may share this folder but not its processes. The records that it leaves stay until the next boot.
    """
    folder, here = _folder(paths), _namespace(paths)
    try:
        names = os.listdir(folder)
    except OSError:
        return
    for name in names:
        match = _NAME.fullmatch(name)
        if match is not None and int(match[3]) == here and _surely_ended(int(match[1]), int(match[2]), paths):
            with suppress(OSError):
                (folder / name).unlink()


def _surely_ended(pid: int, started: int, paths: Paths) -> bool:
    """True if no process or another process has the pid. A process that cannot be seen (hidepid) may still run."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        pass
    try:
        return start_time(pid, paths) != started
    except (OSError, ValueError, IndexError):
        return False
