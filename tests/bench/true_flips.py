"""How long after a true flip of the guest a poll sees it, without any drawing: ``python -m tests.bench.true_flips``.

The guest draws and flips in a process of its own. Each line is a size, a rate of flips and a poll interval: 1 ms is
this program's, 16 and 30 ms are those of QEMU. ``late`` is how much later the guest flipped than it wanted to; ``CPU``
is what its process used of a core meanwhile. ``--inside`` has the guest draw inside the polls, as the window has it; a
flip is then counted from when it was due.
"""

import argparse
import time
from collections.abc import Iterable
from contextlib import closing

from app.sim.driver.device import SimulatedDevice
from app.sim.profile import open_simulated
from app.vfio.poller import Poller
from tests.bench.process_cpu import processor_s

_SIZES = ("1920x1080", "3840x2160")
_RATES = (60, 144)
_INTERVALS_MS = (1, 16, 30)


def _percentiles(times_ns: Iterable[int]) -> str:
    ordered = sorted(times_ns)
    if not ordered:
        return f"{'-':>8} {'-':>8} {'-':>8}"
    chosen = (ordered[len(ordered) // 2], ordered[len(ordered) * 99 // 100], ordered[-1])
    return " ".join(f"{each / 1e6:8.3f}" for each in chosen)


def _measure(device: SimulatedDevice, interval_ns: int, seconds: float) -> str:
    poller, process = Poller(device), device.guest.process
    poller.latest()
    delays, frame = [], poller.latest()
    made, lost = device.flips_made(), device.flips_lost()
    cpu = processor_s(process.pid) if process is not None else 0.0
    began = due = time.monotonic_ns()
    while due < began + seconds * 1e9:
        due = max(due + interval_ns, time.monotonic_ns())
        time.sleep(max(0, due - time.monotonic_ns()) / 1e9)
        before, frame = frame, poller.latest()
        if frame.primary is not before.primary:
            flip_ns = device.frame_flip_ns(frame)
            if flip_ns is not None:
                delays.append(time.monotonic_ns() - flip_ns)
    used = (time.monotonic_ns() - began) / 1e9
    made, lost = device.flips_made() - made, device.flips_lost() - lost
    share = f"{(processor_s(process.pid) - cpu) / used:9.1%}" if process is not None else f"{'-':>9}"
    late = [each.begin_ns - each.due_ns for each in device.flips(began)] if process is not None else []
    poller.release_buffers()
    return f"{_percentiles(delays)} {made:6d} {lost:6d}   {_percentiles(late)} {share}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10.0, help="for each line")
    parser.add_argument("--inside", action="store_true", help="draw inside the polls")
    args = parser.parse_args()
    print(f"{'':18}        true flip to seen (ms)     flips             late (ms)               guest")
    print(f"{'size':9} {'fps':>3} {'poll':>4}  {'median':>8} {'p99':>8} {'max':>8} {'made':>6} {'lost':>6}   ", end="")
    print(f"{'median':>8} {'p99':>8} {'max':>8} {'CPU':>9}")
    for size in _SIZES:
        for rate in _RATES:
            for interval in _INTERVALS_MS:
                with closing(open_simulated(f"gvt,size={size},fps={rate}", own_process=not args.inside)) as device:
                    line = _measure(device, interval * 1_000_000, args.seconds)
                print(f"{size:9} {rate:3d} {interval:4d}  {line}", flush=True)


if __name__ == "__main__":
    main()
