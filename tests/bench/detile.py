"""The time to undo each tiling, beside that of a plain copy: ``python -m tests.bench.detile [WIDTHxHEIGHT]``.

The goal is at most twice the time of a copy and 3 ms more at 1920x1080. Processor time is measured, and the median of
the rounds is printed.
"""

import statistics
import sys
import time
from collections.abc import Callable

import numpy as np

from app.formats import tiling
from app.formats.reading import SHORT_MODIFIERS
from ui.cli.argument_values import size

_ROUNDS = 41


def _median_ms(call: Callable[[], object]) -> float:
    times = []
    for _ in range(_ROUNDS):
        began = time.thread_time_ns()
        call()
        times.append((time.thread_time_ns() - began) / 1e6)
    return statistics.median(times)


def main() -> None:
    width, height = size(sys.argv[1] if len(sys.argv) > 1 else "1920x1080")
    stride = -(-width * 4 // 512) * 512
    print(f"{'tiling':6} {'copy ms':>8} {'detile ms':>10} {'ratio':>6} {'goal ms':>8}")
    for name, modifier in SHORT_MODIFIERS.items():
        if not modifier:
            continue
        data = np.random.default_rng(1).integers(0, 256, tiling.plane_size(modifier, 4, stride, height), np.uint8)
        rows = data[: stride * height].reshape(height, stride)[:, : width * 4]
        copy = _median_ms(rows.copy)
        detile = _median_ms(lambda: tiling.detile(data, modifier, 4, stride, width * 4, height))  # noqa: B023
        print(f"{name:6} {copy:8.2f} {detile:10.2f} {detile / copy:6.2f} {2 * copy + 3:8.2f}")


if __name__ == "__main__":
    main()
