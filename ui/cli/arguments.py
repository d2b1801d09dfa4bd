"""The arguments of each command. Building them imports nothing heavy: a command is imported when it runs."""

import argparse
import math
import re
from typing import Any, TypeAlias

from app.edid.mode import Mode, parse_mode
from app.input.keys import check_qcode
from app.measure.bench_cases import CASE_NAMES
from app.open.target import Default, Pid, parse_target
from app.qemu.qmp_address import parse_address

# argparse has no public name for what add_subparsers() returns.
Commands: TypeAlias = "argparse._SubParsersAction[Any]"

_MOST_KEYS = 2

_TARGET_HELP = (
    "a vGPU's UUID or the start of it, a PCI address, pid:N (the process of a running VM; pid:N,fd=M where it has "
    "several screens), vm:NAME (a VM of QEMU's or libvirt's), fd:N (an open VFIO device inherited from the parent "
    "process), or a simulated device: sim:gvt, sim:mbochs or sim:mdpy, with [,key=value...]; default: the only vGPU "
    "there is, sim:gvt where there is none. A vGPU that a VM has is shown through that VM"
)


def add_commands(commands: Commands) -> None:
    """Add every command."""
    _add_view(commands)
    _add_overview(commands)
    _add_run(commands)
    _add_list(commands)
    _add_screenshot(commands)
    _add_inspect(commands)
    _add_measure(commands)
    _add_bench(commands)
    _add_doctor(commands)


def add_verbose(parser: argparse.ArgumentParser, default: int | str) -> None:
    parser.add_argument(
        "-v",
        "--verbose",
        action="count",
        default=default,
        help="log to standard error what is done; twice: in detail",
    )


def _add(commands: Commands, name: str, summary: str, details: str = "") -> argparse.ArgumentParser:
    description = f"{summary[0].upper()}{summary[1:]}. {details}".rstrip()
    parser: argparse.ArgumentParser = commands.add_parser(name, help=summary, description=description)
    # Without SUPPRESS the command's own default would overwrite what was given before the command.
    add_verbose(parser, argparse.SUPPRESS)
    return parser


def _add_target(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("target", nargs="?", metavar="TARGET", type=parse_target, default=Default(), help=_TARGET_HELP)


def _add_helper(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--helper",
        choices=("auto", "pkexec", "sudo", "never"),
        default="auto",
        help="how to get root's permission, which the screen of another user's VM needs: by pkexec or sudo, whichever "
        "fits (default), or not at all",
    )


def _add_poll(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--poll",
        metavar="MS",
        type=_interval,
        help="poll the device every MS milliseconds whatever happens, for comparison: QEMU does so every 16 to 30 ms; "
        "default: each millisecond while the guest flips or gets input, less often while nothing changes",
    )


def _add_matrix(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--matrix",
        choices=("bt601", "bt709"),
        default="bt601",
        help="the matrix that decodes YUV planes; no driver tells which one is right (default: bt601)",
    )


def _add_timeout(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--timeout",
        metavar="S",
        type=_seconds,
        default=5.0,
        help="how many seconds to wait for a picture (default: 5)",
    )


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON document for programs")


def _add_view(commands: Commands) -> None:
    parser = _add(
        commands,
        "view",
        "show a vGPU's screen in a window",
        "Without --scaling or --filter, the last setting is used again.",
    )
    _add_target(parser)
    parser.add_argument(
        "--wait",
        action="store_true",
        help="wait for the VM to start, and after its end for the next start; a free vGPU is not opened, so that a VM "
        "can take it",
    )
    parser.add_argument(
        "--qmp",
        metavar="SOCKET",
        type=parse_address,
        help="where the VM takes input: its QMP monitor, as the path of a unix socket or HOST:PORT; default: where the "
        "VM's command line says",
    )
    _add_helper(parser)
    _add_poll(parser)
    _add_window(parser)


def _add_overview(commands: Commands) -> None:
    parser = _add(
        commands,
        "overview",
        "show the screens of all vGPUs in one window",
        "Each tile has the VM's name, the state and the frames per second; a click, or Enter, opens it in a window of "
        "its own. VMs and vGPUs appear and go by themselves. A free vGPU is not opened, so that a VM can take it; "
        "root's permission is asked for only after a click.",
    )
    parser.add_argument(
        "targets",
        nargs="*",
        metavar="TARGET",
        type=parse_target,
        help="what to show, as for view; default: every vGPU of this host that has a display, a simulated one where "
        "there is none",
    )
    parser.add_argument("--fullscreen", action="store_true", help="start in full screen (Ctrl+Alt+F leaves it)")
    _add_helper(parser)


def _add_window(parser: argparse.ArgumentParser) -> None:
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
        help="turn the picture clockwise by this many degrees; screenshots are not turned",
    )
    parser.add_argument("--flip-x", action="store_true", help="mirror left and right")
    parser.add_argument("--flip-y", action="store_true", help="mirror top and bottom")
    parser.add_argument("--cursor-outline", action="store_true", help="draw a frame around the cursor plane")
    parser.add_argument(
        "--tear-free",
        action="store_true",
        help="compose each picture from a copy on the GPU, so that a guest which draws into the buffer on the screen "
        "does not change it during the composition; costs one more draw for each picture and the memory of one "
        "(default: off, as most guests flip between buffers instead)",
    )
    _add_matrix(parser)
    size = parser.add_mutually_exclusive_group()
    size.add_argument(
        "--resolution",
        metavar="WxH[@Hz]",
        type=_mode,
        help="ask the guest to use this mode, by an EDID that prefers it (default refresh rate: 60); needs a device "
        "with an EDID region, which GVT-g and mbochs have",
    )
    size.add_argument(
        "--follow", action="store_true", help="ask the guest for the window's size whenever the window is resized"
    )


def _add_run(commands: Commands) -> None:
    """``arguments`` is the VM's command line, without the ``--`` before it."""
    parser = _add(
        commands,
        "run",
        "start a VM and show it",
        "Where QEMU's command line lacks them, two things are added at its end: the vGPU as a vfio-pci device (with "
        "its own display off, as the window shows it), and a QMP socket in a new folder. Nothing else is changed; "
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
        "a random UUID or that of --uuid; needs root's permission",
    )
    parser.add_argument(
        "--parent", metavar="DEVICE", help="the device to create it on, by its name in sysfs (0000:00:02.0)"
    )
    parser.add_argument(
        "--keep-running",
        action="store_true",
        help="when the window is closed, let the VM go on, and keep its vGPU even if it was created",
    )
    _add_helper(parser)
    _add_poll(parser)
    _add_window(parser)
    parser.add_argument(
        "arguments",
        nargs=argparse.REMAINDER,
        metavar="QEMU",
        help="the VM's command line: QEMU, or a program that becomes it by exec (env, nice, a script), as your own "
        "user and without -daemonize",
    )


def _add_list(commands: Commands) -> None:
    parser = _add(
        commands,
        "list",
        "list the vGPUs of this host",
        "With type, parent, driver, IOMMU group or cdev, who has them open and how (process, VM, by group or by cdev), "
        "and the kind of display their driver is known to offer. No device is opened.",
    )
    _add_json(parser)


def _add_screenshot(commands: Commands) -> None:
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
    _add_timeout(parser)


def _add_inspect(commands: Commands) -> None:
    parser = _add(commands, "inspect", "print a vGPU's planes, buffers, import results and findings")
    _add_target(parser)
    _add_helper(parser)
    _add_json(parser)


def _add_measure(commands: Commands) -> None:
    parser = _add(
        commands,
        "measure",
        "measure the latency of frames",
        "From the guest's flip to the submitted picture, with percentiles, in files that can be compared. Needs no "
        "window. Ctrl-C ends the run early; the files are valid then as well.",
    )
    _add_target(parser)
    _add_helper(parser)
    parser.add_argument("--duration", metavar="S", type=_seconds, help="how many seconds to measure (default: 10)")
    parser.add_argument("--json", metavar="FILE", type=_file, help="write all figures; - is standard output")
    parser.add_argument(
        "--csv", metavar="FILE", type=_file, help="write one row for each submitted picture; - is standard output"
    )
    _add_poll(parser)
    parser.add_argument(
        "--size",
        metavar="WxH",
        type=_size,
        help="the size of the picture that is drawn (default: the guest's size; with --window that of the window)",
    )
    parser.add_argument(
        "--window",
        action="store_true",
        help="measure a window instead, with the time of the GPU and when each picture was on the screen",
    )
    _add_measured_input(parser)
    _add_timeout(parser)
    _add_observe(parser)


def _add_observe(parser: argparse.ArgumentParser) -> None:
    """``observe`` is None or a :class:`Pid`."""
    parser.add_argument(
        "--observe",
        metavar="pid:N",
        type=_observed,
        help="measure how another program polls its vGPU, such as QEMU's own window (pid:N,fd=M where it polls "
        "several), from the kernel's trace of its ioctls, which only root may read; with TARGET also how late after a "
        "flip it polls, as our own polls see the flips. --json then writes the figures of that program",
    )
    parser.add_argument(
        "--own-json", metavar="FILE", type=_file, help="with --observe and TARGET: write the figures of our own polls"
    )


def _observed(text: str) -> Pid:
    target = parse_target(text)
    if not isinstance(target, Pid):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form pid:N or pid:N,fd=M")
    return target


def _add_bench(commands: Commands) -> None:
    parser = _add(
        commands,
        "bench",
        "time the paths of a frame on this machine",
        "Polls, cached and new imports, uploads, de-tiling, composition and capture, each as median, 99th percentile "
        "and CPU time, for a guest of 1920x1080 in this process. No vGPU is opened.",
    )
    parser.add_argument("--json", metavar="FILE", type=_file, help="write all figures; - is standard output")
    parser.add_argument(
        "--case", metavar="NAME", nargs="+", choices=CASE_NAMES, help=f"only these: {', '.join(CASE_NAMES)}"
    )
    parser.add_argument(
        "--seconds", metavar="S", type=_seconds, default=1.0, help="how many seconds to time each case (default: 1)"
    )


def _add_measured_input(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--input",
        metavar="KEY[,KEY]",
        type=_keys,
        help="measure from a key to the pixels that it changes: send this key to the VM again and again, or these keys "
        "in turn (a,backspace leaves a line of text as it was); QEMU's names of keys (QKeyCode)",
    )
    parser.add_argument(
        "--region",
        metavar="X,Y,W,H",
        type=_region,
        help="with --input: the part of the guest's picture to look at, in its pixels; the smaller it is, the more "
        "exact the figures (default: all of it)",
    )
    parser.add_argument(
        "--count", metavar="N", type=_count, help="with --input: how many times to send a key (default: 50)"
    )
    parser.add_argument(
        "--input-timeout",
        metavar="S",
        type=_seconds,
        help="with --input: how many seconds to wait for the guest's reaction to a key (default: 2)",
    )
    parser.add_argument(
        "--qmp",
        metavar="SOCKET",
        type=parse_address,
        help="with --input: the VM's QMP monitor, as the path of a unix socket or HOST:PORT; default: where the VM's "
        "command line says",
    )


def _add_doctor(commands: Commands) -> None:
    parser = _add(
        commands,
        "doctor",
        "check whether this host can show vGPUs",
        "Looks at the kernel, permissions, EGL and graphics drivers. Each problem comes with its remedy. The exit "
        "status is 1 when a finding is an error.",
    )
    _add_json(parser)


def _file(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("the name is empty")
    return text


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"([1-9][0-9]{0,4})x([1-9][0-9]{0,4})", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form WIDTHxHEIGHT, such as 1920x1080")
    return int(match.group(1)), int(match.group(2))


def _interval(text: str) -> int:
    """A time in milliseconds as nanoseconds."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    # A longer interval would look like a stopped guest.
    if not 0.1 <= value <= 10_000:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of milliseconds from 0.1 to 10000")
    return round(value * 1e6)


def _keys(text: str) -> tuple[str, ...]:
    try:
        keys = tuple(check_qcode(each) for each in text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    if len(keys) > _MOST_KEYS:
        raise argparse.ArgumentTypeError(f"{len(keys)} keys are more than {_MOST_KEYS}")
    return keys


def _region(text: str) -> tuple[int, int, int, int]:
    match = re.fullmatch(r"([0-9]{1,5}),([0-9]{1,5}),([1-9][0-9]{0,4}),([1-9][0-9]{0,4})", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form X,Y,WIDTH,HEIGHT, such as 100,200,64,32")
    x, y, width, height = map(int, match.groups())
    return x, y, width, height


def _count(text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,4}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 to 99999")
    return int(text)


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
