"""``mdevview compare``: runs of ``measure`` side by side, as text, as JSON and as a picture."""

import argparse
import json

from app.errors import UsageError
from app.measure.compare.comparison import MOST_RUNS, comparison_document
from app.measure.compare.comparison_text import comparison_text
from app.measure.compare.run_file import read_run
from ui.cli.output import printable, write_error, write_output
from ui.cli.output_file import is_standard_output, refuse_terminal, write_file


def run(args: argparse.Namespace) -> int:
    """Print the comparison. Returns 1 if a condition of ``--fail-if`` fails. Raises MdevviewError."""
    names = [args.first, *args.others]
    if len(names) > MOST_RUNS:
        raise UsageError(f"{len(names)} runs are too many", f"give at most {MOST_RUNS}")
    if args.json and is_standard_output(args.plot):
        raise UsageError("standard output takes only one of --json and --plot", "give --plot a FILE")
    refuse_terminal(args.plot, "--plot")
    runs = [read_run(name) for name in names]
    document = comparison_document(runs, args.fail_if)
    if args.plot is not None:
        # Only here: matplotlib takes half a second to import, and is optional.
        from ui.cli.comparison_plot import plot  # noqa: PLC0415

        write_file(args.plot, plot(runs, "svg" if args.plot.lower().endswith(".svg") else "png"), "--plot")
    if not is_standard_output(args.plot):
        text = json.dumps(document, indent=2) if args.json else comparison_text(document)
        write_output(text if args.json else "\n".join(map(printable, text.split("\n"))))
    failed = [each for each in document["checks"] if each["fails"]]
    for each in failed:
        write_error(f"mdevview: --fail-if {each['text']}")
    return 1 if failed else 0
