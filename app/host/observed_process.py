"""What is told of a process that is observed: its name, its program and its devices."""

import os
from contextlib import suppress
from dataclasses import dataclass

from app.host import proc
from app.host.paths import HOST, Paths
from app.host.vfio_file import vfio_class
from app.text.clean import LONGEST_LINE, clean


@dataclass(frozen=True, slots=True)
class ObservedProcess:
    """``name`` is what the process calls itself, ``program`` the file that it runs; None if that cannot be seen."""

    pid: int
    name: str | None
    program: str | None


def describe_observed(pid: int, paths: Paths = HOST) -> ObservedProcess:
    name = program = None
    with suppress(OSError), proc.open_folder(paths.proc / str(pid)) as folder:
        name = proc.read_name(folder) or None
        program = clean(os.readlink("exe", dir_fd=folder), LONGEST_LINE)
    return ObservedProcess(pid, name, program)


def is_vfio_device(pid: int, fd: int, paths: Paths = HOST) -> bool:
    """Whether a fd of a process is a VFIO device. False if it was closed meanwhile or cannot be seen."""
    try:
        return vfio_class(str(paths.proc / str(pid) / "fd" / str(fd)))[0] == "vfio-dev"
    except OSError:
        return False
