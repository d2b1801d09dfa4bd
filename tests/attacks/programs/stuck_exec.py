"""A process that stands still in execve(), and holds the locks that the kernel takes for it.

``python -m tests.attacks.programs.stuck_exec`` serves a file system that never answers (:mod:`.silent_fuse`). A child
has a file of it open, which execve() has to close. It prints its pid before.
"""

import os
import signal
from pathlib import Path

from tests.attacks.programs import silent_fuse


def _start_program(opened: int) -> None:
    fd = os.open("/dev/mnt/file", os.O_RDWR)
    os.set_inheritable(fd, False)
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(*[silent_fuse._NOBODY] * 3)
        os.setresuid(*[silent_fuse._NOBODY] * 3)
    silent_fuse._call("prctl", silent_fuse._PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    os.write(opened, b"x")
    print(os.getpid(), flush=True)
    os.execv("/bin/sleep", ["qemu-system-x86_64", "1000"])


def main() -> None:
    connection = os.open("/dev/fuse", os.O_RDWR)
    silent_fuse._own_namespace()
    silent_fuse._mount(b"none", b"/dev", b"tmpfs", 0)
    Path("/dev/mnt").mkdir()
    options = f"fd={connection},rootmode=40000,user_id=0,group_id=0,allow_other"
    silent_fuse._mount(b"silent", b"/dev/mnt", b"fuse", 0, options.encode())
    are_open, opened = os.pipe()
    if os.fork() == 0:
        os.close(connection)
        _start_program(opened)
    silent_fuse._serve(connection, are_open)


if __name__ == "__main__":
    main()
