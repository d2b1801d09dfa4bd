"""What the host tells about a VM."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.qemu.command_line import CommandLine, parse_command_line


@dataclass(frozen=True, slots=True)
class Vm:
    """The process of a VM. ``cwd`` is its working directory, None if it cannot be seen.

    The process chose ``process`` (its name), ``name`` and ``arguments``, so they prove nothing. ``arguments_cut`` says
    that the command line is longer than ``arguments``. ``uid`` is its real user, None if it cannot be seen. ``id`` is
    the number that Proxmox VE gave it. ``configs`` are the texts of its configuration files that could be read
    (:mod:`app.host.config_files`).
    """

    pid: int
    process: str
    name: str | None
    arguments: tuple[str, ...]
    cwd: str | None = None
    arguments_cut: bool = False
    uid: int | None = None
    id: str | None = None
    configs: Mapping[str, str] = field(default_factory=dict)

    def command_line(self) -> CommandLine:
        """Its command line with its configuration files."""
        return parse_command_line(self.arguments, self.configs)
