"""The pictures that a guest draws, and that dom0 compares. The standard library only: it also runs in the guest."""

import functools
import random


@functools.cache
def _line(width: int) -> bytes:
    """Twice the bytes of one line, of no pattern, without alpha: the fourth byte of each pixel is 0xff."""
    source = random.Random(width)
    pixels = b"".join(source.randbytes(3) + b"\xff" for _ in range(width))
    return pixels * 2


def picture(seed: int, width: int, height: int) -> bytes:
    """The bytes of a picture of 4 bytes a pixel without padding. Each seed and each line is another rotation."""
    line = _line(width)
    starts = ((seed * 37 + y * 11) % width * 4 for y in range(height))
    return b"".join([line[start : start + width * 4] for start in starts])
