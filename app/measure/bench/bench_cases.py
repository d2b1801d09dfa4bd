"""What ``mdevview bench`` times, in the order of its report. How each is done is in :mod:`gl.bench_cases`."""

from dataclasses import dataclass

# The guest's picture.
WIDTH, HEIGHT = 1920, 1080
# So small a target costs a renderer little: what is left is the cost of everything else.
_SMALL = (64, 64)


@dataclass(frozen=True, slots=True)
class BenchCase:
    """What is timed, the size of the guest's picture, and that of the target. 0 where there is none."""

    name: str
    width: int = 0
    height: int = 0
    target_width: int = 0
    target_height: int = 0


def _drawn(name: str, *targets: tuple[int, int]) -> tuple[BenchCase, ...]:
    return tuple(BenchCase(name, WIDTH, HEIGHT, *target) for target in targets)


BENCH_CASES = (
    BenchCase("poll-off"),
    BenchCase("poll", WIDTH, HEIGHT),
    *_drawn("cached", _SMALL, (1920, 1080)),
    *_drawn("reimport", _SMALL),
    *_drawn("copy", _SMALL),
    *_drawn("bridge", _SMALL),
    *_drawn("region", _SMALL),
    # A mapping that may vanish is copied by the kernel first.
    *_drawn("region-vanishing", _SMALL),
    *_drawn("detile-x", _SMALL),
    *_drawn("detile-y", _SMALL),
    *_drawn("detile-yf", _SMALL),
    *_drawn("detile-4", _SMALL),
    *_drawn("composite", _SMALL, (1280, 720), (1920, 1080), (3840, 2160)),
    *_drawn("capture", (WIDTH, HEIGHT)),
)

# Several cases may have one name, for targets of several sizes.
CASE_NAMES = tuple(dict.fromkeys(each.name for each in BENCH_CASES))
