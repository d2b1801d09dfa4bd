"""The arguments that several commands have."""

import argparse
from typing import Any, TypeAlias

from app.host.gpu import AUTO
from app.open.target import Default, parse_target
from ui.cli.argument_values import gpu, interval, seconds

# argparse has no public name for what add_subparsers() returns.
Commands: TypeAlias = "argparse._SubParsersAction[Any]"

_TARGET_HELP = (
    "what to show: a vGPU's UUID, or the start or the end of it, a PCI address, vm:NAME, pid:N, dbus:ADDRESS, "
    "xen:NAME, fd:N, sim:PROFILE or replay:FILE; default: the only screen of this host, sim:gvt where there is none. A "
    "vGPU that a VM has is shown through that VM"
)

SPECIAL = "for special cases"
ALL_COMMANDS = "for all commands"

_GPU = "a render node (/dev/dri/renderD128, or renderD128), a card (card0) or a PCI address (0000:00:02.0)"
_GPU_HELP = (
    f"the GPU that draws: {_GPU}; auto (default): the GPU that exports the guest's buffers where that is known and EGL "
    "can use it, otherwise the one that EGL chooses"
)
WINDOW_GPU_HELP = (
    f"the GPU that imports the guest's buffers: {_GPU}; auto (default): the GPU that exports them where that is known, "
    "otherwise that of the window. The window itself is drawn by the GPU of its display"
)
BENCH_GPU_HELP = f"the GPU to time: {_GPU}; auto (default): the one that EGL chooses"


def add_command(commands: Commands, name: str, summary: str, details: str = "") -> argparse.ArgumentParser:
    """A command. Its own options are added in the order of their use; :func:`finish_command` adds what all have."""
    description = f"{summary[0].upper()}{summary[1:]}. {details}".rstrip()
    parser: argparse.ArgumentParser = commands.add_parser(name, help=summary, description=description, add_help=False)
    return parser


def add_special(parser: argparse.ArgumentParser) -> "argparse._ArgumentGroup":
    """The group of the options that few need: help shows it after the others."""
    return parser.add_argument_group(SPECIAL)


def finish_command(parser: argparse.ArgumentParser) -> None:
    """Add the options that all commands have, after its own, and keep the usage to one line."""
    if parser.usage is None:
        options = [each for each in parser._actions if each.option_strings and each.required]
        others = [each for each in parser._actions if not each.option_strings]
        parser.usage = " ".join([parser.prog, "[OPTION...]", *map(_usage, options + others)])
    # Without SUPPRESS the command's own default would overwrite what was given before the command.
    add_general(parser.add_argument_group(ALL_COMMANDS), argparse.SUPPRESS)


def _usage(action: argparse.Action) -> str:
    """An argument that is no option, or an option that must be given, as the usage shows it."""
    name = str(action.metavar)
    if action.option_strings:
        return f"{action.option_strings[0]} {name}"
    return {"?": f"[{name}]", "*": f"[{name}...]", "+": f"{name}..."}.get(str(action.nargs), name)


def add_general(group: "argparse._ArgumentGroup", verbose: int | str) -> None:
    """Add ``--help`` and ``--verbose``; ``verbose`` is the default of the latter."""
    group.add_argument("-h", "--help", action="help", help="show this text and exit")
    group.add_argument(
        "-v",
        "--verbose",
        action="count",
        default=verbose,
        help="log to standard error what is done; twice: in detail",
    )


def add_target(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("target", nargs="?", metavar="TARGET", type=parse_target, default=Default(), help=_TARGET_HELP)


def add_helper(parser: argparse._ActionsContainer) -> None:
    parser.add_argument(
        "--helper",
        choices=("auto", "pkexec", "sudo", "never"),
        default="auto",
        help="how to get root's permission, which the screen of another user's VM needs: by pkexec or sudo, whichever "
        "fits (default), or not at all",
    )


def add_gpu(parser: argparse._ActionsContainer, help_text: str = _GPU_HELP) -> None:
    """``gpu`` is a :class:`GpuChoice`."""
    parser.add_argument("--gpu", metavar="NODE", type=gpu, default=AUTO, help=help_text)


def add_poll(parser: argparse._ActionsContainer) -> None:
    parser.add_argument(
        "--poll",
        metavar="MS",
        type=interval,
        help="poll the device every MS milliseconds whatever happens, for comparison: QEMU does so every 16 to 30 ms; "
        "default: each millisecond while the guest flips or gets input, less often while nothing changes",
    )


def add_matrix(parser: argparse._ActionsContainer) -> None:
    parser.add_argument(
        "--matrix",
        choices=("bt601", "bt709"),
        default="bt601",
        help="the matrix that decodes YUV planes; no driver tells which one is right (default: bt601)",
    )


def add_timeout(parser: argparse._ActionsContainer) -> None:
    parser.add_argument(
        "--timeout",
        metavar="S",
        type=seconds,
        default=5.0,
        help="how many seconds to wait for a picture (default: 5)",
    )


def add_json(parser: argparse._ActionsContainer) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON document for programs")
