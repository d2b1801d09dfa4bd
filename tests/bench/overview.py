"""What an overview costs: ``python -m tests.bench.overview``.

For 1, 2, 4, 8, 16 simulated vGPUs, all idle (no flips) and all active (60 flips a second), under a headless weston: the
program's CPU time per second, what the simulator alone takes of it (it draws the guests' pictures inside our polls, as
no driver does), and the cost of each additional vGPU. The pictures are drawn by the CPU (llvmpipe), unless this host
has a GPU that the headless weston uses.
"""

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator

from app.measure.loop.loop_group import THUMBNAIL_PACE
from app.open.opening import open_target
from app.open.target import Simulated
from tests.bench.process_cpu import processor_s
from tests.window.displays import Display, weston

_COUNTS = (1, 2, 4, 8, 16)
_SETTLE_S = 8.0
_PATIENCE_S = 120.0


@contextlib.contextmanager
def _overview(display: Display, targets: list[str]) -> Iterator[subprocess.Popen[str]]:
    """A running overview in which all sources show a picture."""
    command = [sys.executable, "-m", "tests.window.overview_driver", "-v", "overview", *targets]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, env=display.env, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True
    ) as it:
        try:
            end = time.monotonic() + _PATIENCE_S
            while not all(each["state"] == "Showing" for each in _ask(it, "tiles")):
                assert time.monotonic() < end, _ask(it, "tiles")
                time.sleep(0.5)
            yield it
        finally:
            it.kill()


def _ask(process: subprocess.Popen[str], name: str) -> list[dict[str, str]]:
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(json.dumps([name]) + "\n")
    process.stdin.flush()
    answer: list[dict[str, str]] = json.loads(process.stdout.readline())
    return answer


def _percent(pid: int, seconds: float, rounds: int) -> float:
    """CPU per cent of one core: the least of several stretches of time, because other programs only add to it."""
    found = []
    for _ in range(rounds):
        before, began = processor_s(pid), time.monotonic()
        time.sleep(seconds)
        found.append(100 * (processor_s(pid) - before) / (time.monotonic() - began))
    return min(found)


def _simulator_percent(spec: str, polls_per_s: float) -> float:
    """What polls of one simulated device cost, without any picture."""
    source = open_target(Simulated(spec)).source
    try:
        costs = []
        for _ in range(3):
            source.latest()
            before = time.process_time()
            for _ in range(20):
                time.sleep(1 / polls_per_s)
                source.latest()
            costs.append((time.process_time() - before) / 20)
        return 100 * statistics.median(costs) * polls_per_s
    finally:
        source.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5.0, help="length of one stretch of time")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--counts", type=int, nargs="+", default=list(_COUNTS))
    parser.add_argument("--size", default="1920x1080", help="the guests' size")
    args = parser.parse_args()
    kinds = {
        "idle": ("fps=0", 1e9 / THUMBNAIL_PACE.poll_asleep),
        "active": ("fps=60", 1e9 / THUMBNAIL_PACE.poll),
    }
    with weston(renderer="gl") as display:
        for kind, (words, polls_per_s) in kinds.items():
            spec = f"gvt,size={args.size},{words}"
            simulator = _simulator_percent(spec, polls_per_s)
            print(f"{kind}: the simulator alone takes {simulator:.2f} % for each vGPU")
            print(f"{'vGPUs':>6}{'CPU %':>9}{'each more %':>13}{'without simulator':>19}")
            last: tuple[int, float] | None = None
            for count in args.counts:
                with _overview(display, [f"sim:{spec}"] * count) as process:
                    time.sleep(_SETTLE_S)
                    percent = _percent(process.pid, args.seconds, args.rounds)
                more = ("", "")
                if last is not None:
                    each = (percent - last[1]) / (count - last[0])
                    more = (f"{each:.2f}", f"{each - simulator:.2f}")
                print(f"{count:>6}{percent:>9.2f}{more[0]:>13}{more[1]:>19}", flush=True)
                last = (count, percent)


if __name__ == "__main__":
    main()
