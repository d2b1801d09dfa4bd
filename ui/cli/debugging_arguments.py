"""The arguments of the commands that tell what a device shows and why."""

from ui.cli.argument_values import count, file_name, seconds
from ui.cli.common_arguments import Commands, add_command, add_gpu, add_helper, add_json, add_special, add_target


def add_debugging_commands(commands: Commands) -> None:
    """Add ``inspect``, ``decode`` and ``capture``."""
    _add_inspect(commands)
    _add_decode(commands)
    _add_capture(commands)


def _add_inspect(commands: Commands) -> None:
    parser = add_command(commands, "inspect", "print a screen's planes, buffers, import results and findings")
    add_target(parser)
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--watch",
        action="store_true",
        help="print each change on a line of its own, with the seconds since the start and the time, until Ctrl-C or "
        "the end of the VM; with --json one JSON object on each line",
    )
    what.add_argument(
        "--formats",
        action="store_true",
        help="print which formats and modifiers the driver of the vGPU can report, and which this EGL display imports",
    )
    what.add_argument(
        "--buffers",
        action="store_true",
        help="print what identifies each buffer, which VMs have the same one open, and what virtio tells of exported "
        "objects",
    )
    parser.add_argument(
        "--duration",
        metavar="S",
        type=seconds,
        help="watch for S seconds; without --watch: print the document after S seconds, with the buffers and counts of "
        "that time",
    )
    add_json(parser)
    add_helper(parser)
    add_gpu(add_special(parser))


def _add_decode(commands: Commands) -> None:
    parser = add_command(
        commands,
        "decode",
        "explain modifiers, fourccs and EDIDs in words",
        "Modifiers with their bit fields and the names that libdrm, drm_info and the kernel use; fourccs with the "
        "layout of their bytes; EDIDs with what they say and what is wrong in them. Opens no device. The exit status "
        "is 2 if a VALUE is none of these; the others are explained all the same.",
    )
    parser.add_argument(
        "values",
        nargs="+",
        metavar="VALUE",
        help="a modifier (0x0100000000000001, X_TILED, I915_FORMAT_MOD_X_TILED), a fourcc (XR24, 0x34325258, XRGB8888, "
        "DRM_FORMAT_XRGB8888), or a file with an EDID, as bytes or as text in hexadecimal (- is standard input); a "
        "word that names a modifier or a format is not taken as a file: for the file give ./WORD",
    )
    add_json(parser)


def _add_capture(commands: Commands) -> None:
    parser = add_command(
        commands,
        "capture",
        "record what a vGPU, or the screen of a VM, answers and shows, to be played by replay:FILE",
        "The file has every answer and error of the device with its time, the contents of the buffers that were shown, "
        "and what is known of the vGPU (type, driver, UUID), its host (kernel, GPU, the kernel's messages about it) "
        "and what draws here. It has no name of a VM, a user or the host. What the screen showed is in it unless "
        "--no-pixels leaves it out. Its format is MCAP, which other tools read too. It ends after --duration, at "
        "Ctrl-C, or with the VM.",
    )
    add_target(parser)
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
    add_helper(parser)
    add_gpu(add_special(parser))


def add_doctor(commands: Commands) -> None:
    parser = add_command(
        commands,
        "doctor",
        "check whether this host can show the screens of its VMs",
        "Looks at the kernel, permissions, EGL and graphics drivers. Each problem comes with its remedy, problems come "
        "first, and a verdict in one sentence last. The exit status is 1 when a finding is an error.",
    )
    output = parser.add_mutually_exclusive_group()
    add_json(output)
    output.add_argument(
        "--report",
        action="store_true",
        help="print one text for a bug report, without names of users, hosts and VMs, addresses, UUIDs and serial "
        "numbers; its end says what was left out",
    )
