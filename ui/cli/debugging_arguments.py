"""The arguments of the commands that tell what a device shows and why."""

from ui.cli.argument_values import count, file_name, seconds
from ui.cli.common_arguments import Commands, add_command, add_helper, add_json, add_target


def add_debugging_commands(commands: Commands) -> None:
    """Add ``inspect`` and ``capture``."""
    _add_inspect(commands)
    _add_capture(commands)


def _add_inspect(commands: Commands) -> None:
    parser = add_command(commands, "inspect", "print a vGPU's planes, buffers, import results and findings")
    add_target(parser)
    add_helper(parser)
    add_json(parser)


def _add_capture(commands: Commands) -> None:
    parser = add_command(
        commands,
        "capture",
        "record what a vGPU answers and shows, to be played by replay:FILE",
        "The file has every answer and error of the device with its time, the contents of the buffers that were shown, "
        "and what is known of the vGPU (type, driver, UUID), its host (kernel, GPU, the kernel's messages about it) "
        "and what draws here. It has no name of a VM, a user or the host. What the screen showed is in it unless "
        "--no-pixels leaves it out. Its format is MCAP, which other tools read too. It ends after --duration, at "
        "Ctrl-C, or with the VM.",
    )
    add_target(parser)
    add_helper(parser)
    parser.add_argument(
        "-o", "--output", metavar="FILE", type=file_name, required=True, help="the file; - is standard output"
    )
    parser.add_argument("--duration", metavar="S", type=seconds, help="how many seconds to record (default: no limit)")
    pixels = parser.add_mutually_exclusive_group()
    pixels.add_argument(
        "--no-pixels", action="store_true", help="leave out what the buffers hold; the replay shows them grey"
    )
    pixels.add_argument(
        "--pixels-every", metavar="N", type=count, default=1, help="keep the pixels of every N-th picture only"
    )


def add_doctor(commands: Commands) -> None:
    parser = add_command(
        commands,
        "doctor",
        "check whether this host can show vGPUs",
        "Looks at the kernel, permissions, EGL and graphics drivers. Each problem comes with its remedy. The exit "
        "status is 1 when a finding is an error.",
    )
    add_json(parser)
