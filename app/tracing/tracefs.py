"""Finds tracefs, and says what a user must do to be allowed to use it."""

import os
import re
from pathlib import Path

from app.errors import MdevviewError, PermissionDenied, error_text
from app.host.paths import HOST, Paths

_USUAL = Path("/sys/kernel/tracing")
_MOST_MOUNTS = 1 << 20
# The inode of the first PID namespace (PROC_PID_INIT_INO in include/linux/proc_ns.h).
_FIRST_PID_NAMESPACE = 0xEFFFFFFC


def find_tracefs(paths: Paths = HOST) -> Path:
    """Where tracefs is mounted. Raises MdevviewError if it is not."""
    try:
        with (paths.proc / "self/mounts").open("rb") as file:
            mounts = file.read(_MOST_MOUNTS)
    except OSError as error:
        raise MdevviewError(f"the mounts cannot be read: {error_text(error)}", "see 'mdevview doctor'") from error
    found = _mount_points(mounts)
    if not found:
        raise MdevviewError(
            "tracefs, which tells what another process polls, is not mounted",
            f"mount it: sudo mount -t tracefs nodev {_USUAL}",
        )
    return _USUAL if _USUAL in found else found[0]


def _mount_points(mounts: bytes) -> list[Path]:
    """The mount points of all tracefs in a file of the format fstab(5), in which blanks are octal numbers."""
    found = []
    for line in mounts.split(b"\n"):
        words = line.split(b" ")
        if len(words) >= 3 and words[2] == b"tracefs":
            place = re.sub(rb"\\([0-3][0-7]{2})", lambda match: bytes([int(match[1], 8)]), words[1])
            found.append(Path(os.fsdecode(place)))
    return found


def check_pid_namespace(paths: Paths = HOST) -> None:
    """Raises MdevviewError in a container with PIDs of its own: the kernel traces by the PIDs of the host."""
    try:
        number = (paths.proc / "self/ns/pid").stat().st_ino
    except OSError:
        return
    if number != _FIRST_PID_NAMESPACE:
        raise MdevviewError(
            "this program runs in a container with PIDs of its own, but the kernel's trace has those of the host",
            "run it on the host",
        )


def refused(what: str, error: OSError) -> MdevviewError:
    """The error for a user who may not trace. ``what`` says what failed."""
    if isinstance(error, PermissionError):
        # The mount options gid and mode of tracefs let a group read. Its owner alone may write, and make an instance.
        remedy = "run this command with sudo: the kernel lets only root trace other programs"
        if os.geteuid() == 0:
            remedy = "root is refused by a container, a security module or the kernel's lockdown: run it on the host"
        return PermissionDenied(f"{what}: {error_text(error)}", remedy)
    return MdevviewError(f"{what}: {error_text(error)}", "see the kernel's log (sudo dmesg)")
