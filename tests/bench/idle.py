"""What a window costs while little happens: ``python -m tests.bench.idle [--seconds 60]``.

Each window runs for itself under a headless weston, with software rendering. Printed are the processor time as per cent
of one core, and the pictures that the window gave to the display (``wl_surface.commit``), once it has come to rest.
"""

import argparse
import re
import time
from dataclasses import replace

from tests.bench.process_cpu import processor_s
from tests.window.displays import Display, weston
from tests.window.viewer import Viewer, viewing

# A name, the target, and the log line after which the window is looked at.
CASES = (
    ("nothing changes, imported", "sim:gvt,fps=0", "path: "),
    ("nothing changes, copied", "sim:mdpy,fps=0", "path: "),
    ("no signal", "sim:gvt,fps=0,fault=off@1", "no-signal, plane-off"),
    ("gone", "sim:gvt,fps=0,fault=gone@1", "gone, "),
    ("60 flips a second", "sim:gvt,fps=60", "path: "),
)
# After this time without a change the polls are at their slowest (app/measure/loop/pacing.py).
_REST_S = 6.0
_COMMIT = re.compile(r"wl_surface[@#]\d+\.commit\(")


def commits(viewer: Viewer) -> int:
    """The pictures that the window gave to the display so far. Needs WAYLAND_DEBUG."""
    return sum(_COMMIT.search(line) is not None for line in viewer.lines)


def run(display: Display, target: str, ready: str, seconds: float) -> tuple[float, int]:
    """Per cent of one core, and the pictures given to the display."""
    told = replace(display, env=display.env | {"WAYLAND_DEBUG": "client"})
    with viewing(told, target) as viewer:
        viewer.wait_for(ready)
        time.sleep(_REST_S)
        pictures, used, began = commits(viewer), processor_s(viewer.process.pid), time.monotonic()
        time.sleep(seconds)
        used, took = processor_s(viewer.process.pid) - used, time.monotonic() - began
        return 100 * used / took, commits(viewer) - pictures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    args = parser.parse_args()
    with weston(renderer="gl") as display:
        for name, target, ready in CASES:
            per_cent, pictures = run(display, target, ready, args.seconds)
            print(f"{name:28} {per_cent:5.2f} % of a core  {pictures:6} pictures", flush=True)


if __name__ == "__main__":
    main()
