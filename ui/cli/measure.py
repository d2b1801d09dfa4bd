"""``mdevview measure``: the latency of frames, as percentiles on the screen and in files."""

import argparse
import os

from app.errors import UsageError
from ui.cli.measure_input import check_input_arguments
from ui.cli.output_file import is_replaced, is_standard_output


def run(args: argparse.Namespace) -> int:
    """Measure for the wanted time. Raises MdevviewError; the files are written even if the device goes meanwhile."""
    _check(args)
    # Each way to measure imports only what it needs: a trace no OpenGL, and only a window Qt.
    if args.window:
        from ui.cli.measure_window import measure_window  # noqa: PLC0415

        return measure_window(args)
    if args.observe is not None:
        from ui.cli.measure_observe import observes_alone, run_alone  # noqa: PLC0415

        if observes_alone(args):
            return run_alone(args)
    from ui.cli.measure_offscreen import measure_offscreen  # noqa: PLC0415

    return measure_offscreen(args)


def _check(args: argparse.Namespace) -> None:
    """Raises UsageError for options that contradict one another. Sets the defaults of those that go together."""
    if [is_standard_output(each) for each in (args.json, args.csv, args.own_json)].count(True) > 1:
        raise UsageError("standard output takes only one of --json, --csv and --own-json", "give a FILE to the others")
    _check_files({"--json": args.json, "--csv": args.csv, "--own-json": args.own_json})
    if args.own_json and args.observe is None:
        raise UsageError("--own-json needs --observe", "without it --json writes the figures of our own polls")
    given = {"--window": args.window, "--observe": args.observe, "--input": args.input}
    together = [name for name, value in given.items() if value]
    if len(together) > 1:
        raise UsageError(f"{together[0]} does not go with {together[1]}", "give one of them")
    check_input_arguments(args)


def _check_files(files: dict[str, str | None]) -> None:
    """Raises UsageError if two options name one file: the second would replace what the first has written."""
    options: dict[str, str] = {}
    for option, name in files.items():
        if name is None or not is_replaced(name):
            continue
        first = options.setdefault(os.path.realpath(name), option)
        if first != option:
            raise UsageError(f"{first} and {option} name the same file", "give each a FILE of its own")
