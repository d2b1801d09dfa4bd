"""The arguments of the commands that measure: measure, compare and bench."""

import argparse

from app.measure.bench.bench_cases import CASE_NAMES
from app.qemu.qmp_address import parse_address
from ui.cli.argument_values import (
    condition,
    count,
    file_name,
    keys,
    observed,
    plot_file,
    region,
    seconds,
    size,
)
from ui.cli.common_arguments import (
    BENCH_GPU_HELP,
    Commands,
    add_command,
    add_gpu,
    add_helper,
    add_json,
    add_poll,
    add_special,
    add_target,
    add_timeout,
)


def add_measuring_commands(commands: Commands) -> None:
    """Add measure, compare and bench."""
    _add_measure(commands)
    _add_compare(commands)
    _add_bench(commands)


def _add_measure(commands: Commands) -> None:
    parser = add_command(
        commands,
        "measure",
        "measure the latency of frames",
        "From the guest's flip to the submitted picture, with percentiles, in files that can be compared. Needs no "
        "window. Ctrl-C ends the run early; the files are valid then as well.",
    )
    add_target(parser)
    parser.add_argument("--duration", metavar="S", type=seconds, help="how many seconds to measure (default: 10)")
    parser.add_argument("--json", metavar="FILE", type=file_name, help="write all figures; - is standard output")
    parser.add_argument(
        "--csv", metavar="FILE", type=file_name, help="write one row for each submitted picture; - is standard output"
    )
    parser.add_argument(
        "--window",
        action="store_true",
        help="measure a window instead, and also when each picture was on the screen",
    )
    add_timeout(parser)
    add_helper(parser)
    _add_measured_input(parser)
    _add_observe(parser)
    special = add_special(parser)
    add_gpu(special)
    add_poll(special)
    special.add_argument(
        "--size",
        metavar="WxH",
        type=size,
        help="the size of the picture that is drawn (default: the guest's size; with --window that of the window)",
    )


def _add_measured_input(command: argparse.ArgumentParser) -> None:
    parser = command.add_argument_group("from a key to the pixels")
    parser.add_argument(
        "--input",
        metavar="KEY[,KEY]",
        type=keys,
        help="measure from a key to the pixels that it changes: send this key to the VM again and again, or these keys "
        "in turn (a,backspace leaves a line of text as it was); QEMU's names of keys (QKeyCode)",
    )
    parser.add_argument(
        "--region",
        metavar="X,Y,W,H",
        type=region,
        help="with --input: the part of the guest's picture to look at, in its pixels; the smaller it is, the more "
        "exact the figures (default: all of it)",
    )
    parser.add_argument(
        "--count", metavar="N", type=count, help="with --input: how many times to send a key (default: 50)"
    )
    parser.add_argument(
        "--input-timeout",
        metavar="S",
        type=seconds,
        help="with --input: how many seconds to wait for the guest's reaction to a key (default: 2)",
    )
    parser.add_argument(
        "--qmp",
        metavar="SOCKET",
        type=parse_address,
        help="with --input: the VM's QMP monitor, as the path of a unix socket or HOST:PORT; default: where the VM's "
        "command line says",
    )


def _add_observe(command: argparse.ArgumentParser) -> None:
    """``observe`` is None or a :class:`Pid`."""
    parser = command.add_argument_group("another program")
    parser.add_argument(
        "--observe",
        metavar="pid:N",
        type=observed,
        help="measure how another program polls its vGPU, such as QEMU's own window (pid:N,fd=M where it polls "
        "several), from the kernel's trace of its ioctls, which only root may read; with TARGET also how late after a "
        "flip it polls, as the polls of this program see the flips. --json then writes the figures of that program",
    )
    parser.add_argument(
        "--own-json",
        metavar="FILE",
        type=file_name,
        help="with --observe and TARGET: write the figures of the polls of this program",
    )


def _add_compare(commands: Commands) -> None:
    parser = add_command(
        commands,
        "compare",
        "compare measured runs",
        "The runs are called A, B, C, ... and each is compared with A: percentiles side by side, with an interval in "
        "which the difference lies at 95 % confidence (a bootstrap over stretches of time, with the error of the "
        "measurement), and in words. A difference is called real if that interval does not include zero. Runs of "
        "different drivers, sizes or options are compared too, with a warning first. An interval tells how exact the "
        "two runs are. Only several runs of one setting tell how much such runs differ from each other. The exit "
        "status is 1 if a condition of --fail-if fails.",
    )
    parser.add_argument(
        "first", metavar="A.json", type=file_name, help="the run to compare with, written by measure --json"
    )
    parser.add_argument("others", metavar="B.json", type=file_name, nargs="+", help="the runs to compare with it")
    add_json(parser)
    parser.add_argument(
        "--fail-if",
        metavar="CONDITION",
        type=condition,
        action="append",
        default=[],
        help="fail if a figure changes by more than a limit: [STAGE.]FIGURE>LIMIT, or < for less, with p50, p90, p95, "
        "p99, p99.9 or max, and a limit in %%, us, ms or s that begins with + or -: p99>+10%%, query.p50>+200us. "
        "Without STAGE it is flip_to_submit. It fails only if the whole 95 %% interval lies beyond the limit, so that "
        "chance does not fail it. If only the figure does, or a tail comes from one or two stalls, a line says that "
        "it is not sure. max is one value and has no interval. What cannot be checked, because a stage is missing or "
        "the run is too short, fails. May be given several times",
    )
    parser.add_argument(
        "--plot",
        metavar="FILE",
        type=plot_file,
        help="draw the distributions of the main stages; a name that ends with .png or .svg, or - for a PNG picture on "
        "standard output in place of the text; needs matplotlib",
    )


def _add_bench(commands: Commands) -> None:
    parser = add_command(
        commands,
        "bench",
        "time the paths of a frame on this machine",
        "Polls, cached and new imports, uploads, de-tiling, composition and capture, each as median, 99th percentile "
        "and CPU time, for a guest of 1920x1080 in this process. No vGPU is opened.",
    )
    parser.add_argument("--json", metavar="FILE", type=file_name, help="write all figures; - is standard output")
    parser.add_argument(
        "--case", metavar="NAME", nargs="+", choices=CASE_NAMES, help=f"only these: {', '.join(CASE_NAMES)}"
    )
    parser.add_argument(
        "--seconds", metavar="S", type=seconds, default=1.0, help="how many seconds to time each case (default: 1)"
    )
    add_gpu(parser, BENCH_GPU_HELP)
