"""What is known of a VM from outside."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Vm:
    """The process of a VM. ``cwd`` is where its relative paths start, None when it cannot be seen."""

    pid: int
    process: str
    name: str | None
    arguments: tuple[str, ...]
    cwd: str | None = None
