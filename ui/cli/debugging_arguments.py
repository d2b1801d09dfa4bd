"""The arguments of the commands that tell what a device shows and why."""

from ui.cli.common_arguments import Commands, add_command, add_helper, add_json, add_target


def add_debugging_commands(commands: Commands) -> None:
    """Add ``inspect``."""
    _add_inspect(commands)


def _add_inspect(commands: Commands) -> None:
    parser = add_command(commands, "inspect", "print a vGPU's planes, buffers, import results and findings")
    add_target(parser)
    add_helper(parser)
    add_json(parser)


def add_doctor(commands: Commands) -> None:
    parser = add_command(
        commands,
        "doctor",
        "check whether this host can show vGPUs",
        "Looks at the kernel, permissions, EGL and graphics drivers. Each problem comes with its remedy. The exit "
        "status is 1 when a finding is an error.",
    )
    add_json(parser)
