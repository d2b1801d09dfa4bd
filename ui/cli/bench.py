"""``mdevview bench``: what the paths of a frame cost on this machine."""

import argparse
import json
from datetime import UTC, datetime

from app.measure.bench.bench_cases import BENCH_CASES
from app.measure.bench.bench_document import BenchResult, bench_document, bench_lines
from app.measure.record.metadata import metadata
from gl.bench_cases import run_case
from gl.inspection import renderer_document
from gl.offscreen_context import open_context
from ui.cli.measure_progress import show_line
from ui.cli.output import printable, write_output
from ui.cli.output_file import is_standard_output, write_file


def run(args: argparse.Namespace) -> int:
    """Time the wanted cases, one after another. Raises MdevviewError, and GraphicsError without OpenGL ES."""
    cases = [each for each in BENCH_CASES if args.case is None or each.name in args.case]
    options = {"seconds": args.seconds}
    meta = metadata(None, options, datetime.now(UTC).isoformat(timespec="seconds"))
    results: list[BenchResult] = []
    with open_context(args.gpu) as context:
        meta["renderer"] = renderer_document(context)
        try:
            for each in cases:
                show_line(f"{len(results) + 1} of {len(cases)}: {each.name}")
                results.append(run_case(context, each, args.seconds))
        finally:
            show_line("")
    if args.json:
        document = bench_document(results, meta)
        write_file(args.json, (json.dumps(document, indent=1) + "\n").encode(), "--json")
    if not is_standard_output(args.json):
        write_output("\n".join(map(printable, bench_lines(results))))
    return 0 if any(each.timing for each in results) else 1
