"""What a viewer does to its VM: ``python -m tests.bench.display_harm [--seconds 10]``.

A VM draws 1280x720 all the time. Printed are how long QEMU's main loop took to answer at the worst and in the median,
the longest time that the guest waited for one flush, and by how much QEMU's own memory grew: without a viewer, with
one, while the viewer is stopped, hangs, is killed, while it opens and closes 100 times, and while its disk is full.
"""

import argparse
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from tests.qemu.machine import QemuMachine
from tests.qemu.viewing import viewing
from tests.qemu.watched import Drawn, drawn_by_map, drawn_by_value, viewer

Act = Callable[[QemuMachine, float], None]


def _nothing(machine: QemuMachine, seconds: float) -> None:
    time.sleep(seconds)


def _watched(machine: QemuMachine, seconds: float) -> None:
    with viewer(machine):
        time.sleep(seconds)


def _stopped(machine: QemuMachine, seconds: float) -> None:
    with viewer(machine) as process:
        process.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        process.send_signal(signal.SIGCONT)
        time.sleep(1)


def _hanging(machine: QemuMachine, seconds: float) -> None:
    with viewer(machine, "1000"):
        time.sleep(seconds)


def _killed(machine: QemuMachine, seconds: float) -> None:
    for _ in range(5):
        with viewer(machine):
            time.sleep(seconds / 10)


def _opened(machine: QemuMachine, seconds: float) -> None:
    for _ in range(100):
        with viewing(f"pid:{machine.pid}") as viewed:
            viewed.wait_for(lambda frame: frame.primary is not None, "a picture")


def _disk_full(machine: QemuMachine, seconds: float) -> None:
    """A screenshot onto a disk without space, again and again."""
    until = time.monotonic() + seconds
    command = [sys.executable, "-m", "mdevview", "screenshot", f"pid:{machine.pid}", "-o", "/dev/full"]
    while time.monotonic() < until:
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        assert "No space left" in ended.stderr, ended


_ACTS: dict[str, Act] = {
    "no viewer": _nothing,
    "a viewer": _watched,
    "stopped": _stopped,
    "hanging": _hanging,
    "killed 5 times": _killed,
    "opened 100 times": _opened,
    "disk full": _disk_full,
}


def _measure(drawn: Drawn, name: str, act: Act, seconds: float) -> None:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        machine, drawing = stack.enter_context(drawn(folder))
        before = machine.memory
        with machine.answer_times() as times:
            act(machine, seconds)
        grown = machine.memory - before
    kind = "memfd" if drawn is drawn_by_map else "by value"
    figures = (times.worst_s * 1e3, times.median_s * 1e3, drawing.worst_s * 1e3, grown / 1e6)
    print(f"{kind:9} {name:17} " + " ".join(f"{each:12.1f}" for each in figures), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.display_harm")
    parser.add_argument("--seconds", type=float, default=10.0)
    seconds = parser.parse_args().seconds
    print(f"{'pixels':9} {'viewer':17} {'worst ms':>12} {'median ms':>12} {'flush ms':>12} {'growth MB':>12}")
    for drawn in (drawn_by_map, drawn_by_value):
        for name, act in _ACTS.items():
            _measure(drawn, name, act, seconds)


if __name__ == "__main__":
    main()
