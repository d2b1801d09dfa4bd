"""A process that has a file open which looks like a VFIO device by its name, and whose file system never answers.

``python -m tests.attacks.programs.silent_fuse`` mounts, in a mount namespace of its own, a FUSE file over
``/dev/vfio/devices/vfio0``. A child opens it twice and prints its pid and the two fds. From then on every request to
the file system waits for ever, until the first process is killed. It speaks the protocol of
include/uapi/linux/fuse.h itself.

Root makes a file system for all users, and its child becomes another user. With the argument "stranger" the whole
program becomes another user first: then the kernel tells nobody else, root neither, what the file is
(fuse_allow_current_process() in fs/fuse/dir.c).
"""

import ctypes
import os
import select
import signal
import stat
import struct
import sys
import time
from pathlib import Path

_libc = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNS, _CLONE_NEWUSER = 0x20000, 0x10000000
_MS_REC, _MS_PRIVATE, _MS_BIND = 0x4000, 1 << 18, 0x1000
_LOOKUP, _FORGET, _GETATTR, _OPEN, _INIT, _BATCH_FORGET, _INTERRUPT = 1, 2, 3, 14, 26, 42, 36
_IN = struct.Struct("=IIQQIIIHH")
_OUT = struct.Struct("=IiQ")
_ROOT, _FILE = 1, 2
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE = 1, 4
_NOBODY = 65534


def _call(name: str, *arguments: object) -> None:
    if getattr(_libc, name)(*arguments) != 0:
        raise OSError(ctypes.get_errno(), f"{name}: {os.strerror(ctypes.get_errno())}")


def _mount(source: bytes, target: bytes, kind: bytes | None, flags: int, data: bytes | None = None) -> None:
    _call("mount", source, target, kind, ctypes.c_ulong(flags), data)


def _attributes(node: int) -> bytes:
    """``struct fuse_attr``. The attributes are out of date at once, so that the kernel asks at each fstat()."""
    mode = stat.S_IFDIR | 0o755 if node == _ROOT else stat.S_IFREG | 0o666
    return struct.pack("=6Q10I", node, 4096, 8, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)


def _answer(opcode: int, node: int) -> bytes:
    if opcode == _INIT:
        return struct.pack("=IIIIHHIIHHI", 7, 31, 0, 0, 1, 1, 4096, 1, 1, 0, 0) + bytes(28)
    if opcode == _LOOKUP:
        return struct.pack("=QQQQII", _FILE, 0, 0, 0, 0, 0) + _attributes(_FILE)
    if opcode == _GETATTR:
        return struct.pack("=QII", 0, 0, 0) + _attributes(node)
    if opcode == _OPEN:
        return struct.pack("=QII", 1, 0, 0)
    return b""


def _serve(connection: int, asked: int) -> None:
    """Answer until the fd ``asked`` has something to read: then the files are open."""
    while True:
        _, opcode, unique, node, *_ = _IN.unpack_from(os.read(connection, 1 << 17))
        if opcode in (_FORGET, _BATCH_FORGET, _INTERRUPT) or select.select([asked], [], [], 0)[0]:
            continue
        answer = _answer(opcode, node)
        os.write(connection, _OUT.pack(_OUT.size + len(answer), 0, unique) + answer)


def _own_namespace() -> bool:
    """Whether it is root's. Another user gets a user namespace too, in which he has root's number."""
    is_root = os.geteuid() == 0
    if is_root:
        _call("unshare", _CLONE_NEWNS)
    else:
        uid, gid = os.getuid(), os.getgid()
        _call("unshare", _CLONE_NEWNS | _CLONE_NEWUSER)
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
        Path("/proc/self/gid_map").write_text(f"0 {gid} 1")
    _mount(b"none", b"/", None, _MS_REC | _MS_PRIVATE)
    return is_root


def _become_nobody() -> None:
    os.setgroups([])
    os.setresgid(_NOBODY, _NOBODY, _NOBODY)
    os.setresuid(_NOBODY, _NOBODY, _NOBODY)


def _hold(devices: Path, opened: int, is_root: bool) -> None:
    """In a process of its own: the one that serves must not have files of its own file system open at its end."""
    _mount(b"/dev/mnt/file", str(devices / "vfio0").encode(), None, _MS_BIND)
    first, second = (os.open(devices / "vfio0", os.O_RDWR) for _ in range(2))
    if is_root:
        # Root's viewer looks at a user's process.
        _become_nobody()
    _call("prctl", _PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    os.write(opened, b"x")
    print(os.getpid(), first, second, flush=True)
    time.sleep(1000)


def main() -> None:
    if sys.argv[1:] == ["stranger"]:
        _become_nobody()
        # Otherwise its files in /proc would still be root's.
        _call("prctl", _PR_SET_DUMPABLE, 1, 0, 0, 0)
    is_root = _own_namespace()
    # The kernel wants the mount and the fd to be of one user namespace.
    connection = os.open("/dev/fuse", os.O_RDWR)
    _mount(b"none", b"/dev", b"tmpfs", 0)
    devices = Path("/dev/vfio/devices")
    devices.mkdir(parents=True)
    (devices / "vfio0").touch()
    Path("/dev/mnt").mkdir()
    options = f"fd={connection},rootmode=40000,user_id=0,group_id=0,allow_other"
    _mount(b"silent", b"/dev/mnt", b"fuse", 0, options.encode())
    are_open, opened = os.pipe()
    if os.fork() == 0:
        os.close(connection)
        _hold(devices, opened, is_root)
    _serve(connection, are_open)


if __name__ == "__main__":
    main()
