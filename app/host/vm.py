"""What is known of a VM from outside."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Vm:
    """The process of a VM. ``cwd`` is where its relative paths start, None when it cannot be seen.

    ``arguments_cut`` says that the command line is longer than ``arguments``.
    """

    pid: int
    process: str
    name: str | None
    arguments: tuple[str, ...]
    cwd: str | None = None
    arguments_cut: bool = False
