"""Which buffers of a VM's device were fetched, by whichever viewer: for a driver that must be asked only once.

As shipped, mbochs corrupts the kernel's memory when a buffer is exported a second time for as long as the device is
open (samples/vfio-mdev/mbochs.c: mbochs_get_gfx_dmabuf() takes no reference on a buffer it exported before, and
mbochs_release_dmabuf() drops page references that only the first export took). The device of a VM stays open when a
viewer goes, so the ids outlive the viewer: they are kept in a file, each written before its buffer is asked for. A
device that a viewer opens alone needs none: with its last fd mbochs frees all buffers, and later ids are new ones.

The file is in a folder that is emptied at boot and whose files only their owner can remove (or systemd-logind, which
by its RemoveIPC= does so when a user's last session ends). One viewer at a time holds its lock. In every doubt nothing
is fetched.
"""

import errno
import fcntl
import os
import re
import stat
from contextlib import suppress
from pathlib import Path

from app.host.paths import HOST, Paths
from app.host.process import start_time
from app.planes.status import Reason, Status

_NAME = re.compile(r"mdevview-fetches-(\d+)-(\d+)-.+@(\d+)")
_LINE = re.compile(rb"(id|viewer) (\d{1,10})")
# Some thousand mode switches; what is larger was not written by a viewer.
_MAX_BYTES = 1 << 20


class LedgerDoubt(Exception):
    """Nothing may be fetched; the text says why, for a person."""


class Ledger:
    """Owns the file and its lock, until :meth:`close`."""

    def __init__(self, fd: int, spent: frozenset[int]) -> None:
        self._fd = fd
        self._spent = spent
        self._noted: set[int] = set()
        self._broken = False

    @classmethod
    def open(cls, pid: int, started: int, device: str, paths: Paths = HOST) -> "Ledger":
        """The ledger of a device of the VM with that pid, which started at that time (clock ticks since boot).

        Raises LedgerDoubt when another viewer has it, or when it is not to be trusted or not to be had.
        """
        purge(paths)
        file = _folder(paths) / f"mdevview-fetches-{pid}-{started}-{device}@{_namespace(paths)}"
        try:
            fd = _open(file)
        except OSError as error:
            raise LedgerDoubt(f"the record of fetched buffers {file} cannot be used: {error.strerror}") from error
        try:
            spent = _take(fd, file)
        except BaseException:
            os.close(fd)
            raise
        return cls(fd, spent)

    def refusal(self, dmabuf_id: int) -> Status | None:
        """Why the driver must not be asked for a buffer."""
        # Removed, a next viewer would not find what is written here.
        if self._broken or self._fd < 0 or not os.fstat(self._fd).st_nlink:
            return Status(Reason.FETCHED_ELSEWHERE, "the record of fetched buffers can no longer be written")
        if dmabuf_id in self._spent:
            return Status(Reason.FETCHED_BEFORE, f"an earlier viewer fetched buffer {dmabuf_id} of this VM")
        return None

    def note(self, dmabuf_id: int) -> None:
        """Write down that a buffer is about to be asked for. Raises OSError; nothing may be fetched from then on."""
        if dmabuf_id in self._noted:
            return
        try:
            _append(self._fd, f"id {dmabuf_id}\n")
        except OSError:
            self._broken = True
            raise
        self._noted.add(dmabuf_id)

    def close(self) -> None:
        """Let a next viewer have it; more calls do nothing. What is written stays until the VM ended."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


def _folder(paths: Paths) -> Path:
    return paths.dev / "shm"


def _namespace(paths: Paths) -> int:
    """Which PID namespace this process is in: in another one a pid is another process's, or nobody's."""
    try:
        return (paths.proc / "self/ns/pid").stat().st_ino
    except OSError:
        return 0


def _open(file: Path) -> int:
    """Make the file or open the one that is there; a link is not followed. Raises OSError."""
    flags = os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    try:
        return os.open(file, flags | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return os.open(file, flags)


def _take(fd: int, file: Path) -> frozenset[int]:
    """Lock it and read what is in it. Raises LedgerDoubt."""
    info = os.fstat(fd)
    if not stat.S_ISREG(info.st_mode) or info.st_uid != os.geteuid() or info.st_mode & 0o022:
        raise LedgerDoubt(f"another user could have written the record of fetched buffers {file}")
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        viewer = _last_viewer(fd)
        who = f"process {viewer}" if viewer is not None else "another viewer"
        raise LedgerDoubt(f"{who} shows this VM already") from error
    # Removed by its owner before it was locked.
    if os.fstat(fd).st_nlink == 0:
        raise LedgerDoubt("the record of fetched buffers was removed")
    spent = _ids(fd, file)
    try:
        _append(fd, f"viewer {os.getpid()}\n")
    except OSError as error:
        raise LedgerDoubt(f"the record of fetched buffers {file} cannot be written: {error.strerror}") from error
    return spent


def _ids(fd: int, file: Path) -> frozenset[int]:
    data = os.pread(fd, _MAX_BYTES + 1, 0)
    *lines, rest = data.split(b"\n")
    matches = [_LINE.fullmatch(line) for line in lines]
    if rest or len(data) > _MAX_BYTES or None in matches:
        raise LedgerDoubt(f"the record of fetched buffers {file} is damaged")
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
    """Remove this user's ledgers of VMs that surely ended; what cannot be removed stays.

    A container may share this folder and not its processes: those it leaves behind stay until the next boot.
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
    """True when the pid is free, or another process's. A pid that cannot be seen (hidepid) may live."""
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
