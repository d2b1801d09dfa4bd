"""Calls of the operating system fail at random places, with random errnos, while commands run on simulated devices.

Each run must end with success or with one line and a documented status, and leave no fd and no thread.
"""

import random
import tempfile
import time
from collections import Counter
from pathlib import Path

from app.edid.make import make_edid
from app.edid.mode import Mode
from app.sim.config.fault import FAULT_NAMES
from tests.attacks.injection import KINDS, Faults, run_command
from tests.attacks.limits import TooLong, time_limit
from tests.recordings import record
from ui.cli.main import main

_TARGETS = (
    "sim:gvt,size=64x64",
    "sim:gvt,size=64x64,modifier=X",
    "sim:gvt,size=128x96,format=YUYV",
    "sim:gvt,size=64x64,cursor=off,buffers=8,fps=1000",
    "sim:mbochs,size=64x64",
    "sim:mbochs,size=64x64,module=mbochs",
    "sim:mdpy,size=64x64",
)
_JSON: tuple[list[str], ...] = ([], ["--json"])
_INSPECT_OPTIONS: tuple[list[str], ...] = (
    [],
    [],
    ["--watch", "--duration", "0.2"],
    ["--duration", "0.2"],
    ["--formats"],
)
_CAPTURE_OPTIONS: tuple[list[str], ...] = ([], [], ["--no-pixels"], ["--pixels-every", "3"])
# None needs more bytes than there are: nothing is said of missing ones.
_READINGS = ("XR24", "C8::64x32:256", "YUYV:linear:32x32", "XR24:X:128x8:512", "XR24:Yf:32x32")
_RECORDED = ("gvt,size=64x64,modifier=X", "gvt,size=64x64,fps=200,fault=mode@0.1-0.2", "mdpy,size=64x64,fps=50")
_RAW, _EDID = "plane.raw", "edid.bin"
_LONGEST_S = 120
# What commands write.
_SHOT, _DUMP, _CAPTURE, _RUN = "shot.png", "dump.raw", "new.mcap", "run.json"


def _make_inputs(folder: Path) -> None:
    """The files that commands read."""
    for number, spec in enumerate(_RECORDED):
        record(folder / f"{number}.mcap", spec, 500)
    (folder / _EDID).write_bytes(make_edid(Mode(1920, 1080)))
    assert main(["screenshot", "sim:gvt,size=64x64,modifier=X,fps=0", "--raw", "-o", str(folder / _RAW)]) == 0


def _arguments(random_: random.Random, folder: Path) -> list[str]:
    target = random_.choice(_TARGETS)
    if random_.random() < 0.3:
        target += f",fault={random_.choice(FAULT_NAMES)}"
    speed = random_.choice(("", ",speed=max", ",start=0.2"))
    replayed = f"replay:{folder / f'{random_.randrange(len(_RECORDED))}.mcap'}{speed}"
    shown = random_.choice((target, replayed))
    output, dump = ["-o", str(folder / _SHOT)], ["-o", str(folder / _DUMP)]
    bytes_of = random_.choice(([target, "--timeout", "0.2"], ["--from-raw", str(folder / _RAW)]))
    json = random_.choice(_JSON)
    kinds = {
        "list": ["list", *json],
        "doctor": ["doctor", *random_.choice(([], ["--json"], ["--report"]))],
        "inspect": ["inspect", shown, *random_.choice(_INSPECT_OPTIONS), *json],
        "measure": ["measure", shown, "--timeout", "0.2", "--duration", "0.2", "--json", str(folder / _RUN)],
        "screenshot": ["screenshot", shown, "--timeout", "0.2", *output],
        "cursor": ["screenshot", shown, "--plane", "cursor", "--timeout", "0.2", *output],
        "raw": ["screenshot", shown, "--raw", "--timeout", "0.2", *dump],
        "from raw": ["screenshot", "--from-raw", str(folder / _RAW), *output],
        "as": ["screenshot", *bytes_of, "--as", random_.choice(_READINGS), *output],
        "guess": ["screenshot", *bytes_of, "--guess", *random_.choice((json, output))],
        "capture": [
            *("capture", shown, "--duration", "0.2", *random_.choice(_CAPTURE_OPTIONS)),
            *("-o", str(folder / _CAPTURE)),
        ],
        "decode": ["decode", random_.choice(("X_TILED", "XR24", str(folder / _EDID))), *json],
        "target": ["inspect", random_.choice(("pid:1", "vm:nobody", "fd:0", "00000000"))],
    }
    return kinds[random_.choices(list(kinds), (1, 1, 4, 2, 4, 2, 2, 2, 2, 1, 4, 1, 1))[0]]


def run(seed: int, deadline: float) -> list[str]:
    """Runs until ``deadline`` (time.monotonic). Returns what was wrong; prints how often each kind failed."""
    random_, found = random.Random(seed), list[str]()
    runs, injected, kinds = 0, 0, Counter[str]()
    # How many calls of each kind a command makes if none fails. The first run also imports what it needs.
    counts: dict[str, Counter[str]] = {}
    with tempfile.TemporaryDirectory() as name:
        _make_inputs(Path(name))
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
            try:
                with time_limit(_LONGEST_S):
                    found += run_command(arguments, faults)
            except TooLong as error:
                found.append(f"{' '.join(arguments)}: {faults}: {error}")
            runs += 1
            injected += faults.injected
            kinds[kind] += bool(faults.injected)
    print(f"{runs} runs, {injected} calls failed; runs with a failed call: {dict(kinds.most_common())}")
    return found
