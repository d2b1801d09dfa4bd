"""Random planes, hostile and plausible, from random memory, through the real renderer in a process that may die.

What is drawn is compared with what the CPU decodes. A death is reported with the number of its case:
``python -m tests.attacks.fuzz._planes_child SEED FIRST 1`` repeats that one.
"""

import subprocess
import sys
import time
from collections import Counter

# A process draws so many planes, then another one goes on: so it is seen soon if it leaves something open.
CASES = 2000
# More tell nothing new, for example when no process starts.
_MAX_FAULTS = 100


def run(seed: int, deadline: float, limit: int | None = None) -> list[str]:
    """Run cases until ``deadline`` of time.monotonic(), ``limit`` of them at most.

    Prints counts and returns the faults found.
    """
    counts: Counter[str] = Counter()
    faults: list[str] = []
    first = 0
    while time.monotonic() < deadline and (limit is None or first < limit) and len(faults) < _MAX_FAULTS:
        count = CASES if limit is None else min(CASES, limit - first)
        first = _run_child(seed, first, count, deadline, counts, faults)
    print(f"planes: {sum(counts.values())} cases: {dict(sorted(counts.items()))}", flush=True)
    return faults


def _run_child(seed: int, first: int, count: int, deadline: float, counts: Counter[str], faults: list[str]) -> int:
    """Run one child. Returns the number of the next case."""
    command = [sys.executable, "-m", "tests.attacks.fuzz._planes_child", str(seed), str(first), str(count)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        case = first
        for line in child.stdout:
            kind, _, rest = line.rstrip("\n").partition(" ")
            if kind == "case":
                case = int(rest)
                if time.monotonic() >= deadline:
                    break
            elif kind == "counts":
                counts[rest] += 1
            elif kind == "fault":
                faults.append(f"seed {seed} case {case}: {rest}")
        else:
            status = child.wait(60)
            if status:
                faults.append(f"seed {seed} case {case}: the process ended with {status}")
        return case + 1
    finally:
        child.kill()
        child.wait()
        if child.stdout is not None:
            child.stdout.close()
