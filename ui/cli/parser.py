"""The command line's parser. The man page and the shell completion are made from it as well."""

import argparse
from collections.abc import Sequence
from itertools import takewhile
from typing import Any, Final, NoReturn

from app import __version__
from app.errors import UsageError
from app.open.target import SCHEMES, parse_target
from app.sim.config.spec_words import PROFILES
from app.text.suggestion import did_you_mean
from ui.cli.arguments import add_commands
from ui.cli.common_arguments import add_general
from ui.cli.output import write_output

PROG: Final = "mdevview"
SHELLS = ("bash", "zsh", "fish", "tcsh")

_EXAMPLES = """\
examples:
  mdevview                            show the only vGPU, or a simulated one
  mdevview 83b8f4f2                   the vGPU whose UUID starts like this
  mdevview vm:win10 --wait            a VM, and again after each restart
  mdevview xen:desktop --wait         a Xen guest with a PV display
  mdevview list                       the screens of this host, and who has them
  mdevview doctor                     what this host lacks, and the remedy
  mdevview run -- qemu-system-x86_64 -display none ...
  mdevview screenshot 83b8f4f2 -o - >shot.png
  mdevview view sim:gvt,format=YUYV --fullscreen
  mdevview inspect --json             planes, buffers, import results, findings
  mdevview capture vm:win10 -o black.mcap --duration 5
  mdevview replay:black.mcap          the same answers, on another machine
  mdevview decode 0x0100000000000001 NV12

'mdevview COMMAND --help' lists the options of a command; the man page has all.

exit status: 0 done, 1 failed, 2 bad usage, 3 no such device,
             4 permission denied, 5 no picture in time
"""
# The start of the last part, which the man page leaves out.
MORE = "'mdevview COMMAND"


class Parser(argparse.ArgumentParser):
    """Raises UsageError where argparse would print its usage and end the program.

    Options cannot be abbreviated: a new option could make the abbreviation in somebody's script ambiguous.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, f"see '{self.prog} --help'")

    def shown_options(self) -> list[str]:
        """The options that help shows."""
        return [text for each in self._actions if each.help != argparse.SUPPRESS for text in each.option_strings]

    def refuse(self, arguments: Sequence[str]) -> NoReturn:
        """Raise UsageError for arguments that nothing takes, with the option that the first one may have meant."""
        option = next((each.partition("=")[0] for each in arguments if each.startswith("-")), "")
        near = did_you_mean(option, self.shown_options())
        raise UsageError(f"unrecognized arguments: {' '.join(arguments)}", f"{near}see '{self.prog} --help'")

    def _check_value(self, action: argparse.Action, value: object) -> None:
        """Versions of Python word this in different ways, and none before 3.14 tells which choice was meant."""
        choices = [] if action.choices is None else list(map(str, action.choices))
        if choices and str(value) not in choices:
            words = (
                f"invalid choice: {str(value)!r}; {did_you_mean(str(value), choices)}choose from {', '.join(choices)}"
            )
            raise argparse.ArgumentError(action, words)

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
        description="Shows the screen of a VM: that of its vGPU (a VFIO mediated device), by asking\n"
        "the device itself, that of QEMU's D-Bus display, or a Xen guest's PV display.\n"
        "Without a COMMAND: view.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        add_help=False,
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands", prog=PROG, required=True)
    add_commands(commands)
    options = parser.add_argument_group("options")
    add_general(options, 0)
    options.add_argument("--version", action="version", version=f"{PROG} {__version__}", help="print the version")
    options.add_argument(
        "--print-completion",
        action=_PrintCompletion,
        choices=SHELLS,
        help="print a script that makes the shell complete mdevview's arguments",
    )
    return parser


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse a command line. Raises UsageError, or SystemExit after ``--help``, ``--version`` and completion scripts."""
    parser = build_parser()
    words = _with_command(parser, list(arguments))
    try:
        args, unknown = parser.parse_known_args(words)
    except UsageError:
        _refuse_mistyped(parser, words)
        raise
    if unknown:
        _commands(parser)[args.command].refuse(unknown)
    if args.command == "run":
        if args.arguments[:1] == ["--"]:
            del args.arguments[0]
        if not args.arguments:
            raise UsageError("no command line of a VM", f"give it after --: {PROG} run -- qemu-system-x86_64 ...")
    return args


def _with_command(parser: Parser, arguments: list[str]) -> list[str]:
    """The arguments, with ``view`` inserted where no command is given."""
    commands = _commands(parser)
    for position, argument in enumerate(arguments):
        option = argument.partition("=")[0]
        if argument == "--verbose" or (argument.startswith("-v") and set(argument[1:]) == {"v"}):
            continue
        if argument in commands or option in parser._option_string_actions:
            return arguments
        if not argument.startswith("-"):
            _check_target(parser, argument)
        elif option.startswith("--") and option not in ("--", *commands["view"]._option_string_actions):
            # view would reject the command that follows as a wrong target, which is a misleading message.
            _refuse_option(parser, argument)
        return [*arguments[:position], "view", *arguments[position:]]
    return [*arguments, "view"]


def _commands(parser: Parser) -> dict[str, Parser]:
    commands: dict[str, Parser] = next(each for each in parser._actions if each.dest == "command").choices  # type: ignore[assignment]
    return commands


def _refuse_mistyped(parser: Parser, words: Sequence[str]) -> None:
    """Refuse an option that the command does not have. Its value would be rejected as a target, which misleads."""
    own = list(takewhile(lambda word: word != "--", words))
    command = _commands(parser).get(next((each for each in own if not each.startswith("-")), ""))
    if command is None:
        return
    known = {*parser._option_string_actions, *command._option_string_actions}
    mistyped = [each for each in own if each.startswith("--") and each.partition("=")[0] not in known]
    if mistyped:
        command.refuse(mistyped)


def _refuse_option(parser: Parser, argument: str) -> NoReturn:
    """An option before any command is one of the program's or of view's."""
    known = parser.shown_options() + _commands(parser)["view"].shown_options()
    near = did_you_mean(argument.partition("=")[0], known)
    raise UsageError(f"unrecognized arguments: {argument}", f"{near}see '{PROG} --help'")


def _check_target(parser: Parser, argument: str) -> None:
    try:
        parse_target(argument)
    except UsageError as error:
        scheme, colon, _ = argument.partition(":")
        known = [*_commands(parser), *parser.shown_options(), *(f"sim:{each}" for each in PROFILES)]
        # The text after a colon is the user's own.
        near = did_you_mean(scheme, SCHEMES, ":") if colon else did_you_mean(argument, known)
        raise UsageError(f"{argument!r} is neither a command nor a target", f"{near}see '{PROG} --help'") from error
