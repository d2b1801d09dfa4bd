"""The command line's parser. The man page and the shell completion are made from it as well."""

import argparse
from collections.abc import Sequence
from typing import Any, Final, NoReturn

from app import __version__
from app.errors import UsageError
from app.open.target import parse_target
from ui.cli.arguments import add_commands
from ui.cli.common_arguments import add_verbose
from ui.cli.output import write_output

PROG: Final = "mdevview"

_EXAMPLES = """\
examples:
  mdevview                                      show the only vGPU, or a simulated one
  mdevview 83b8f4f2                             show the vGPU whose UUID starts like this
  mdevview vm:win10 --wait                      show a VM, and show it again after each restart
  mdevview view sim:gvt,format=YUYV --fullscreen
  mdevview run --type GVTg_V5_4 -- qemu-system-x86_64 -display none ...
  mdevview screenshot 83b8f4f2 -o - >shot.png   a picture, without any window
  mdevview inspect --json                       planes, buffers, import results, findings
  mdevview decode 0x0100000000000001 NV12       a modifier, a format or an EDID file, in words
  mdevview capture vm:win10 -o black.mcap --duration 5
  mdevview replay:black.mcap                    the same answers and pixels, on another machine
  mdevview doctor                               what this host lacks, and the remedy

exit status: 0 done, 1 failed, 2 bad usage, 3 no such device, 4 permission denied, 5 no picture in time
"""


class Parser(argparse.ArgumentParser):
    """Raises UsageError where argparse would print its usage and end the program.

    Options cannot be abbreviated: a new option could make the abbreviation in somebody's script ambiguous.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, f"see '{self.prog} --help'")

    def _print_message(self, message: str, file: object = None) -> None:
        """Print help or version. argparse ignores a failed write."""
        write_output(message, end="")


class _PrintCompletion(argparse.Action):
    """Prints the completion script of a shell, and ends the program as ``--help`` does."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        from ui.cli.completion import script  # noqa: PLC0415  (only this needs shtab)

        write_output(script(parser, str(values)))
        parser.exit()


def build_parser() -> Parser:
    """The whole parser. A parsed namespace has ``command``, ``verbose`` and the command's own arguments."""
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
        help="print a script that makes the shell complete mdevview's arguments",
    )
    add_verbose(parser, 0)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands", prog=PROG, required=True)
    add_commands(commands)
    return parser


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse a command line. Raises UsageError, or SystemExit after ``--help``, ``--version`` and completion scripts."""
    parser = build_parser()
    args = parser.parse_args(_with_command(parser, list(arguments)))
    if args.command == "run":
        if args.arguments[:1] == ["--"]:
            del args.arguments[0]
        if not args.arguments:
            raise UsageError("no command line of a VM", f"give it after --: {PROG} run -- qemu-system-x86_64 ...")
    return args


def _with_command(parser: Parser, arguments: list[str]) -> list[str]:
    """The arguments, with ``view`` inserted where no command is given."""
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
            # view would reject the command that follows as a wrong target, which is a misleading message.
            parser.error(f"unrecognized arguments: {argument}")
        return [*arguments[:position], "view", *arguments[position:]]
    return [*arguments, "view"]


def _check_target(argument: str) -> None:
    try:
        parse_target(argument)
    except UsageError as error:
        raise UsageError(f"{argument!r} is neither a command nor a target", f"see '{PROG} --help'") from error
