"""Calls of the operating system fail at random places, with random errnos, while commands run on simulated devices.

Each run must end with success or with one line and a documented status, and leave no fd and no thread.
"""

import random
import tempfile
import time
from collections import Counter
from pathlib import Path

from app.sim.config.fault import FAULT_NAMES
from tests.attacks.injection import KINDS, Faults, run_command

_TARGETS = (
    "sim:gvt,size=64x64",
    "sim:gvt,size=64x64,modifier=X",
    "sim:gvt,size=128x96,format=YUYV",
    "sim:gvt,size=64x64,cursor=off,buffers=8,fps=1000",
    "sim:mbochs,size=64x64",
    "sim:mbochs,size=64x64,module=mbochs",
    "sim:mdpy,size=64x64",
)
_INSPECT_OPTIONS: tuple[list[str], ...] = (
    [],
    [],
    ["--watch", "--duration", "0.2"],
    ["--duration", "0.2"],
    ["--formats"],
)


def _arguments(random_: random.Random, folder: Path) -> list[str]:
    target = random_.choice(_TARGETS)
    if random_.random() < 0.3:
        target += f",fault={random_.choice(FAULT_NAMES)}"
    kinds = {
        "list": ["list", *random_.choice(([], ["--json"]))],
        "doctor": ["doctor", *random_.choice(([], ["--json"]))],
        "inspect": ["inspect", target, *random_.choice(_INSPECT_OPTIONS), *random_.choice(([], ["--json"]))],
        "screenshot": ["screenshot", target, "--timeout", "0.2", "-o", str(folder / "shot.png")],
        "cursor": ["screenshot", target, "--plane", "cursor", "--timeout", "0.2", "-o", str(folder / "shot.png")],
        "target": ["inspect", random_.choice(("pid:1", "vm:nobody", "fd:0", "00000000"))],
    }
    return kinds[random_.choices(list(kinds), (1, 1, 4, 4, 2, 2))[0]]


def run(seed: int, deadline: float) -> list[str]:
    """Runs until ``deadline`` (time.monotonic). Returns what was wrong; prints how often each kind failed."""
    random_, found = random.Random(seed), list[str]()
    runs, injected, kinds = 0, 0, Counter[str]()
    # How many calls of each kind a command makes if none fails. The first run also imports what it needs.
    counts: dict[str, Counter[str]] = {}
    with tempfile.TemporaryDirectory() as name:
        while time.monotonic() < deadline:
            arguments = _arguments(random_, Path(name))
            key = " ".join(arguments)
            if key not in counts:
                run_command(arguments, Faults())
                found += run_command(arguments, counting := Faults())
                counts[key] = counting.counts
            kind = random_.choice(list(counts[key]))
            # The number of calls depends on the time, so that the last ones are not always reached.
            number, lasting = random_.randrange(counts[key][kind]), random_.random() < 0.5
            faults = Faults(kind, number, random_.choice(KINDS[kind][2]), lasting)
            found += run_command(arguments, faults)
            runs += 1
            injected += faults.injected
            kinds[kind] += bool(faults.injected)
    print(f"{runs} runs, {injected} calls failed; runs with a failed call: {dict(kinds.most_common())}")
    return found
