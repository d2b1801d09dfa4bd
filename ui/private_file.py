"""Reads and writes files of this user: settings and pictures.

Nothing here waits for a FIFO, opens a device, or writes through a symbolic link. A file is written without a name. When
all of it is on the disk it gets one, and either is new or replaces the old file at once. So neither a full disk nor a
kill leaves a part of a file. A SIGKILL may leave a second file ``.mdevview-...``: in the moment before its rename, and
on file systems that have no files without a name, such as vfat.
"""

import errno
import fcntl
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import takewhile
from pathlib import Path

# What a screen shows may be a password. A stricter umask takes away more.
_PRIVATE = 0o600
_PERMISSIONS = 0o777
# To read, change and write a settings file takes a millisecond; a busy machine and many windows take longer.
LOCK_S = 2.0
_LOCK_PAUSE_S = 0.002
# The answers to O_TMPFILE of a file system and of a kernel that do not know it (open(2), and NFS).
_NO_UNNAMED = (errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT, errno.EINVAL)
# The answers of a file system without hard links (link(2), and FUSE).
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)


def read_own(path: Path, limit: int) -> bytes:
    """The contents of a regular file of this user, perhaps behind a symbolic link.

    Raises OSError: EPERM for another user's file, EINVAL for a FIFO, a device or a folder, EFBIG for a file of more
    than ``limit`` bytes, and those of open(2) and read(2).
    """
    # An open of a FIFO waits, and that of a device may do something. O_PATH only looks.
    found = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        status = os.fstat(found)
        if not stat.S_ISREG(status.st_mode):
            raise _error(errno.EINVAL, path, "is no regular file")
        if status.st_uid != os.geteuid():
            raise _error(errno.EPERM, path, "belongs to another user")
        fd = os.open(f"/proc/self/fd/{found}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    finally:
        os.close(found)
    with open(fd, "rb") as stream:  # noqa: PTH123
        data = stream.read(limit + 1)
    if len(data) > limit:
        raise _error(errno.EFBIG, path, f"has more than {limit} bytes")
    return data


def write_own(path: Path, data: bytes) -> None:
    """Write a file of this user, which nobody else can read, with its folders.

    A symbolic link stays, and the file that it leads to is replaced: users keep their settings elsewhere that way.
    Raises OSError, EPERM where the folder belongs to another user than this one and root: root does not write into the
    home folder of a user, nor where a user's symbolic link leads to.
    """
    # The program does not wait for the disk: where the power fails now, the settings are lost and not the work.
    replace(_with_folders(path), data, keep_mode=False, sync=False)


def update_own(path: Path, limit: int, change: Callable[[bytes], bytes]) -> None:
    """Change a file of this user, and write it as :func:`write_own`.

    ``change`` gets what :func:`read_own` reads, and nothing where that fails; the file is then written anew. Programs
    that change the file at the same time wait for each other, so that no change is lost; but never for long, as this
    is called while a window closes. Raises OSError as :func:`write_own`.
    """
    _with_folders(path)
    with _locked(path.parent):
        try:
            data = read_own(path, limit)
        except OSError:
            data = b""
        write_own(path, change(data))


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder, or go on without it after a while, and where there are no locks (some NFS)."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        end = time.monotonic() + LOCK_S
        while time.monotonic() < end:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(_LOCK_PAUSE_S)
                continue
            except OSError:
                pass
            break
        yield
    finally:
        os.close(fd)


def _with_folders(path: Path) -> Path:
    """The file behind the symbolic links, whose folders are made. Raises OSError as :func:`write_own`."""
    for each in (path, *path.parents) if os.geteuid() == 0 else ():
        if os.path.lexists(each) and each.lstat().st_uid != 0:
            raise _error(errno.EPERM, each, "belongs to another user")
    file = Path(os.path.realpath(path))
    missing = list(takewhile(lambda each: not each.exists(), file.parents))
    above = file.parents[len(missing)]
    if above.stat().st_uid not in (0, os.geteuid()):
        raise _error(errno.EPERM, above, "belongs to another user")
    for folder in reversed(missing):
        with suppress(FileExistsError):
            folder.mkdir(0o700)
    return file


def create(path: Path, data: bytes) -> None:
    """Write a file that must not exist yet. Raises OSError, FileExistsError among them."""
    with _folder_of(path) as folder, _written(folder, data, None, sync=True) as temporary:
        try:
            os.link(temporary, path.name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            # Reserve the name, as rename(2) would replace any other file.
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            os.close(os.open(path.name, flags, _PRIVATE, dir_fd=folder))
            os.rename(temporary, path.name, src_dir_fd=folder, dst_dir_fd=folder)


def replace(path: Path, data: bytes | memoryview, *, keep_mode: bool = True, sync: bool = True) -> None:
    """Write a file, perhaps in place of an old one, whose permissions it keeps if the old one is this user's.

    With ``sync`` the data is on the disk before the old file is replaced.

    Raises OSError: ELOOP for a symbolic link, EISDIR and EINVAL for what is no regular file, EACCES for an old file
    that this user may not write, and those of open(2), write(2) and rename(2).
    """
    with _replacing(path, data, keep_mode=keep_mode, sync=sync) as rename:
        rename()


@contextmanager
def _replacing(
    path: Path, data: bytes | memoryview, *, keep_mode: bool = True, sync: bool = True
) -> Iterator[Callable[[], None]]:
    """What renames the new file, which is written already. Raises OSError as :func:`replace`."""
    with _folder_of(path) as folder:
        old = _replaceable(path, folder)
        keeps = keep_mode and old is not None and old.st_uid == os.geteuid()
        mode = old.st_mode & _PERMISSIONS if old is not None and keeps else None
        with _written(folder, data, mode, sync) as temporary:
            yield lambda: os.rename(temporary, path.name, src_dir_fd=folder, dst_dir_fd=folder)


def replace_both(first: tuple[Path, bytes | memoryview], second: tuple[Path, bytes | memoryview]) -> None:
    """Write two files that belong together, as :func:`replace`: neither is replaced before both are on the disk.

    A program that is killed between the two renames leaves the first file beside the old second one. Raises OSError.
    """
    with ExitStack() as stack:
        renames = [stack.enter_context(_replacing(*each)) for each in (first, second)]
        for rename in renames:
            rename()


def open_emptied(path: Path) -> int:
    """A fd that writes to an empty file, new or in place of an old one, which the caller closes.

    For what is written little by little, and must be in the file if this program is killed or the disk is full: so
    these rows have no temporary name. Raises OSError as :func:`replace`.
    """
    replace(path, b"", sync=False)
    with _folder_of(path) as folder:
        return os.open(path.name, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)


def _replaceable(path: Path, folder: int) -> os.stat_result | None:
    """The status of the file that is to be replaced; None without one. Raises OSError as :func:`replace`."""
    try:
        old = os.stat(path.name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
    if stat.S_ISLNK(old.st_mode):
        raise _error(errno.ELOOP, path, "is a symbolic link, which is not followed")
    if stat.S_ISDIR(old.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(old.st_mode):
        raise _error(errno.EINVAL, path, "is no regular file")
    if not os.access(path.name, os.W_OK, dir_fd=folder, effective_ids=True):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    return old


@contextmanager
def _folder_of(path: Path) -> Iterator[int]:
    if path.name in ("", ".."):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    fd = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield fd
    finally:
        os.close(fd)


@contextmanager
def _written(folder: int, data: bytes | memoryview, mode: int | None, sync: bool) -> Iterator[str]:
    """The name of a new file with this data in the folder, which is removed unless it was renamed. Raises OSError.

    Without a ``mode`` it is private, as far as the umask allows that.
    """
    name = f".mdevview-{os.urandom(8).hex()}"
    is_named = False
    try:
        fd = os.open(".", os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, _PRIVATE, dir_fd=folder)
    except OSError as error:
        if error.errno not in _NO_UNNAMED:
            raise
        fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _PRIVATE, dir_fd=folder)
        is_named = True
    try:
        if mode is not None:
            os.fchmod(fd, mode)
        with open(fd, "wb", closefd=False) as stream:
            stream.write(data)
        if sync:
            os.fsync(fd)
        if not is_named:
            # With a folder's fd Python follows the link in /proc, as open(2) shows it for O_TMPFILE.
            os.link(f"/proc/self/fd/{fd}", name, dst_dir_fd=folder)
            is_named = True
        yield name
    finally:
        os.close(fd)
        if is_named:
            with suppress(FileNotFoundError):
                os.unlink(name, dir_fd=folder)


def _error(number: int, path: Path, words: str) -> OSError:
    return OSError(number, words, str(path))
