"""The memory of a window beside that of a bare one: ``python -m tests.bench.memory``.

Both run at the same time under one headless weston, with software rendering. The bare one is
:mod:`tests.bench.bare_window`. A simulated device's buffers are those of its guest and are not counted. Printed are
the resident size, of which both have the libraries, and the proportional one, in which shared pages count in part.
``--largest N`` prints the N largest files and kinds of memory that the window has more of.
"""

import argparse
import contextlib
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.window.displays import Display, weston
from tests.window.viewer import Viewer, viewing

# The names of the simulator's memory (app/sim).
_GUEST = re.compile(r"/memfd:(sim|mdevview-sim|mbochs|gvt|mdpy)")
_SETTLE_S = 8.0
_HEADER = re.compile(r"^[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ \d+ *(.*)$")


@dataclass(frozen=True)
class Memory:
    """KiB, without the guest's buffers. ``by_file`` is the resident size by what is mapped."""

    resident: int
    proportional: int
    by_file: Counter[str]


def memory_of(pid: int) -> Memory:
    resident, proportional, by_file, name = 0, 0, Counter[str](), ""
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        header = _HEADER.match(line)
        if header:
            name = header[1] or "anonymous"
        elif _GUEST.match(name):
            continue
        elif line.startswith("Rss:"):
            resident += int(line.split()[1])
            by_file[name] += int(line.split()[1])
        elif line.startswith("Pss:"):
            proportional += int(line.split()[1])
    return Memory(resident, proportional, by_file)


@contextlib.contextmanager
def bare(display: Display) -> Iterator[Viewer]:
    command = [sys.executable, "-m", "tests.bench.bare_window"]
    with subprocess.Popen(command, env=display.env, stderr=subprocess.PIPE, text=True) as process:
        viewer = Viewer(process)
        try:
            yield viewer
        finally:
            process.kill()
            viewer._reader.join()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--largest", type=int, default=0, metavar="N")
    parser.add_argument("targets", nargs="*", default=["sim:gvt,fps=60", "sim:gvt,fps=0", "sim:mdpy,fps=0"])
    args = parser.parse_args()
    with weston(renderer="gl") as display, bare(display) as least:
        least.wait_for("on the screen")
        for target in args.targets:
            with viewing(display, target) as viewer:
                viewer.wait_for("path: ")
                time.sleep(_SETTLE_S)
                ours, floor = memory_of(viewer.process.pid), memory_of(least.process.pid)
            print(
                f"{target:16} resident {ours.resident / 1024:6.1f} MiB, bare {floor.resident / 1024:6.1f}, ratio "
                f"{ours.resident / floor.resident:.2f}; proportional {ours.proportional / 1024:6.1f} MiB, bare "
                f"{floor.proportional / 1024:6.1f}, ratio {ours.proportional / floor.proportional:.2f}",
                flush=True,
            )
            for name, size in (ours.by_file - floor.by_file).most_common(args.largest):
                print(f"    {size / 1024:6.1f} MiB more of {name}")


if __name__ == "__main__":
    main()
