"""Whether QEMU has left the folders in which it looked up the paths on its command line.

It makes its sockets and reads its files first. Only then it changes its root folder, or goes to "/" as a daemon
(os_setup_post() in os-posix.c). So ``/proc/PID/root`` and ``/proc/PID/cwd`` may be others than at that time.
"""

from app.qemu.command_line import CommandLine
from app.qemu.option_text import items


def changes_root(line: CommandLine) -> bool:
    """Whether it has another root folder since it started (``-chroot``, ``-run-with chroot=``)."""
    run_with = [each.value for each in line.options if each.name == "run-with" and each.value is not None]
    return line.has("chroot") or any(key == "chroot" and value for options in run_with for key, value in items(options))


def leaves_folder(line: CommandLine) -> bool:
    """Whether it has another working directory since it started."""
    return line.daemonize or changes_root(line)
