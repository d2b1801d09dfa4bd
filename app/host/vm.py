"""What the host tells about a VM."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Vm:
    """The process of a VM. ``cwd`` is its working directory, None if it cannot be seen.

    The process chose ``process`` (its name), ``name`` and ``arguments``, so they prove nothing. ``arguments_cut`` says
    that the command line is longer than ``arguments``. ``uid`` is its real user, None if it cannot be seen. ``id`` is
    the number that Proxmox VE gave it.
    """

    pid: int
    process: str
    name: str | None
    arguments: tuple[str, ...]
    cwd: str | None = None
    arguments_cut: bool = False
    uid: int | None = None
    id: str | None = None
