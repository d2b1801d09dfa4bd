"""The command line's grammar. The man page and the shell completion are made from it as well.

Building it imports nothing heavy: what a command needs is imported when that command runs.
"""

import argparse
import math
from collections.abc import Sequence
from typing import Any, Final, NoReturn, TypeAlias

from app import __version__
from app.edid.mode import Mode, parse_mode
from app.errors import UsageError
from app.open.target import Default, parse_target
from app.qemu.qmp_address import parse_address
from ui.cli.output import write_output

PROG: Final = "mdevview"

_TARGET_HELP = (
    "a vGPU's UUID or the start of it, a PCI address, pid:N (the process of a running VM; pid:N,fd=M where it has "
    "several screens), vm:NAME (a VM of QEMU's or libvirt's), fd:N (an open VFIO device inherited from the parent "
    "process), or a simulated device: sim:gvt, sim:mbochs or sim:mdpy, with [,key=value...]; default: the only vGPU "
    "there is, sim:gvt where there is none. A vGPU that a VM has is shown through that VM"
)
_EXAMPLES = """\
examples:
  mdevview                                      show the only vGPU, or a simulated one
  mdevview 83b8f4f2                             show the vGPU whose UUID starts so
  mdevview vm:win10 --wait                      show a running VM, and again whenever it was restarted
  mdevview view sim:gvt,format=YUYV --fullscreen
  mdevview run --type GVTg_V5_4 -- qemu-system-x86_64 -display none ...
  mdevview screenshot 83b8f4f2 -o - >shot.png   a picture, without any window
  mdevview inspect --json                       planes, buffers and what became of them
  mdevview doctor                               what this host lacks, and the remedy

exit status: 0 done, 1 failed, 2 bad usage, 3 no such device, 4 permission denied, 5 no picture in time
"""


class Parser(argparse.ArgumentParser):
    """Raises UsageError where argparse would print its usage and end the program.

    Options cannot be abbreviated: what a script abbreviates today, a new option could make ambiguous.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, f"see '{self.prog} --help'")


class _PrintCompletion(argparse.Action):
    """Prints the completion script of a shell, and ends the program as ``--help`` does."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        from ui.cli.completion import script  # noqa: PLC0415  (shtab is for this alone)

        write_output(script(parser, str(values)))
        parser.exit()


def build_parser() -> Parser:
    """The whole grammar. A parsed namespace has ``command``, ``verbose`` and what the command's own part below adds."""
    parser = Parser(
        prog=PROG,
        usage=f"{PROG} [OPTION...] [COMMAND] [ARGUMENT...]",
        description="Shows the screen of a VM whose GPU is a VFIO mediated device (vGPU), by asking\n"
        "the device itself. Without a COMMAND: view.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"{PROG} {__version__}", help="print the version")
    parser.add_argument(
        "--print-completion",
        action=_PrintCompletion,
        choices=("bash", "zsh", "tcsh"),
        help="print what makes the shell complete mdevview's arguments",
    )
    _add_verbose(parser, 0)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands", prog=PROG, required=True)
    _add_view(commands)
    _add_run(commands)
    _add_list(commands)
    _add_screenshot(commands)
    _add_inspect(commands)
    _add_doctor(commands)
    return parser


def _add_verbose(parser: argparse.ArgumentParser, default: int | str) -> None:
    parser.add_argument(
        "-v",
        "--verbose",
        action="count",
        default=default,
        help="log to standard error what is done; twice: in detail",
    )


# argparse has no public name for what add_subparsers() returns.
_Commands: TypeAlias = "argparse._SubParsersAction[Parser]"


def _add(commands: _Commands, name: str, summary: str, more: str = "") -> Parser:
    parser = commands.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}. {more}".rstrip())
    # SUPPRESS, or the command's own default would overwrite what was given before the command.
    _add_verbose(parser, argparse.SUPPRESS)
    return parser


def _add_target(parser: Parser) -> None:
    parser.add_argument("target", nargs="?", metavar="TARGET", type=parse_target, default=Default(), help=_TARGET_HELP)


def _add_helper(parser: Parser) -> None:
    parser.add_argument(
        "--helper",
        choices=("auto", "pkexec", "sudo", "never"),
        default="auto",
        help="how to ask for the screen of another user's VM, which takes root's rights: by pkexec or sudo, whichever "
        "fits (default), or not at all",
    )


def _add_matrix(parser: Parser) -> None:
    parser.add_argument(
        "--matrix",
        choices=("bt601", "bt709"),
        default="bt601",
        help="how YUV planes are decoded, as no driver tells (default: bt601)",
    )


def _add_json(parser: Parser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON document for programs")


def _add_view(commands: _Commands) -> None:
    parser = _add(
        commands,
        "view",
        "show a vGPU's screen in a window",
        "Scaling and filter, where not given, are as they were last time.",
    )
    _add_target(parser)
    parser.add_argument(
        "--wait",
        action="store_true",
        help="wait for the VM to start, and again whenever it ended; a vGPU that no VM has is left to it",
    )
    parser.add_argument(
        "--qmp",
        metavar="SOCKET",
        type=parse_address,
        help="where the VM takes input: its QMP monitor, as the path of a unix socket or HOST:PORT; default: where the "
        "VM's command line says",
    )
    _add_helper(parser)
    _add_window(parser)


def _add_window(parser: Parser) -> None:
    """How the picture is shown. ``scaling`` and ``filter`` are None when not given."""
    parser.add_argument("--fullscreen", action="store_true", help="start in full screen (Ctrl+Alt+F leaves it)")
    parser.add_argument(
        "--scaling",
        choices=("fit", "integer", "actual"),
        help="fit the window, fit it by whole factors, or show actual pixels",
    )
    parser.add_argument("--filter", choices=("linear", "nearest"), help="how a scaled picture is sampled")
    parser.add_argument("--straight-alpha", action="store_true", help="the cursor's alpha is not premultiplied")
    parser.add_argument(
        "--rotate",
        type=int,
        choices=(0, 90, 180, 270),
        default=0,
        help="turn the picture clockwise, by so many degrees; screenshots stay as the guest has them",
    )
    parser.add_argument("--flip-x", action="store_true", help="mirror left and right")
    parser.add_argument("--flip-y", action="store_true", help="mirror top and bottom")
    parser.add_argument("--cursor-outline", action="store_true", help="draw a frame around the cursor plane")
    _add_matrix(parser)
    size = parser.add_mutually_exclusive_group()
    size.add_argument(
        "--resolution",
        metavar="WxH[@Hz]",
        type=_mode,
        help="have the guest use this mode, by an EDID that prefers it (default refresh rate: 60); needs a device with "
        "an EDID region, which GVT-g and mbochs have",
    )
    size.add_argument(
        "--follow", action="store_true", help="have the guest's screen as large as the window, whenever it is resized"
    )


def _add_run(commands: _Commands) -> None:
    """``arguments`` is the VM's command line, without the ``--`` before it."""
    parser = _add(
        commands,
        "run",
        "start a VM and show it",
        "QEMU gets what its command line lacks, after all that is there: the vGPU as a vfio-pci device (with its own "
        "display off, as the window shows it), and a QMP socket in a folder of its own. Nothing else is changed; "
        "-display none keeps QEMU from opening a window as well. When the window is closed, or mdevview gets Ctrl-C, "
        "SIGTERM or SIGHUP, the guest is asked to power down, and after a while, or at a second Ctrl-C, QEMU is ended. "
        "When the VM ends, so does mdevview: with status 0 if all went well, else with 1.",
    )
    parser.usage = f"{parser.prog} [OPTION...] -- QEMU [ARGUMENT...]"
    parser.add_argument(
        "--uuid",
        metavar="UUID",
        help="the vGPU, or the start of its UUID; default: the one that the command line names, else the only free one",
    )
    parser.add_argument(
        "--type",
        metavar="TYPE",
        help="create a vGPU of this type (its id, or what follows the driver in it) for as long as the VM runs, with "
        "a random UUID or that of --uuid; takes root's rights",
    )
    parser.add_argument(
        "--parent", metavar="DEVICE", help="the device to create it on, as sysfs calls it (0000:00:02.0)"
    )
    parser.add_argument(
        "--keep-running",
        action="store_true",
        help="let the VM go on when the window is closed, with its vGPU, created or not",
    )
    _add_helper(parser)
    _add_window(parser)
    parser.add_argument(
        "arguments",
        nargs=argparse.REMAINDER,
        metavar="QEMU",
        help="the VM's command line: QEMU, or a program that becomes it by exec (env, nice, a script), as your own "
        "user and without -daemonize",
    )


def _add_list(commands: _Commands) -> None:
    parser = _add(
        commands,
        "list",
        "list the vGPUs of this host",
        "With type, parent, driver, IOMMU group or cdev, who has them open and how (process, VM, by group or by cdev), "
        "and the kind of display their driver is known to offer. No device is opened.",
    )
    _add_json(parser)


def _add_screenshot(commands: _Commands) -> None:
    parser = _add(
        commands, "screenshot", "save a vGPU's screen as a PNG file", "Needs no window and no display server."
    )
    _add_target(parser)
    _add_helper(parser)
    parser.add_argument(
        "-o", "--output", metavar="FILE", type=_file, required=True, help="the PNG file; - is standard output"
    )
    parser.add_argument(
        "--plane",
        choices=("composite", "primary", "cursor"),
        default="composite",
        help="one plane alone, or the primary with the cursor on it (default)",
    )
    _add_matrix(parser)
    parser.add_argument(
        "--timeout",
        metavar="S",
        type=_seconds,
        default=5.0,
        help="how many seconds to wait for a picture (default: 5)",
    )


def _add_inspect(commands: _Commands) -> None:
    parser = _add(commands, "inspect", "tell what a vGPU scans out, and what becomes of it")
    _add_target(parser)
    _add_helper(parser)
    _add_json(parser)


def _add_doctor(commands: _Commands) -> None:
    parser = _add(
        commands,
        "doctor",
        "check whether this host can show vGPUs",
        "Kernel, permissions, EGL and graphics drivers; every finding comes with its remedy. The exit status is 1 when "
        "one is an error.",
    )
    _add_json(parser)


def _file(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("the name is empty")
    return text


def _mode(text: str) -> Mode:
    try:
        return parse_mode(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds")
    return value


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Understand a command line. Raises UsageError; SystemExit after ``--help`` and the like."""
    parser = build_parser()
    args = parser.parse_args(_with_command(parser, list(arguments)))
    if args.command == "run":
        if args.arguments[:1] == ["--"]:
            del args.arguments[0]
        if not args.arguments:
            raise UsageError("no command line of a VM", f"give it after --: {PROG} run -- qemu-system-x86_64 ...")
    return args


def _with_command(parser: Parser, arguments: list[str]) -> list[str]:
    """``view`` put in where no command is given."""
    commands: dict[str, Parser] = next(each for each in parser._actions if each.dest == "command").choices  # type: ignore[assignment]
    for position, argument in enumerate(arguments):
        option = argument.partition("=")[0]
        if argument == "--verbose" or (argument.startswith("-v") and set(argument[1:]) == {"v"}):
            continue
        if argument in commands or option in parser._option_string_actions:
            return arguments
        if not argument.startswith("-"):
            _check_target(argument)
        elif option.startswith("--") and option not in ("--", *commands["view"]._option_string_actions):
            # Passed on to view, it would make the command that follows a wrong target.
            parser.error(f"unrecognized arguments: {argument}")
        return [*arguments[:position], "view", *arguments[position:]]
    return [*arguments, "view"]


def _check_target(argument: str) -> None:
    try:
        parse_target(argument)
    except UsageError as error:
        raise UsageError(f"{argument!r} is neither a command nor a target", f"see '{PROG} --help'") from error
