"""Mutates what the parsers of :mod:`tests.attacks.parsers` take, and runs their checks."""

import random
import time
from collections import Counter

from tests.attacks.limits import time_limit
from tests.attacks.parsers import PARSERS, Parser, mutated

_PATIENCE_S = 20
_MOST_FAULTS = 20


def run(seed: int, deadline: float, only: str | None = None) -> list[str]:
    """Run until the deadline (``time.monotonic()``). Returns the faults, and prints the number of inputs per parser.

    ``only`` is the beginning of the names of the parsers to feed; None for all.
    """
    chance = random.Random(seed)
    # What an input led to may lead further. These grow with the inputs that are parsed for the first time.
    seeds = {each.name: list(each.seeds) for each in PARSERS}
    parsers = [each for each in PARSERS if each.name.startswith(only or "")]
    counts: Counter[str] = Counter()
    faults: dict[str, str] = {}
    while time.monotonic() < deadline and len(faults) < _MOST_FAULTS:
        parser = chance.choice(parsers)
        known = seeds[parser.name]
        for _ in range(50):
            data = mutated(chance.choice(known), tuple(known[:16]), chance)[: parser.limit]
            counts[parser.name] += 1
            fault = _fault(parser, data)
            if fault is not None:
                faults.setdefault(fault, f"{fault}: {data[:400]!r}")
            elif chance.random() < 0.01 and len(data) < 2000:
                # A mutated input as the next seed: several changes in a row reach further than one.
                _keep(known, len(parser.seeds), data, chance)
    for name, count in sorted(counts.items()):
        print(f"{name}: {count} inputs", flush=True)
    return list(faults.values())


def _fault(parser: Parser, data: bytes) -> str | None:
    """What is wrong with this input, in few words; the same words for the same fault."""
    try:
        with time_limit(_PATIENCE_S):
            parser.check(data)
    except Exception as error:
        where = error.__traceback__
        while where is not None and where.tb_next is not None:
            where = where.tb_next
        place = f"{where.tb_frame.f_code.co_filename}:{where.tb_lineno}" if where is not None else ""
        return f"{parser.name}: {type(error).__name__} in {place}"
    return None


def _keep(known: list[bytes], first: int, data: bytes, chance: random.Random) -> None:
    """Add an input to the seeds, in place of an earlier one if there are many. The ``first`` ones stay."""
    if len(known) < 64:
        known.append(data)
    else:
        known[chance.randrange(first, len(known))] = data
