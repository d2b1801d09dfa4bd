"""The cases of ``mdevview bench`` beside the same work in C: ``python -m tests.bench``.

Each round times every case in both programs, one directly after the other and for a fraction of a second, so that what
else the machine does affects both. The best round of each counts. The JSON document is that of ``mdevview bench`` with
``floor_p50_us`` and ``ratio``. Run it on a quiet machine; no figure is a test.
"""

import argparse
import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from app.measure.bench_document import BenchResult, bench_document, bench_lines
from app.measure.bench_timing import Timing, merged, time_action
from gl.bench_cases import Action, RunnableCase, bench_cases, case_names, run_case
from gl.bench_meta import bench_meta
from gl.context import Context, SurfacelessContext
from tests.bench.floor import CASES, Floor, NoFloor


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", action="append", choices=case_names(), metavar="NAME", default=[])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.2, help="of each program in each round")
    parser.add_argument("--json", metavar="FILE", type=Path)
    args = parser.parse_args()
    cases = [each for each in bench_cases() if not args.case or each.case.name in args.case]
    try:
        with tempfile.TemporaryDirectory() as folder, Floor(Path(folder)) as floor, SurfacelessContext() as context:
            if floor.renderer != context.renderer:
                print(f"the C program draws with {floor.renderer}, mdevview with {context.renderer}", file=sys.stderr)
            results = [_compare(context, floor, each, args.rounds, args.seconds) for each in cases]
            document = bench_document(results, bench_meta(context))
    except NoFloor as error:
        print(error, file=sys.stderr)
        return 1
    print("\n".join(bench_lines(results)))
    if args.json is not None:
        args.json.write_text(json.dumps(document, indent=2) + "\n", "utf-8")
    return 0


def _compare(context: Context, floor: Floor, runnable: RunnableCase, rounds: int, seconds: float) -> BenchResult:
    """The best round of both programs, which take turns."""
    floors: list[Timing] = []

    def timed(action: Action, seconds: float) -> Timing:
        ours = []
        for _ in range(rounds):
            if runnable.case.name in CASES:
                floors.append(floor.time(runnable.case, seconds))
            ours.append(time_action(action, seconds))
        return merged(ours)

    try:
        result = run_case(context, runnable, seconds, timed)
    except NoFloor as error:
        return BenchResult(runnable.case, None, str(error))
    return replace(result, floor_p50_us=merged(floors).p50_us) if floors else result


if __name__ == "__main__":
    sys.exit(main())
