"""A long run on simulated devices with faults drawn at random: ``python -m tests.soak --polls 1000000``.

Every round opens another device, polls it on a clock that jumps, draws some of the frames, and closes it. Nothing may
grow: fds, textures, EGLImages, resident memory. The seed is printed, and makes the run repeatable.
"""

import argparse
import os
import random
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from app.planes.status import State
from app.sim.config.fault import FAULT_NAMES
from app.sim.open import open_simulated
from app.vfio.fetch_rule import rule_of
from app.vfio.poller import Poller
from gl.canvas import Canvas
from gl.context import SurfacelessContext
from gl.renderer import Renderer
from gl.target import Target

_POLLS_A_ROUND = 2000
_DRAW_EVERY = 25
_MIB = 1 << 20
# A round's buffers are a few hundred KiB; the allocator's and Mesa's caches settle within some rounds.
_GROWTH_ALLOWED = 16 * _MIB
_FORMATS = ("XR24", "AR24", "XB24", "XR30", "RG16", "C8", "YUYV", "VYUY")
_MODIFIERS = ("LINEAR", "X", "Y", "Yf")


@dataclass
class Tally:
    """What was seen; the more states a run meets, the more it says."""

    polls: int = 0
    draws: int = 0
    rounds: int = 0
    states: dict[str, int] = field(default_factory=dict)


class Clock:
    """Nanoseconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        return self.now


def fd_count() -> int:
    return len(os.listdir("/proc/self/fd"))


def resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def random_spec(rng: random.Random) -> str:
    """A small device with up to three faults that come and go."""
    profile = rng.choice(("gvt", "gvt", "gvt", "mbochs", "mdpy"))
    words = [profile, f"size={rng.choice((64, 97, 128))}x{rng.choice((64, 65))}", f"fps={rng.choice((0, 10, 60, 240))}"]
    if profile == "gvt":
        words += [
            f"format={rng.choice(_FORMATS)}",
            f"modifier={rng.choice(_MODIFIERS)}",
            f"buffers={rng.randint(1, 8)}",
        ]
    faults = []
    for name in rng.sample(FAULT_NAMES, rng.randint(0, 3)):
        start = rng.uniform(0, 10)
        if name == "gone":
            faults.append(f"{name}@{start:.2f}")
        else:
            faults.append(f"{name}@{start:.2f}-{start + rng.uniform(0.05, 2):.2f}/{rng.uniform(12.5, 15):.2f}")
    return ",".join(words + ([f"fault={'+'.join(faults)}"] if faults else []))


def run_round(rng: random.Random, renderer: Renderer, target: Target, tally: Tally, polls: int) -> None:
    """One device from open to close. Raises whatever should never be raised."""
    clock = Clock()
    device = open_simulated(random_spec(rng), clock)
    poller = Poller(device, rule_of(device.vgpu), clock=clock)
    try:
        for number in range(polls):
            clock.now += rng.choice((100_000, 1_000_000, 8_000_000, 16_000_000))
            frame = poller.latest()
            tally.states[frame.status.reason.key] = tally.states.get(frame.status.reason.key, 0) + 1
            if number % _DRAW_EVERY == 0 and frame.primary is not None:
                renderer.draw(frame, target)
                tally.draws += 1
            if frame.status.state is State.GONE:
                break
        tally.polls += number + 1
    finally:
        poller.release_buffers()
        renderer.forget()
        poller.close()
    tally.rounds += 1


def soak(polls: int, seed: int, *, quiet: bool = False) -> Tally:
    """Poll that often. Raises AssertionError when something grew."""
    rng = random.Random(seed)
    tally = Tally()
    with SurfacelessContext() as context:
        renderer = Renderer(context)
        canvas = Canvas(context, 96, 72)
        target = Target(96, 72, canvas.framebuffer)
        for _ in range(12):
            run_round(rng, renderer, target, tally, _POLLS_A_ROUND)
        fds, memory, started = fd_count(), resident_bytes(), time.monotonic()
        told = 0
        while tally.polls < polls:
            run_round(rng, renderer, target, tally, _POLLS_A_ROUND)
            assert fd_count() <= fds, f"fds grew from {fds} to {fd_count()} after {tally.polls} polls"
            grown = resident_bytes() - memory
            assert grown <= _GROWTH_ALLOWED, f"memory grew by {grown / _MIB:.1f} MiB after {tally.polls} polls"
            if not quiet and tally.polls - told >= polls // 10:
                told = tally.polls
                print(
                    f"{tally.polls} polls, {tally.draws} draws, {tally.rounds} devices, {fd_count()} fds, "
                    f"memory {grown / _MIB:+.1f} MiB, {time.monotonic() - started:.0f} s",
                    flush=True,
                )
        canvas.release()
        renderer.release()
    return tally


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--polls", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    args = parser.parse_args()
    print(f"seed {args.seed}", flush=True)
    tally = soak(args.polls, args.seed)
    print("reasons met:", ", ".join(f"{key} {count}" for key, count in sorted(tally.states.items())))
    return 0


if __name__ == "__main__":
    sys.exit(main())
