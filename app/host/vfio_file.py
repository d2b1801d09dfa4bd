"""Tells whether a file is a VFIO device, by the kernel's evidence and without waiting for the file's own file system.

A process can open any file under any name, also one whose file system (FUSE) is a process that never answers: then
fstat(), ioctl() and even close() wait for ever, and no signal ends that. So a foreign file is examined before it is
duplicated, and each fd is examined before the first ioctl. The helper that runs as root has the same functions, word
for word: ``packaging/helper/mdevview-getfd`` imports nothing of this program, and a test compares the two.

Run as a program it is the child of :mod:`app.attach.duplicate_child`. It imports only the standard library.
"""

import ctypes
import errno
import os
import stat
import struct
import sys

# include/uapi/linux/fcntl.h, stat.h
AT_FDCWD, AT_STATX_DONT_SYNC, STATX_TYPE = -100, 0x4000, 1
SYS_pidfd_getfd = 438

libc = ctypes.CDLL(None, use_errno=True)


def call(name: str, *arguments: int | bytes | ctypes.Array[ctypes.c_char]) -> int:
    """Call a function of the C library. Raises OSError."""
    result = int(getattr(libc, name)(*(ctypes.c_long(a) if isinstance(a, int) else a for a in arguments)))
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def device_number(path: str) -> tuple[int, int] | None:
    """The major and minor number of a character device; None for any other file. Raises OSError.

    stat() asks the file system, and FUSE answers when it likes. With AT_STATX_DONT_SYNC the kernel tells what it knows
    (fuse_update_get_attr() in fs/fuse/dir.c). A link of /proc is followed to its file without a search by path.
    """
    answer = ctypes.create_string_buffer(256)
    call("statx", AT_FDCWD, path.encode(), AT_STATX_DONT_SYNC, STATX_TYPE, answer)
    if not stat.S_ISCHR(struct.unpack_from("=H", answer, 28)[0]):
        return None
    major, minor = struct.unpack_from("=II", answer, 128)
    return major, minor


def vfio_class(path: str) -> tuple[str, str]:
    """The device class and name of the file behind a link of /proc/PID/fd, as the kernel tells them. Raises OSError.

    ("vfio-dev", "") is a device opened through its group, ("vfio-dev", "vfio0") a device opened through its own node,
    ("vfio", "7") a group. Any other file is ("", "").
    """
    link = os.readlink(path)
    # The link of a file with a path starts with a slash, so no such file has this name.
    if link == "anon_inode:[vfio-device]":
        return "vfio-dev", ""
    # No look at files with other names: a network file system may be slow even so.
    try:
        number = device_number(path) if "/vfio" in link else None
    except OSError:
        number = None  # on a file system that is closed to other users (FUSE), or removed: no device
    if number is None:
        return "", ""
    entry = f"/sys/dev/char/{number[0]}:{number[1]}"
    kind = os.path.basename(os.readlink(f"{entry}/subsystem"))
    return (kind, os.path.basename(os.readlink(entry))) if kind in ("vfio-dev", "vfio") else ("", "")


def device_name(fd: int) -> str | None:
    """The sysfs name of the VFIO device that is this process's own fd; None if the kernel does not tell it.

    It tells since Linux 6.18, and before for a device opened through its own node. Any other file has None: the lines
    of its fdinfo may be written by its owner.
    """
    try:
        kind, node = vfio_class(f"/proc/self/fd/{fd}")
        if kind != "vfio-dev":
            return None
        if node:
            return os.readlink(f"/sys/class/vfio-dev/{node}").split("/")[-3]
        with open(f"/proc/self/fdinfo/{fd}", encoding="utf-8", errors="replace", newline="\n") as file:
            paths = [line.split(":", 1)[1].strip() for line in file if line.startswith("vfio-device-syspath:")]
    except (OSError, IndexError):
        return None
    return os.path.basename(paths[0]) if paths else None


def open_node(file: str | os.PathLike[str], flags: int) -> int:
    """Open a device node of VFIO or of iommufd. Raises OSError, with ENODEV if another file is in its place.

    With O_PATH neither a driver nor a file system is asked. The second open is of the very file that was examined.
    """
    found = os.open(file, os.O_PATH | os.O_CLOEXEC)
    try:
        if not _is_node(device_number(f"/proc/self/fd/{found}"), os.path.basename(file)):
            raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))
        return os.open(f"/proc/self/fd/{found}", flags)
    finally:
        os.close(found)


def _is_node(number: tuple[int, int] | None, name: str) -> bool:
    """Whether the kernel has given this number to the device of that name, of a class that VFIO uses."""
    if number is None:
        return False
    entry = f"/sys/dev/char/{number[0]}:{number[1]}"
    try:
        kind, node = os.readlink(f"{entry}/subsystem"), os.readlink(entry)
    except FileNotFoundError:
        return False
    # /dev/vfio/vfio and /dev/iommu are of the class misc.
    return os.path.basename(kind) in ("vfio-dev", "vfio", "misc") and os.path.basename(node) == name


def main(pidfd: int, fd: int) -> None:
    """Duplicate a fd of a process. Send the duplicate through standard input, a socket, if it is a VFIO device.

    The message is "0", the kernel's error number, or "other" for another file. Nothing more is done with such a file:
    the end of this process closes it, and may wait for ever.
    """
    import socket  # noqa: PLC0415  (only the child needs it)

    connection = socket.socket(fileno=0)
    try:
        own = call("syscall", SYS_pidfd_getfd, pidfd, fd, 0)
        is_device = vfio_class(f"/proc/self/fd/{own}")[0] == "vfio-dev"
    except OSError as error:
        connection.send(str(error.errno).encode())
        return
    socket.send_fds(connection, [b"0" if is_device else b"other"], [own] if is_device else [])


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
