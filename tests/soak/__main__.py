"""A long run on simulated devices with faults drawn at random: ``python -m tests.soak --polls 1000000``.

Every round opens another device, polls it on a simulated clock, draws some of the frames, and closes it. The numbers of
fds, textures and EGLImages and the resident memory must not grow. A run prints its seed; ``--seed`` repeats the run.
"""

import argparse
import os
import random
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from app.planes.frame_source import FrameSource
from app.planes.status import State
from app.sim.config.fault import FAULT_NAMES, HOST_FAULTS
from app.sim.profile import open_simulated
from app.vfio.fetch_rule import rule_of
from app.vfio.poller import Poller
from gl.canvas import Canvas
from gl.context import SurfacelessContext
from gl.render_target import RenderTarget
from gl.renderer import Renderer

_POLLS_A_ROUND = 2000
_DRAW_EVERY = 25
_MIB = 1 << 20
# A round's buffers have a few hundred KiB. The caches of the allocator and of Mesa stop growing after some rounds.
_GROWTH_ALLOWED = 16 * _MIB
_FORMATS = ("XR24", "AR24", "XB24", "XR30", "RG16", "C8", "YUYV", "VYUY")
_MODIFIERS = ("LINEAR", "X", "Y", "Yf")
# Here nobody asks the host, and nobody asks the guest for a mode.
_FAULTS = tuple(each for each in FAULT_NAMES if each not in (*HOST_FAULTS, "edid-ignored"))


@dataclass
class Counts:
    """What a run did. ``states`` is how often it met each reason."""

    polls: int = 0
    draws: int = 0
    rounds: int = 0
    states: dict[str, int] = field(default_factory=dict)


class Clock:
    """Nanoseconds that the run advances."""

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
    """A small device with up to three faults that begin and end."""
    profile = rng.choice(("gvt", "gvt", "gvt", "mbochs", "mdpy"))
    words = [profile, f"size={rng.choice((64, 97, 128))}x{rng.choice((64, 65))}", f"fps={rng.choice((0, 10, 60, 240))}"]
    if profile == "gvt":
        words += [
            f"format={rng.choice(_FORMATS)}",
            f"modifier={rng.choice(_MODIFIERS)}",
            f"buffers={rng.randint(1, 8)}",
        ]
    faults = []
    for name in rng.sample(_FAULTS, rng.randint(0, 3)):
        start = rng.uniform(0, 10)
        if name == "gone":
            faults.append(f"{name}@{start:.2f}")
        else:
            faults.append(f"{name}@{start:.2f}-{start + rng.uniform(0.05, 2):.2f}/{rng.uniform(12.5, 15):.2f}")
    return ",".join(words + ([f"fault={'+'.join(faults)}"] if faults else []))


def run_round(rng: random.Random, renderer: Renderer, target: RenderTarget, counts: Counts, polls: int) -> None:
    """One device from open to close. Raises every error, as none is expected."""
    clock = Clock()
    device = open_simulated(random_spec(rng), clock)
    source: FrameSource = Poller(device, rule_of(device.vgpu), clock=clock)
    try:
        for number in range(polls):
            clock.now += rng.choice((100_000, 1_000_000, 8_000_000, 16_000_000))
            frame = source.latest()
            counts.states[frame.status.reason.key] = counts.states.get(frame.status.reason.key, 0) + 1
            if number % _DRAW_EVERY == 0 and frame.primary is not None:
                renderer.draw(frame, target)
                counts.draws += 1
            if frame.status.state is State.GONE:
                break
        counts.polls += number + 1
    finally:
        source.release_buffers()
        renderer.drop_released()
        source.close()
    counts.rounds += 1


def soak(polls: int, seed: int, *, quiet: bool = False) -> Counts:
    """Poll ``polls`` times. Raises AssertionError when something grew."""
    rng = random.Random(seed)
    counts = Counts()
    with SurfacelessContext() as context:
        renderer = Renderer(context)
        canvas = Canvas(context, 96, 72)
        target = RenderTarget(96, 72, canvas.framebuffer)
        for _ in range(12):
            run_round(rng, renderer, target, counts, _POLLS_A_ROUND)
        fds, memory, started = fd_count(), resident_bytes(), time.monotonic()
        reported = 0
        while counts.polls < polls:
            run_round(rng, renderer, target, counts, _POLLS_A_ROUND)
            assert fd_count() <= fds, f"fds grew from {fds} to {fd_count()} after {counts.polls} polls"
            grown = resident_bytes() - memory
            assert grown <= _GROWTH_ALLOWED, f"memory grew by {grown / _MIB:.1f} MiB after {counts.polls} polls"
            if not quiet and counts.polls - reported >= polls // 10:
                reported = counts.polls
                print(
                    f"{counts.polls} polls, {counts.draws} draws, {counts.rounds} devices, {fd_count()} fds, "
                    f"memory {grown / _MIB:+.1f} MiB, {time.monotonic() - started:.0f} s",
                    flush=True,
                )
        canvas.release()
        renderer.release()
    return counts


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--polls", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    args = parser.parse_args()
    print(f"seed {args.seed}", flush=True)
    counts = soak(args.polls, args.seed)
    print("reasons met:", ", ".join(f"{key} {count}" for key, count in sorted(counts.states.items())))
    return 0


if __name__ == "__main__":
    sys.exit(main())
