"""What the host tells about a VM."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Vm:
    """The process of a VM. ``cwd`` is its working directory, None if it cannot be seen.

    ``arguments_cut`` says that the command line is longer than ``arguments``.
    """

    pid: int
    process: str
    name: str | None
    arguments: tuple[str, ...]
    cwd: str | None = None
    arguments_cut: bool = False
