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
from datetime import UTC, datetime
from pathlib import Path

from app.measure.bench.bench_cases import BENCH_CASES, CASE_NAMES, BenchCase
from app.measure.bench.bench_document import BenchResult, bench_document, bench_lines
from app.measure.bench.bench_timing import Timing, time_action
from app.measure.record.metadata import metadata
from gl.bench_cases import Action, run_case
from gl.context import Context, SurfacelessContext
from gl.inspection import renderer_document
from tests.bench.floor import CASES, Floor, NoFloor


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", action="append", choices=CASE_NAMES, metavar="NAME", default=[])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.2, help="of each program in each round")
    parser.add_argument("--json", metavar="FILE", type=Path)
    args = parser.parse_args()
    cases = [each for each in BENCH_CASES if not args.case or each.name in args.case]
    started = datetime.now(UTC).isoformat(timespec="seconds")
    try:
        with tempfile.TemporaryDirectory() as folder, Floor(Path(folder)) as floor, SurfacelessContext() as context:
            if floor.renderer != context.renderer:
                print(f"the C program draws with {floor.renderer}, mdevview with {context.renderer}", file=sys.stderr)
            results = [_compare(context, floor, each, args.rounds, args.seconds) for each in cases]
            meta = metadata(None, {"seconds": args.seconds, "rounds": args.rounds}, started)
            document = bench_document(results, meta | {"renderer": renderer_document(context)})
    except NoFloor as error:
        print(error, file=sys.stderr)
        return 1
    print("\n".join(bench_lines(results)))
    if args.json is not None:
        args.json.write_text(json.dumps(document, indent=2) + "\n", "utf-8")
    return 0


def _compare(context: Context, floor: Floor, case: BenchCase, rounds: int, seconds: float) -> BenchResult:
    """The best round of both programs, which take turns."""
    floors: list[Timing] = []

    def timed(action: Action, seconds: float) -> Timing:
        ours = []
        for _ in range(rounds):
            if case.name in CASES:
                floors.append(floor.time(case, seconds))
            ours.append(time_action(action, seconds))
        return _best(ours)

    try:
        result = run_case(context, case, seconds, timed)
    except NoFloor as error:
        return BenchResult(case, None, str(error))
    return replace(result, floor_p50_us=_best(floors).p50_us) if floors else result


def _best(rounds: list[Timing]) -> Timing:
    """The round that other processes disturbed least, with the number of all actions. At least one is needed."""
    best = min(rounds, key=lambda each: each.p50_us)
    return replace(best, count=sum(each.count for each in rounds))


if __name__ == "__main__":
    sys.exit(main())
