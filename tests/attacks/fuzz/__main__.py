"""``python -m tests.attacks.fuzz NAME [--minutes M] [--seed N]``: run one fuzzer and print its counts.

The exit status is 1 if it found a fault. The seed that is printed repeats the run.
"""

import argparse
import importlib
import pkgutil
import random
import sys
import time

from tests.attacks import fuzz


def main() -> int:
    names = [each.name for each in pkgutil.iter_modules(fuzz.__path__) if not each.name.startswith("_")]
    parser = argparse.ArgumentParser(prog="python -m tests.attacks.fuzz", description="Runs one fuzzer.")
    parser.add_argument("name", choices=names)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--only", metavar="NAME", help="of the parsers, only those whose names begin so")
    options = parser.parse_args()
    print(f"{options.name}: seed {options.seed}", flush=True)
    # Each fuzzer is a module with run(seed, deadline) -> list of the faults found; it prints its own counts.
    run = importlib.import_module(f"tests.attacks.fuzz.{options.name}").run
    only = {"only": options.only} if options.only else {}
    faults = run(options.seed, time.monotonic() + 60 * options.minutes, **only)
    for each in faults:
        print(f"FAULT: {each}")
    print(f"{options.name}: {len(faults)} faults", flush=True)
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
